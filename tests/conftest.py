"""What tests share: where Chromium is, and which tests are skipped without it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@functools.cache
def find_chromium() -> str:
    """The path of a Chromium that starts (``HARK_CHROMIUM`` first), or an empty string."""
    for name in (os.environ.get("HARK_CHROMIUM", ""), *CHROMIUM_NAMES):
        path = shutil.which(name) if name else None
        if path and subprocess.run([path, "--version"], capture_output=True, check=False, timeout=30).returncode == 0:
            return path
    return ""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium, for Playwright's ``executable_path``."""
    path = find_chromium()
    if not path:
        pytest.skip("no Chromium is installed")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    browser_tests = [item for item in items if item.get_closest_marker("browser")]
    if browser_tests and not find_chromium():
        for item in browser_tests:
            item.add_marker(pytest.mark.skip(reason="no Chromium is installed"))


@pytest.fixture(autouse=True)
def _no_library_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library and port that whoever runs the tests has set are not the tests'."""
    for name in ("HARK_LIBRARY", "HARK_PORT"):
        monkeypatch.delenv(name, raising=False)
