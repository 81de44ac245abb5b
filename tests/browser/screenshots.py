"""Pictures of the web app over the library that ships: ``python tests/browser/screenshots.py``.

Without arguments it writes the README's two into ``docs/images``; ``--all FOLDER`` writes every page there, wide and
narrow, light and dark, to look at.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from webserver import serving

from kb.library import Library, open_library

ROOT = Path(__file__).resolve().parents[2]
QUERY = "how do we remember names"
SIZES = {"wide": (1280, 860), "phone": (390, 800)}
DRAWN = ".stMain :is(.hit, article.note, .turn, ul.episodes, ul.notes, .nothing, .first)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--library", type=Path, default=ROOT, help="the library to show; the one that ships by default")
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, in all sizes and colours")
    given = parser.parse_args()
    with open_library(given.library) as library:
        pages = addresses(library)
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving(given.library, Path(scratch) / "log") as base,
        chromium() as b,
    ):
        if given.all:
            given.all.mkdir(parents=True, exist_ok=True)
            take_all(b, base, pages, given.all)
        else:
            take_for_readme(b, base, pages, ROOT / "docs" / "images")


def addresses(library: Library) -> dict[str, str]:
    """A page of each kind."""
    entry = next((entry for entry in library.episodes() if library.media_path(entry.episode)), library.episodes()[0])
    concepts = [note.path for note in library.notes() if note.kind == "concept"]
    pages = {
        "home": "",
        "search": f"search?q={QUERY}",
        "filters": f"search?q={QUERY}&mode=semantic&kind=quote",
        "nothing": "search?q=zzyzx&mode=lexical",
        "missing": "search?q=tape&missing=A page that nobody wrote",
        "ask": f"ask?question={QUERY}",
        "notes": "notes",
        "show": f"show?show={entry.episode.show}",
        "episode": f"episode?id={entry.episode.id}&t=61",
        "note": f"note?path={entry.notes[0]}" if entry.notes else "notes",
    }
    return pages | ({"concept": f"note?path={concepts[0]}"} if concepts else {})


@contextmanager
def chromium() -> Iterator[Browser]:
    names = (os.environ.get("HARK_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if name and (found := shutil.which(name))), None)
    if path is None:
        raise SystemExit("No Chromium is installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def show(page: Page, href: str) -> None:
    page.goto(href)
    page.locator(DRAWN).first.wait_for()
    page.wait_for_function("typeof window.hark?.arrive === 'function'")
    page.wait_for_function("document.querySelector('.stApp').dataset.testScriptState === 'notRunning'")
    page.wait_for_function("![...document.querySelectorAll('[data-testid=stSkeleton]')].some(e => e.offsetParent)")


def play(page: Page) -> None:
    """Presses play at the first moment, and pauses once it plays."""
    page.locator("[data-media] a.moment").first.click()
    page.wait_for_function("document.querySelector('#hark-media').currentTime > 0.3")
    page.wait_for_function("document.querySelector('#hark-media').duration > 0")


def take_all(browser: Browser, base: str, pages: dict[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(
                base_url=base, viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
            )
            page = context.new_page()
            for name, href in pages.items():
                show(page, f"/{href}")
                page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")
            context.close()


def take_for_readme(browser: Browser, base: str, pages: dict[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(base_url=base, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    for name in ("search", "note"):
        show(page, f"/{pages[name]}")
        play(page)
        page.screenshot(path=folder / f"{name}.png")
    context.close()


if __name__ == "__main__":
    main()
