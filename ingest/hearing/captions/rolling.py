"""YouTube's rolling captions: two lines at a time, each line shown in three cues, each word once in truth.

The line being said carries a time before each word (``<00:00:01.200><c> word</c>``) and the line above it is the one
before. Here every line is kept once, in the cue in which it was said. Converted to SRT the times within lines are gone;
then a line is old where it ended the cue before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ingest.hearing.captions.cues import Cue
from kb.transcripts.webvtt import RawCue, strip_tags, unescape

_WORD_TIME = re.compile(r"<\d{1,5}:\d\d[\d:.]*>")


def is_rolling(cues: Sequence[RawCue]) -> bool:
    """Whether words carry times, or many cues show the last line of the cue before above a line of their own."""
    shown = [[text for text, _ in _lines(cue)] for cue in cues]
    rolled = sum(bool(a) and len(b) > 1 and a[-1] == b[0] for a, b in pairwise(shown))
    timed = any(_WORD_TIME.search(line) for cue in cues for line in cue.lines)
    return rolled * 3 >= len(cues) > 3 or (timed and rolled > 0)


def unroll(cues: Sequence[RawCue]) -> Iterator[Cue]:
    shown: list[str] = []
    for cue in cues:
        lines = _lines(cue)
        texts = [text for text, _ in lines]
        if fresh := texts[_already_shown(lines, shown) :]:
            yield Cue(cue.start_s, cue.end_s, " ".join(fresh), line=cue.line)
        shown = texts


def _lines(cue: RawCue) -> list[tuple[str, bool]]:
    """The lines that show something, as plain text, and whether times stand within them."""
    plain = ((unescape(strip_tags(line)).strip(), "<" in line and bool(_WORD_TIME.search(line))) for line in cue.lines)
    return [(text, timed) for text, timed in plain if text]


def _already_shown(lines: Sequence[tuple[str, bool]], shown: Sequence[str]) -> int:
    """How many of the first ``lines`` are the last of those shown before; a line with times in it is always new."""
    texts = [text for text, _ in lines]
    old = next((at for at, (_, timed) in enumerate(lines) if timed), len(lines))
    return next((n for n in range(min(old, len(shown)), 0, -1) if texts[:n] == list(shown[-n:])), 0)
