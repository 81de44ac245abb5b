"""SubRip. Cut at the lines of times: a cue may hold blank lines, lack its number, its hours or the line before it.

Not left to the package srt: it takes a cue without hours for text, and gives no lines for findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.hearing.captions.cues import Cue, Reading, Tally, bounded
from ingest.hearing.captions.rolling import is_rolling, unroll
from kb.transcripts.webvtt import RawCue, parse_timing, strip_tags, unescape

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_OVERRIDE = re.compile(r"\{\\[^{}\n]{0,80}\}")  # {\an8}: where it stands on the picture


def is_srt(text: str) -> bool:
    """Whether any line is one of times: the top may be cut off."""
    return any(parse_timing(line) for line in text.split("\n"))


def read_srt(text: str, name: str, tally: Tally) -> Reading:
    raw = tuple(_raw_cues(text, tally))
    if is_rolling(raw):
        return Reading(bounded(unroll(raw), name))
    return Reading(bounded(map(_cue, raw), name))


def _cue(raw: RawCue) -> Cue:
    text = _OVERRIDE.sub("", strip_tags("\n".join(raw.lines)))
    return Cue(raw.start_s, raw.end_s, unescape(text), line=raw.line)


def _raw_cues(text: str, tally: Tally) -> Iterator[RawCue]:
    lines = text.split("\n")
    marks = []
    for at, line in enumerate(lines):
        if times := parse_timing(line):
            marks.append((at, times))
        elif "-->" in line:
            tally.note("unreadable-time", "lines with --> hold no times; they are read as text", at + 1)
    ends = [_before_number(lines, at) for at, _ in marks[1:]] + [len(lines)]
    for (at, times), stop in zip(marks, ends, strict=True):
        yield RawCue(*times, tuple(line for line in lines[at + 1 : stop] if line.strip()), at + 1)


def _before_number(lines: list[str], at: int) -> int:
    return at - 1 if _NUMBER.fullmatch(lines[at - 1].strip()) else at
