"""Pieces of HTML for ``st.html``: every text that comes from outside is escaped here, once.

Streamlit's Markdown never sees such a text: it reads ``$5 and $10`` as mathematics and ``:red[x]`` as a directive.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING
from zlib import crc32

from interfaces.web.links import episode_address, seconds_text
from interfaces.web.recordings import recording_address
from kb.model import Episode
from kb.timecode import deep_link, format_clock, youtube_id

if TYPE_CHECKING:
    from kb.library import Library

SPEAKER_COLOURS = 8


@dataclass(frozen=True, slots=True)
class Source:
    """Where an episode plays: ``media`` is the recording's address here, ``video_id`` YouTube's, ``web`` elsewhere."""

    episode_id: str
    title: str
    media: str = ""
    video_id: str = ""
    web: str = ""
    duration_s: float | None = None
    known: bool = True  # whether the library has the episode, and so a page for it

    @property
    def plays_here(self) -> bool:
        return bool(self.media or self.video_id)

    def told(self) -> dict[str, str]:
        """What the player has to know to play it."""
        return {
            "episode": self.episode_id,
            "title": self.title,
            "media": self.media,
            "video": self.video_id,
            "duration": seconds_text(self.duration_s),
        }

    def attributes(self, name: str = "episode") -> str:
        """The same as an element's attributes: the player then knows what the moments inside it belong to.

        Under another name than ``episode`` it is said for moments elsewhere, whose address names the episode.
        """
        pairs = {name if key == "episode" else key: value for key, value in self.told().items()}
        return "".join(f' data-{key}="{escape(value)}"' for key, value in pairs.items() if value)

    def address(self, t: float) -> str:
        """Where a moment leads without the player: to its transcript, or elsewhere if it only plays there."""
        elsewhere = "" if self.plays_here and self.known else deep_link(self.web, "", t)
        return elsewhere or episode_address(self.episode_id, t)


def source_of(library: Library, episode: Episode) -> Source:
    """What the library knows about where the episode plays."""
    return Source(
        episode_id=episode.id,
        title=episode.title,
        media=recording_address(episode, library.media_path(episode)),
        video_id=youtube_id(deep_link(episode.url, episode.video_id, None)),
        web=deep_link(episode.url, episode.video_id, None),
        duration_s=episode.duration_s,
    )


def link(href: str, text: str, css: str = "") -> str:
    """A link; one that leaves the app opens a tab of its own, which learns nothing about this one."""
    outside = ' target="_blank" rel="noopener noreferrer"' if href.startswith(("http://", "https://")) else ""
    return f'<a href="{escape(href)}"{_class(css)}{outside}>{escape(text)}</a>'


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``: a time as it is read, not as it is stored."""
    text = format_clock(max(seconds, 0.0))
    return text.removeprefix("00:").removeprefix("0")


def moment(source: Source, t: float, *, play_sign: bool = False) -> str:
    """A time that plays when it is pressed."""
    href = source.address(t)
    outside = ' target="_blank" rel="noopener noreferrer"' if href.startswith("http") else ""
    sign = '<span class="play-sign" aria-hidden="true">▶</span>' if play_sign else ""
    return (
        f'<a class="moment" data-t="{seconds_text(t)}" href="{escape(href)}"{outside} '
        f'aria-label="Play from {clock(t)}">{sign}{clock(t)}</a>'
    )


def copy_button(href: str, label: str = "Copy link") -> str:
    return f'<button type="button" class="quiet copy" data-copy="{escape(href)}">{escape(label)}</button>'


def day(date: dt.date | None) -> str:
    """``5 June 2024``, or nothing."""
    return f"{date.day} {date:%B %Y}" if date else ""


def length(seconds: float | None) -> str:
    """``47 min`` or ``1 h 02 min``, or nothing."""
    if not seconds:
        return ""
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def count(number: int, one: str, many: str = "") -> str:
    """``1 note``, ``2,345 notes``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def dotted(parts: Iterable[str]) -> str:
    """Pieces of HTML in one line, a dot between them; empty ones are left out."""
    return '<span class="dot" aria-hidden="true"> · </span>'.join(part for part in parts if part)


def speaker_class(name: str, speakers: Sequence[str]) -> str:
    """A colour for a speaker: by the place among the episode's speakers, else by the name itself."""
    place = speakers.index(name) if name in speakers else crc32(name.encode())
    return f"sp{place % SPEAKER_COLOURS}"


def speaker_name(name: str, speakers: Sequence[str]) -> str:
    return f'<span class="speaker {speaker_class(name, speakers)}">{escape(name)}</span>' if name else ""


def highlighted(text: str, words: Sequence[str]) -> str:
    """The text escaped, with ``words`` marked where they stand as whole words, in any case."""
    if not words:
        return escape(text)
    longest_first = sorted({word for word in words if word}, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
    out, at = [], 0
    for match in pattern.finditer(text):
        out += [escape(text[at : match.start()]), "<mark>", escape(match[0]), "</mark>"]
        at = match.end()
    return "".join([*out, escape(text[at:])])


def _class(css: str) -> str:
    return f' class="{css}"' if css else ""
