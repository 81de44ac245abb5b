"""WebVTT, the canonical form of a transcript: read and written without loss (https://www.w3.org/TR/webvtt1/).

    WEBVTT

    NOTE hark
    id: yt:relI7Q9A03g
    title: What a wax cylinder remembers
    date: 2024-03-05
    duration: 01:02:03.500
    speaker: Edda Rowan
    chapter: 00:00:42.000 The cylinder on the table

    00:00:00.550 --> 00:00:07.616
    <v Edda Rowan>You may touch it from the inside.

The block ``NOTE hark`` holds what is known of the episode but for its description; a key with nothing to say is
left out, ``speaker`` and ``chapter`` are repeated. Text is escaped as HTML. A line break within a cue is one that an
editor made and is read as a space; one that belongs to the text is written ``&#10;``. Times are kept to the
millisecond.

Written here and not left to webvtt-py, which drops NOTE blocks, keeps entities escaped and reads one voice a cue.
"""

from __future__ import annotations

import datetime as dt
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kb.errors import CaptionError
from kb.model import Chapter, Episode, Segment, Transcript
from kb.timecode import format_cue

_CLOCK = r"(?:(\d{1,5}):)?(\d{1,2}):([0-5]\d)(?:[.,](\d{1,3})\d*)?"
_TIMING = re.compile(rf"[ \t]*{_CLOCK}[ \t]*-->[ \t]*{_CLOCK}(?:[ \t].*)?", re.ASCII)
_ONE_CLOCK = re.compile(_CLOCK, re.ASCII)
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?(?:[ \t]([^<>]*))?>")
_TAG = re.compile(r"</?(?:c|i|b|u|v|ruby|rt|lang|font)(?:[.\s][^<>]*)?>|<\d[\d:.]*>")
_CHAPTER = re.compile(r"(\S+)(?: (.*))?", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z][A-Za-z_ -]{0,30}):[ \t]?(.*)")
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_UNSAFE_IN_LINE = re.compile(r"[&<>\n\r\u2028\u2029]|^[ \t]|[ \t]$")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Controls, marks that turn the direction of the page around a quote, and halves of characters.
_NOT_TEXT = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufeff\ufff9-\ufffb\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

_FIRST = ("id", "title", "show")  # then the date and the duration
_LAST = ("url", "video_id", "media", "language")  # then the speakers and the chapters


@dataclass(frozen=True, slots=True)
class RawCue:
    """A cue as it stands: times in seconds, payload lines, and the 1-based ``line`` of its times."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class RawFile:
    """What a WebVTT file is made of: the lines under ``WEBVTT``, the comments and the cues, in file order."""

    is_webvtt: bool
    header: tuple[str, ...]
    notes: tuple[tuple[str, ...], ...]
    cues: tuple[RawCue, ...]


def normalise_text(text: str) -> str:
    """``text`` as one line of plain text: white space runs are one space, no control characters, in NFC."""
    plain = " ".join(_NOT_TEXT.sub("", text).split())
    return unicodedata.normalize("NFC", plain)


# --- reading ------------------------------------------------------------------------------------------------------


def parse_webvtt(text: str, *, where: str = "") -> Transcript:
    """The transcript in ``text``, also where a person edited it; the episode's id is empty where the NOTE is gone.

    Segments come sorted by start, none ends before it starts. A cue with two voices gives two segments with its
    times. Raises CaptionError where ``text`` has neither cues nor the head of a WebVTT file.
    """
    raw = scan_webvtt(text)
    if not raw.is_webvtt and not raw.cues:
        raise CaptionError("is not WebVTT", where=where, remedy="a WebVTT file begins with the line WEBVTT")
    segments = [segment for cue in raw.cues for segment in cue_segments(cue)]
    segments.sort(key=lambda segment: segment.start_s)
    episode = read_note(raw.notes) or Episode(id="", title="")
    return Transcript(episode, tuple(segments), read_chapters(raw.notes))


def scan_webvtt(text: str) -> RawFile:
    """Takes ``text`` apart, with or without its head; what is neither comment nor cue is passed over."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    is_webvtt = re.match(r"WEBVTT(?:[ \t]|$)", lines[0]) is not None
    notes: list[tuple[str, ...]] = []
    cues: list[RawCue] = []
    at = _end_of_header(lines) if is_webvtt else 0
    header = tuple(lines[1:at])
    while at < len(lines):
        line = lines[at]
        if re.match(r"NOTE(?:[ \t]|$)", line):
            end = _end_of_block(lines, at)
            notes.append((line[4:].strip(), *lines[at + 1 : end]))
            at = end
        elif times := parse_timing(line):
            end = _end_of_cue(lines, at + 1)
            cues.append(RawCue(*times, tuple(lines[at + 1 : end]), at + 1))
            at = end
        else:
            at += 1
    return RawFile(is_webvtt, header, tuple(notes), tuple(cues))


def _end_of_header(lines: list[str]) -> int:
    """Where the lines under WEBVTT end: at a blank line, or at the first cue where the blank line was lost."""
    for at in range(1, len(lines)):
        if not lines[at] or parse_timing(lines[at]):
            return at
    return len(lines)


def _end_of_block(lines: list[str], at: int) -> int:
    while at < len(lines) and lines[at]:
        at += 1
    return at


def _end_of_cue(lines: list[str], first: int) -> int:
    """Where the payload ends: at an empty line, or at the next cue where the line between them is not empty.

    A line of spaces belongs to the cue: YouTube begins its automatic captions with one.
    """
    at = first
    while at < len(lines) and lines[at]:
        if parse_timing(lines[at]):
            return at - 1 if at > first and _NUMBER.fullmatch(lines[at - 1].strip()) else at
        at += 1
    return at


def parse_timing(line: str) -> tuple[float, float] | None:
    """Start and end in seconds of ``[HH:]MM:SS.mmm --> [HH:]MM:SS.mmm`` (SRT's comma allowed), or None."""
    if "-->" not in line:
        return None
    match = _TIMING.fullmatch(line)
    if not match:
        return None
    parts = match.groups()
    start, end = _seconds(*parts[:4]), _seconds(*parts[4:])
    return None if start is None or end is None else (start, end)


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float | None:
    if hours is not None and int(minutes) > 59:
        return None
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    # One division of whole milliseconds: the sum of two floats can differ from it in the last bit.
    return (whole * 1000 + int((fraction or "").ljust(3, "0"))) / 1000


def cue_segments(cue: RawCue) -> Iterator[Segment]:
    """One segment for each voice of ``cue``, all with the times of the cue; none is dropped for being empty."""
    payload = " ".join(filter(None, (line.strip(" \t") for line in cue.lines)))
    end_s = max(cue.start_s, cue.end_s)
    parts = _VOICE.split(payload)
    for speaker, text in zip(["", *parts[1::2]], parts[::2], strict=True):
        plain = strip_tags(text).strip(" \t")
        if len(parts) == 1 or speaker is None or speaker or plain:
            yield Segment(cue.start_s, end_s, unescape(plain), unescape((speaker or "").strip(" \t")))


def strip_tags(text: str) -> str:
    """``text`` without the tags of WebVTT and SRT; any other ``<`` stays: people write ``a < b`` unescaped."""
    return _TAG.sub("", text) if "<" in text else text


def unescape(text: str) -> str:
    """``text`` with its character references resolved; as it is where one of them is not to be believed."""
    try:
        return html.unescape(text) if "&" in text else text
    except ValueError:  # html.unescape("&#" + "1" * 5000 + ";"): more digits than int() takes
        return text


def read_note(notes: Iterable[tuple[str, ...]]) -> Episode | None:
    """The episode in the first ``NOTE hark``, or None; what a person made unreadable in it is left out."""
    fields = _fields(notes)
    if fields is None:
        return None
    found = dict(reversed(fields))  # of a key that stands there twice, the first counts
    return Episode(
        **{key: found.get(key, "") for key in (*_FIRST, *_LAST)},
        date=_date(found.get("date", "")),
        duration_s=_duration(found.get("duration", "")),
        speakers=tuple(value for key, value in fields if key in {"speaker", "speakers"}),
    )


def read_chapters(notes: Iterable[tuple[str, ...]]) -> tuple[Chapter, ...]:
    """The publisher's chapters in the first ``NOTE hark``, by start; one whose time cannot be read is left out."""
    values = (_CHAPTER.fullmatch(value) for key, value in _fields(notes) or () if key == "chapter")
    timed = ((_duration(match[1]), match[2] or "") for match in values if match)
    return tuple(sorted((Chapter(s, title) for s, title in timed if s is not None), key=lambda found: found.start_s))


def _fields(notes: Iterable[tuple[str, ...]]) -> list[tuple[str, str]] | None:
    """Keys in lower case and values of the first ``NOTE hark``, in order; None where there is no such block."""
    block = next((note for note in notes if note[0].casefold() == "hark"), None)
    if block is None:
        return None
    matches = map(_FIELD.fullmatch, block[1:])
    return [(m[1].strip().casefold(), unescape(m[2].strip(" \t"))) for m in matches if m]


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _duration(text: str) -> float | None:
    match = _ONE_CLOCK.fullmatch(text)
    return _seconds(*match.groups()) if match else None


# --- writing ------------------------------------------------------------------------------------------------------


def render_webvtt(transcript: Transcript) -> str:
    """``transcript`` as WebVTT. ``parse_webvtt`` gives it back, without the episode's description.

    Holds where segments and chapters are sorted by start, no segment ends before it starts, times are whole
    milliseconds and the texts hold no NUL and no half of a surrogate pair. Raises ValueError for a time below zero.
    """
    blocks = ["WEBVTT", "\n".join(["NOTE hark", *_note_lines(transcript)])]
    blocks += [_cue(segment) for segment in transcript.segments]
    return "\n\n".join(blocks) + "\n"


def _cue(segment: Segment) -> str:
    voice = f"<v {_escape(segment.speaker)}>" if segment.speaker else ""
    times = f"{format_cue(segment.start_s)} --> {format_cue(segment.end_s)}"
    return f"{times}\n{voice}{_escape(segment.text)}"


def _note_lines(transcript: Transcript) -> Iterator[str]:
    episode = transcript.episode
    for key in _FIRST:
        if value := getattr(episode, key):
            yield f"{key}: {_note_value(value)}"
    if episode.date:
        yield f"date: {episode.date.isoformat()}"
    if episode.duration_s is not None:
        yield f"duration: {format_cue(episode.duration_s)}"
    for key in _LAST:
        if value := getattr(episode, key):
            yield f"{key}: {_note_value(value)}"
    for speaker in episode.speakers:
        yield f"speaker: {_note_value(speaker)}"
    for chapter in transcript.chapters:
        yield f"chapter: {_note_value(f'{format_cue(chapter.start_s)} {chapter.title}')}"


def _note_value(text: str) -> str:
    """As it is where it would be read back so: a person reads ``Q&A`` and copies an address from here."""
    risky = "-->" in text or text != text.strip(" \t") or any(mark in text for mark in "\n\r\u2028\u2029")
    return _escape(text) if risky or unescape(text) != text else text


def _escape(text: str) -> str:
    return _UNSAFE_IN_LINE.sub(lambda match: _NAMED.get(match[0]) or f"&#{ord(match[0])};", text)
