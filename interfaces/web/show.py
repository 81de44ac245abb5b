"""One show: its episodes, newest first, and its notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from interfaces.web.frame import draw_heading, draw_nothing, set_title
from interfaces.web.links import SearchForm, note_address, read_text
from interfaces.web.lists import episode_list
from interfaces.web.markup import count, day, dotted, link
from kb.notes.wikilinks import fold

if TYPE_CHECKING:
    from kb.library import Library, Show


def draw(library: Library) -> None:
    asked = read_text(st.query_params, "show")
    found = _named(library.shows(), asked)
    if found is None:
        draw_nothing(f"There is no show called {asked or 'so'} here.", (".", "All shows"))
        return
    set_title(found.name)
    span = dict.fromkeys([day(found.first), day(found.last)])
    page = next((note for note in library.notes(found.slug) if note.kind == "show"), None)
    facts = [count(found.episodes, "episode"), f"{found.hours:,.1f} hours" if found.hours else ""]
    facts += [
        " to ".join(text for text in span if text),
        link(note_address(page.path), "the show's note") if page else "",
    ]
    draw_heading(found.name, dotted([*facts, link(SearchForm(show=found.slug).address(), "search in it")]))
    entries = library.episodes(found.slug)
    st.html(episode_list(entries) if entries else '<p class="nothing">No episodes.</p>')


def _named(shows: tuple[Show, ...], asked: str) -> Show | None:
    wanted = fold(asked)
    return next((show for show in shows if wanted in (fold(show.slug), fold(show.name))), None)
