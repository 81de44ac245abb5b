"""Lists of episodes and of notes, as several pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from interfaces.web.links import episode_address, note_address, show_address
from interfaces.web.markup import day, dotted, length, link

if TYPE_CHECKING:
    from kb.library import EpisodeEntry, NoteEntry


def episode_list(entries: Iterable[EpisodeEntry], *, with_show: bool = False) -> str:
    """Episodes one below the other: title, show, date, length, and the way to the note."""
    return f'<ul class="episodes">{"".join(_episode_line(entry, with_show) for entry in entries)}</ul>'


def _episode_line(entry: EpisodeEntry, with_show: bool) -> str:
    episode = entry.episode
    facts = dotted(
        [
            link(show_address(episode.show), episode.show) if with_show and episode.show else "",
            day(episode.date),
            length(episode.duration_s),
            escape(", ".join(episode.speakers)),
            link(note_address(entry.notes[0]), "note") if entry.notes else "",
        ]
    )
    return (
        f'<li>{link(episode_address(episode.id), episode.title or "Untitled", "name")}<p class="meta">{facts}</p></li>'
    )


def note_list(entries: Iterable[NoteEntry]) -> str:
    """Notes by title."""
    lines = (f"<li>{link(note_address(entry.path), entry.title)}</li>" for entry in entries)
    return f'<ul class="notes">{"".join(lines)}</ul>'
