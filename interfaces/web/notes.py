"""All notes: concepts, the notes of each show, and pages that links ask for and nobody has written."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import streamlit as st

from interfaces.web.frame import draw_first_steps, draw_heading, draw_nothing, set_title
from interfaces.web.links import address
from interfaces.web.lists import note_list
from interfaces.web.markup import count, dotted, link

if TYPE_CHECKING:
    from kb.library import Library, NoteEntry

MOST_WANTED = 40


def draw(library: Library) -> None:
    entries = library.notes()
    if not entries and not library.episodes():
        draw_first_steps(library)
        return
    set_title("Notes")
    draw_heading("Notes", dotted([count(len(entries), "note"), _review(library)]))
    if not entries:
        draw_nothing("There are no notes yet.", (".", "The library"))
        return
    concepts = sorted((note for note in entries if note.kind == "concept"), key=_by_title)
    if concepts:
        st.html(f'<section class="concepts"><h2>Concepts</h2>{note_list(concepts)}</section>')
    others = sorted((note for note in entries if note.kind != "concept"), key=lambda note: note.show.casefold())
    for show, group in groupby(others, key=lambda note: note.show):
        _draw_show(show, sorted(group, key=_by_title))
    _draw_wanted(library)


def _review(library: Library) -> str:
    """The way to what waits for the person's word, where something does."""
    from ingest.proposals import count_proposals

    waiting = count_proposals(library.root)
    return link(address("review"), f"{count(waiting, 'note')} to review") if waiting else ""


def _by_title(note: NoteEntry) -> str:
    return note.title.casefold()


def _draw_show(show: str, notes: list[NoteEntry]) -> None:
    from html import escape

    st.html(f"<section><h2>{escape(show or 'Without a show')}</h2>{note_list(notes)}</section>")


def _draw_wanted(library: Library) -> None:
    wanted = library.wanted(limit=MOST_WANTED)
    if not wanted:
        return
    lines = (
        f"<li>{link(address('search', q=name, missing=name), name, 'wikilink missing')} "
        f'<span class="times">{count(times, "link")}</span></li>'
        for name, times in wanted
    )
    st.html(f'<section><h2>Not written yet</h2><ul class="notes wanted">{"".join(lines)}</ul></section>')
