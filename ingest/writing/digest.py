"""What a note will say, decided once and kept: which sentences, which headings, which concepts.

A digest depends on the transcript and on what the library talked about when it was made. It is kept in the journal, so
that the same note is written again from it whenever it is needed, whatever was added to the library in between.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingest.writing.terms import pack, unpack
from kb.model import Episode
from kb.notes.wikilinks import fold

WRITER = "extractive"
WRITER_VERSION = 1  # ``ingest.plan.WRITING`` says the same
MOST_TITLES = 12  # former ones of an episode that are kept


@dataclass(frozen=True, slots=True)
class Moment:
    """A sentence that is quoted."""

    start_s: float
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept: ``identity`` tells it from others, ``slug`` names its page."""

    identity: str
    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A concept in an episode: by what key it goes there, whether the note links to it, in how many chunks it is said,
    and what was said about it.
    """

    concept: Concept
    key: str
    chosen: bool
    chunks: int
    quotes: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an episode."""

    heading: str
    start_s: float
    quotes: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """All that a note says. ``transcript`` is the SHA-256 of the file it was made from."""

    episode: Episode
    transcript: str
    english: bool
    speakers: tuple[str, ...]  # those who say most first
    about: tuple[Moment, ...]
    mentions: tuple[Mention, ...]
    sections: tuple[Section, ...]

    @property
    def concepts(self) -> tuple[Mention, ...]:
        """Those that the note links to."""
        return tuple(mention for mention in self.mentions if mention.chosen)


def pack_digest(digest: Digest) -> str:
    """As text for the journal; ``unpack_digest`` reads it."""
    table = asdict(digest)
    date = digest.episode.date
    table["episode"]["date"] = date.isoformat() if date else None
    return pack(table)


def unpack_digest(text: str) -> Digest | None:
    """What ``pack_digest`` kept, or None where it is damaged or of another version."""
    try:
        table = unpack(text)
        return Digest(
            episode=_episode(table["episode"]),
            transcript=str(table["transcript"]),
            english=bool(table["english"]),
            speakers=tuple(table["speakers"]),
            about=_moments(table["about"]),
            mentions=tuple(_mention(row) for row in table["mentions"]),
            sections=tuple(Section(s["heading"], s["start_s"], _moments(s["quotes"])) for s in table["sections"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _episode(row: dict[str, Any]) -> Episode:
    date = dt.date.fromisoformat(row["date"]) if row["date"] else None
    return Episode(**{**row, "date": date, "speakers": tuple(row["speakers"])})


def _moments(rows: list[dict[str, Any]]) -> tuple[Moment, ...]:
    return tuple(Moment(**row) for row in rows)


def _mention(row: dict[str, Any]) -> Mention:
    return Mention(Concept(**row["concept"]), row["key"], row["chosen"], row["chunks"], _moments(row["quotes"]))


# --- former titles ----------------------------------------------------------------------------------------------------


def titles_after(former: Sequence[str], old: str, new: str) -> tuple[str, ...]:
    """The former titles of an episode that was called ``old`` and is called ``new`` now, the latest last.

    Each once, and none that a link reads as the new one. The oldest are forgotten where there are too many.
    """
    by_name = {fold(title): title for title in (*former, old) if title.strip()}
    by_name.pop(fold(new), None)
    return tuple(by_name.values())[-MOST_TITLES:]


def pack_titles(titles: Sequence[str]) -> str:
    """As text for the journal; ``unpack_titles`` reads it."""
    return json.dumps(list(titles), ensure_ascii=False)


def unpack_titles(text: str) -> tuple[str, ...]:
    """What ``pack_titles`` kept; nothing where it is damaged."""
    try:
        titles = json.loads(text)
    except ValueError:
        return ()
    return tuple(title for title in titles if isinstance(title, str)) if isinstance(titles, list) else ()
