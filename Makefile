# Hark's verbs. `make help` lists them; `make demo` and `make test` need Python 3.11 or newer, pip and make, no more.

SHELL := /bin/sh
.SUFFIXES:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-to-run
TEST_STAMP := $(VENV)/.installed-to-test

# The interpreter that the environment is made from; the first of these that is new enough.
PYTHON ?=
PYTHONS := $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python
# Where `make demo` serves: HARK_PORT or PORT; without one, the first free port from 8501 on.
PORT ?= $(HARK_PORT)
# How many processes the tests share.
JOBS ?= 2

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test check bench samples clean chromium

help:  ## List these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(RUN_STAMP)  ## Install, ingest the sample talks into this library and serve the app (PORT=8501)
	@$(BIN)/hark ingest samples --library .
	@exec $(BIN)/hark app --no-browser --library . $(if $(strip $(PORT)),--port $(strip $(PORT)))

test: check chromium  ## Install what the tests need, check the code and run every test
	@$(BIN)/python -m pytest -n $(JOBS)

check: $(TEST_STAMP)  ## Check the code without running it: ruff, mypy and the layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(RUN_STAMP)  ## Measure retrieval on the sample talks
	@$(BIN)/python -m benchmarks.retrieval

samples: $(RUN_STAMP)  ## Make the sample talks again from their scripts (needs espeak-ng and opusenc)
	@$(BIN)/python samples/make_samples.py

clean:  ## Remove what can be made again: the environment, the index, caches
	@rm -rf $(VENV) .hark build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	@find . -type d -name __pycache__ -prune -exec rm -rf {} +

# --- what the verbs above stand on --------------------------------------------------------------------------------

$(BIN)/python:
	@python=''; for name in $(PYTHONS); do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python="$$name"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'hark: Python 3.11 or newer is needed and none was found (install it, or name it: make PYTHON=/path/to/python3.11)' >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	  echo "hark: $$python cannot make an environment: its venv module is missing (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; \
	fi; \
	echo "Making an environment in $(VENV) with $$python"; \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUN_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing what Hark needs (some minutes the first time)'
	@$(BIN)/python -m pip install --quiet -e . --config-settings editable_mode=compat -c constraints.txt
	@touch $@

$(TEST_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing what Hark and its tests need (some minutes the first time)'
	@$(BIN)/python -m pip install --quiet -e '.[dev]' --config-settings editable_mode=compat -c constraints.txt
	@touch $(RUN_STAMP) $@

# The browser tests need a Chromium. It is installed where apt may do that without asking, else those tests are skipped.
chromium:
	@find_chromium() { for name in "$$HARK_CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do \
	    if [ -n "$$name" ] && "$$name" --version >/dev/null 2>&1; then return 0; fi; done; return 1; }; \
	find_chromium && exit 0; \
	if ! command -v apt-get >/dev/null 2>&1; then why='it is not installed and there is no apt-get'; \
	elif [ "$$(id -u)" = 0 ]; then as_root=''; \
	elif sudo -n true >/dev/null 2>&1; then as_root='sudo -n'; \
	else why='it is not installed, and installing it takes a root password'; fi; \
	if [ -z "$$why" ]; then \
	  echo 'Installing Chromium for the browser tests'; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { $$as_root timeout 60 apt-get update -qq; $$as_root timeout 240 apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1; \
	  find_chromium && exit 0; why='apt could not install it'; \
	fi; \
	echo "No Chromium: the browser tests are skipped ($$why)"
