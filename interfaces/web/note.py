"""One note: its text, its times and links alive, and what links here."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from interfaces.web.frame import draw_heading, draw_nothing, set_title
from interfaces.web.links import address, episode_address, note_address, read_seconds, read_text, show_address
from interfaces.web.markup import Source, copy_button, day, dotted, link, source_of
from interfaces.web.player import arrive
from kb.errors import NotFoundError
from kb.model import Note, WikiLink
from kb.notes.render import heading_id, render_html
from kb.timecode import deep_link, parse_clock, youtube_id

if TYPE_CHECKING:
    from kb.library import Backlink, Library


def draw(library: Library) -> None:
    path = read_text(st.query_params, "path")
    try:
        note = library.note(path)
    except NotFoundError:
        name = path.rsplit("/", 1)[-1].removesuffix(".md").replace("_", " ")
        draw_nothing(
            "There is no such note in this library.", (address("search", q=name, missing=name), "Search for it")
        )
        return
    source = note_source(library, note)
    set_title(note.title)
    draw_heading(note.title, _facts(note, source))
    heading = read_text(st.query_params, "heading")
    arrive(source, read_seconds(st.query_params), heading_id(heading) if heading else "")
    st.html(note_html(library, note, source))
    _draw_backlinks(library.backlinks(note.path))


def note_source(library: Library, note: Note) -> Source | None:
    """Where the note's episode plays: as the library knows it, else as the note itself says; None for no episode."""
    front, episode_id = note.front, library.store.note_entry(note.path).episode_id
    if episode_id:
        return source_of(library, library.episode(episode_id).episode)
    web = deep_link(front.url, front.video_id, None)
    if not web:
        return None
    return Source(front.id or note.path, note.title, video_id=youtube_id(web), web=web, known=False)


def note_html(library: Library, note: Note, source: Source | None) -> str:
    """The note, and what the player has to know about the episodes that its times belong to."""
    trail = Trail(library, note.path, source)
    body = render_html(note.text, trail.link, trail.moment)
    told = "".join(f"<span hidden{one.attributes('source')}></span>" for one in trail.sources.values())
    return f'<article class="note"{source.attributes() if source else ""}>{body or "<p></p>"}{told}</article>'


class Trail:
    """Where the links and times of one note lead, asked for in the order in which they stand.

    In the note of an episode every time is that episode's. In a note across episodes, a concept's, a time belongs to
    the episode whose note was linked last before it. A link to a note at a time, ``[[note#00:18:00]]``, is a moment of
    that note's episode.
    """

    def __init__(self, library: Library, path: str, source: Source | None) -> None:
        self._library, self._path = library, path
        self._own = self._near = source
        self.sources: dict[str, Source] = {}

    def link(self, wikilink: WikiLink) -> tuple[str, bool]:
        """Its note's address, or that of a search which says that the note is missing."""
        found = self._library.resolve(wikilink.target, self._path)
        if found is None:
            name = wikilink.target.replace("_", " ").strip()
            return address("search", q=name, missing=name), False
        source = self._source_of(found)
        if source and self._own is None:
            self._near = source
        t = parse_clock(wikilink.heading)
        if source is None or t is None:
            return note_address(found, heading=wikilink.heading), True
        self.sources[source.episode_id] = source
        return episode_address(source.episode_id, t), True

    def moment(self, seconds: float) -> str:
        """Where a time leads without the player."""
        if self._near is None:
            return note_address(self._path)
        if self._own is None:
            self.sources[self._near.episode_id] = self._near
        return self._near.address(seconds)

    def _source_of(self, path: str) -> Source | None:
        """Where the episode of another note plays."""
        episode_id = self._library.store.note_entry(path).episode_id
        return source_of(self._library, self._library.episode(episode_id).episode) if episode_id else None


def _facts(note: Note, source: Source | None) -> str:
    front = note.front
    facts = dotted(
        [
            link(show_address(front.show), front.show) if front.show else "",
            day(front.date),
            escape(", ".join(front.speakers)),
            escape(front.kind) if front.kind != "episode" else "",
        ]
    )
    transcript = ""
    if source and source.known:
        transcript = link(episode_address(source.episode_id), "Transcript", "quiet")
    web = link(source.web, "At its source", "quiet") if source and source.web else ""
    return f'{facts}<span class="tools">{transcript}{web}{copy_button(note_address(note.path))}</span>'


def _draw_backlinks(backlinks: tuple[Backlink, ...]) -> None:
    if not backlinks:
        return
    lines = "".join(
        f'<li>{link(note_address(entry.path), entry.title)}<p class="context">{escape(entry.context)}</p></li>'
        for entry in backlinks
    )
    st.html(f'<section class="backlinks"><h2>Linked from</h2><ul>{lines}</ul></section>')
