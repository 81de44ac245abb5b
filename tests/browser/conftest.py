"""A real library, a real server, a real Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from libraries import make_library
from playwright.sync_api import Browser, Page, sync_playwright
from webserver import serving


@pytest.fixture(scope="session")
def library_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def address(library_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(library_root, tmp_path_factory.mktemp("log") / "server.log") as running:
        yield running


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=shutil.which(chromium), args=as_root)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh tab; a request to another host, a dialog or an error in a script fails the test."""
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 860})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
    tab.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    allowed = (address, "data:", "blob:", "https://www.youtube-nocookie.com/embed/")
    tab.on("request", lambda request: None if request.url.startswith(allowed) else wrong.append(request.url))
    yield tab
    context.close()
    assert wrong == []
