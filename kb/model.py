"""The values that Hark works with: frozen, typed, from the standard library alone.

Words:
    episode     one recording: a podcast episode, a talk, a meeting
    show        what it belongs to: a feed, a channel, a conference
    segment     one cue of a transcript: who, from, to, text
    sentence    a sentence of a transcript with its (where needed interpolated) times
    chunk       about half a minute of whole sentences, or a part of a note: what is embedded, once
    passage     two neighbouring chunks of a transcript, or one of a note: what is searched and returned
    claim       a sentence of a note with its times
    moment      an episode and a second
    hit         a passage found, with its best moment
All times are in seconds from the start of the episode, to the millisecond.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

PassageKind = Literal["quote", "note"]
NoteKind = Literal["episode", "concept", "show"]
SearchMode = Literal["hybrid", "semantic", "lexical"]


# --- episodes and what was said -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One recording. Empty strings stand for what is not known."""

    id: str
    title: str
    show: str = ""
    date: dt.date | None = None
    duration_s: float | None = None
    url: str = ""  # where it plays on the web
    video_id: str = ""  # on YouTube only
    media: str = ""  # a local recording: relative to the library, or absolute
    language: str = ""  # BCP 47
    speakers: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """One cue: what ``speaker`` said from ``start_s`` to ``end_s``."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of an episode as its publisher marked it, from ``start_s`` to where the next one starts."""

    start_s: float
    title: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in one episode, in order; and the publisher's chapters by start, where there are any."""

    episode: Episode
    segments: tuple[Segment, ...]
    chapters: tuple[Chapter, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence as it was said."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with an input that was read all the same."""

    rule: str  # kebab-case, stable
    message: str
    line: int = 0  # 1-based; 0 where no line can be named


# --- notes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """The head of a note. ``extra`` keeps the keys Hark does not know, as text."""

    title: str = ""
    id: str = ""  # the episode's id, or the concept's or show's own
    video_id: str = ""
    show: str = ""
    date: dt.date | None = None
    duration_s: float | None = None
    speakers: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    kind: NoteKind = "episode"
    url: str = ""
    generated: tuple[tuple[str, str], ...] = ()  # writer, version, transcript
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class WikiLink:
    """``[[target#heading|label]]`` on ``line`` (1-based), within the sentence or line ``context``."""

    target: str
    label: str
    heading: str = ""
    line: int = 0
    context: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a note and the moments it cites."""

    text: str
    times_s: tuple[float, ...]
    line: int = 0
    heading: str = ""


@dataclass(frozen=True, slots=True)
class NoteBlock:
    """A paragraph, list item, quotation, callout or table of a note as plain text, under ``heading``."""

    text: str
    heading: str
    times_s: tuple[float, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read: its text untouched, and what was understood of it.

    ``path`` is relative to ``notes/``, with forward slashes: ``show/slug.md``.
    """

    path: str
    text: str
    front: FrontMatter
    blocks: tuple[NoteBlock, ...] = ()
    claims: tuple[Claim, ...] = ()
    links: tuple[WikiLink, ...] = ()
    findings: tuple[Finding, ...] = ()
    encoding: str = "utf-8"  # of the file, to write it back as it was

    @property
    def title(self) -> str:
        return self.front.title or self.path.rsplit("/", 1)[-1].removesuffix(".md").replace("_", " ")


# --- what is embedded and searched --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is embedded: ``text``, and the sentences it is made of (none for a note's block without times)."""

    text: str
    start_s: float | None
    end_s: float | None
    sentences: tuple[Sentence, ...] = ()
    heading: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stored passage as search returns it."""

    id: int
    kind: PassageKind
    file: str  # transcripts/... or notes/..., relative to the library
    episode: Episode
    note: str  # the note's path relative to notes/, or empty
    heading: str
    text: str
    start_s: float | None
    end_s: float | None
    sentences: tuple[Sentence, ...] = ()


# --- finding and answering ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage found. ``moment_s`` is the second to play from; ``sentence`` what is said there."""

    rank: int
    score: float
    passage: Passage
    moment_s: float | None
    speaker: str
    sentence: str
    url: str  # opens the episode at ``moment_s``
    matched: tuple[str, ...] = ()  # the words of the text that the query asked for, as they stand there


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """``hits``, best first, and ``remarks``: one line each on what was understood differently."""

    query: str
    hits: tuple[Hit, ...]
    took_ms: float
    mode: SearchMode
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence, verbatim, with who said it and when."""

    text: str
    speaker: str
    start_s: float
    url: str
    score: float


@dataclass(frozen=True, slots=True)
class EpisodeQuotes:
    """What one episode says to a question."""

    episode: Episode
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The best-supported sentences, by episode; ``supported`` is False where nothing was close enough."""

    question: str
    supported: bool
    groups: tuple[EpisodeQuotes, ...]
    took_ms: float
    nearest: tuple[Hit, ...] = ()  # what was closest where nothing is supported
    remarks: tuple[str, ...] = field(default=())
