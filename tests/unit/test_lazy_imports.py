"""`hark --help`, `hark status` and the like start quickly: what takes long to import is not imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    *("torch", "faiss", "streamlit", "whisper", "yt_dlp", "onnxruntime", "tantivy"),
    *("numpy", "pydantic", "sentence_transformers", "ray", "rich", "markdown_it", "yaml"),
)

DRIVER = """
import json, sys
from interfaces.cli.commands import app
try:
    app(sys.argv[1:], prog_name="hark")
except SystemExit as end:
    code = end.code
print(json.dumps({"code": code, "loaded": sorted(set(sys.modules) & set(%r))}), file=sys.stderr)
"""


def loaded_by(*arguments: str) -> dict[str, object]:
    """What of HEAVY a fresh interpreter has imported after the command, and its exit code."""
    command = [sys.executable, "-c", DRIVER % (HEAVY,), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    result: dict[str, object] = json.loads(ran.stderr.strip().splitlines()[-1])
    return result


@pytest.fixture
def library(tmp_path: Path) -> Path:
    from kb.library import create_library

    create_library(tmp_path / "library", "Nine Lanterns").close()
    return tmp_path / "library"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["search", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_by(*arguments) == {"code": 0, "loaded": []}


@pytest.mark.parametrize("arguments", [["status"], ["status", "--json"]])
def test_status_imports_nothing_heavy(library: Path, arguments: list[str]) -> None:
    assert loaded_by("--library", str(library), *arguments) == {"code": 0, "loaded": []}


def test_an_ingest_with_nothing_to_do_imports_nothing_heavy(library: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert loaded_by("ingest", str(tmp_path / "empty"), "--library", str(library))["loaded"] == []


def test_the_check_sees_what_is_imported() -> None:
    driver = f"import numpy\n{DRIVER % (HEAVY,)}"
    ran = subprocess.run([sys.executable, "-c", driver, "--help"], capture_output=True, text=True, check=False)
    assert "numpy" in json.loads(ran.stderr.strip().splitlines()[-1])["loaded"]
