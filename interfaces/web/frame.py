"""What stands around every page: the head with the ways through the app, the page's title, one line for an error."""

from __future__ import annotations

import functools
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from interfaces.web import opened
from interfaces.web.links import PageName, address
from interfaces.web.markup import link
from kb.errors import HarkError, NotALibraryError

if TYPE_CHECKING:
    from kb.library import Library

_ASSETS = Path(__file__).with_name("assets")
_WAYS: tuple[tuple[PageName, str], ...] = (("", "Library"), ("search", "Search"), ("ask", "Ask"), ("notes", "Notes"))

Draw = Callable[["Library"], None]


def draw_head(url_path: str) -> None:
    """The head: the name of the app and the four ways in."""
    set_title("")
    st.html(_ASSETS / "style.css")
    ways = "".join(
        f'<a href="{address(page)}"{" aria-current=page" if page == url_path else ""}>{title}</a>'
        for page, title in _WAYS
    )
    mark = '<span class="mark" aria-hidden="true"></span>'
    st.html(f'<nav class="head" aria-label="Hark"><a class="brand" href=".">{mark}Hark</a>{ways}</nav>')


def set_title(title: str) -> None:
    """The title of the browser's tab."""
    st.set_page_config(
        page_title=f"{title} · Hark" if title else "Hark",
        page_icon=(_ASSETS / "hark.svg").read_text(encoding="utf-8"),
        layout="centered",
        initial_sidebar_state="collapsed",
    )


def guarded(draw: Draw) -> Callable[[], None]:
    """The page as Streamlit runs it: opens the library; an error a reader can act upon becomes one line."""

    @functools.wraps(draw)
    def run() -> None:
        try:
            draw(opened.library())
        except NotALibraryError:
            draw_first_steps(None)
        except HarkError as error:
            draw_error(error)

    return run


def draw_error(error: HarkError) -> None:
    """What happened, and what to do about it."""
    remedy = f'<span class="remedy">{escape(error.remedy)}</span>' if error.remedy else ""
    where = f'<span class="where">{escape(error.where)}</span>' if error.where else ""
    st.html(f'<div class="fault" role="alert"><p>{escape(error.what)}</p>{where}{remedy}</div>')


def draw_first_steps(library: Library | None) -> None:
    """What to do first: in a folder without a library, or with one that holds nothing yet."""
    set_title("Begin")
    root = str(opened.library_root())
    made = library is not None
    steps = [] if made else [("Make a library in a folder of your own.", "hark init my-library && cd my-library")]
    steps += [
        ("Add recordings with captions, as yt-dlp saves them, or bare captions.", "hark ingest PATH-TO-FOLDER"),
        ("Or add notes that you have already: a folder of Markdown.", "hark import PATH-TO-VAULT"),
    ]
    if not made:
        steps.append(("Open this page for it.", "hark app"))
    said = "This library is empty so far." if made else "There is no library in this folder yet."
    items = "".join(f"<li><p>{escape(text)}</p><pre><code>{escape(code)}</code></pre></li>" for text, code in steps)
    st.html(
        f'<section class="first"><h1>Begin here</h1><p class="lead">{said} '
        f"Hark turns podcasts and talks into a library that you can read, search and cite to the second.</p>"
        f'<ol>{items}</ol><p class="small">Looked in <code>{escape(root)}</code>. '
        f"Reload this page when you are done.</p></section>"
    )


def draw_heading(title: str, below: str = "") -> None:
    """The page's heading, with a line of HTML below it."""
    st.html(f'<header class="title"><h1>{escape(title)}</h1><p class="meta">{below}</p></header>')


def draw_nothing(text: str, *ways: tuple[str, str]) -> None:
    """A page with nothing on it says why, and where to go: ``ways`` are (address, label)."""
    links = " ".join(link(href, label, "way") for href, label in ways)
    st.html(f'<div class="nothing"><p>{escape(text)}</p><p>{links}</p></div>')
