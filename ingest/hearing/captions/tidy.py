"""From cues as found to segments in order. No time is made up without a finding that says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise, zip_longest

from ingest.hearing.captions.cues import Cue, Tally
from kb.errors import CaptionError
from kb.model import Segment
from kb.transcripts.webvtt import normalise_text

WORDS_PER_SECOND = 2.5  # where a file does not show how fast its people speak
MAX_TIME_S = 1_000_000.0  # eleven days
_OVERLAP_S = 0.1  # below this, rounding
_LONGEST_NAME = 100


def to_segments(cues: Sequence[Cue], tally: Tally, name: str) -> tuple[Segment, ...]:
    """Sorted segments with text, none ending before it starts. Raises CaptionError where no cue has a time."""
    timed = _estimate_starts([_cleaned(cue, tally) for cue in cues], tally, name)
    kept = [cue for cue in timed if _has_text(cue, tally)]
    _note_disorder(kept, tally)
    kept.sort(key=_start)
    return tuple(_segment(cue, end) for cue, end in zip(kept, _ends(kept, tally), strict=True))


def _segment(cue: Cue, end_s: float) -> Segment:
    return Segment(round(_start(cue), 3), round(end_s, 3), cue.text, cue.speaker)


@lru_cache(maxsize=1000)
def _name(speaker: str) -> str:
    return normalise_text(speaker)[:_LONGEST_NAME].rstrip()


def _start(cue: Cue) -> float:
    assert cue.start_s is not None
    return cue.start_s


def _has_text(cue: Cue, tally: Tally) -> bool:
    if cue.text:
        return True
    tally.note("empty-cue", "cues without text are left out", cue.line)
    return False


def _cleaned(cue: Cue, tally: Tally) -> Cue:
    """Text and name as one line each, times within a recording."""
    start, end = cue.start_s, cue.end_s
    if start is not None and start > MAX_TIME_S:
        tally.note("time-out-of-range", "times are beyond eleven days", cue.line)
        start = None
    if start is not None and start < 0:
        tally.note("negative-time", "cues start before the recording; they are set to its start", cue.line)
        start = 0.0
    if start is None or (end is not None and end > MAX_TIME_S):
        end = None
    return Cue(start, end, normalise_text(cue.text), _name(cue.speaker), cue.line)


# --- starts ---------------------------------------------------------------------------------------------------------


def _estimate_starts(cues: Sequence[Cue], tally: Tally, name: str) -> list[Cue]:
    """Cues without a time stand between those with one by their share of the words between them."""
    marks = [at for at, cue in enumerate(cues) if cue.start_s is not None]
    if not marks:
        raise CaptionError("has no times", where=name, remedy="Hark needs to know when each thing was said")
    if len(marks) == len(cues):
        return list(cues)
    missing = [cue for cue in cues if cue.start_s is None]
    message = "cues have no time of their own; theirs is estimated by words from the times around them"
    tally.note("times-estimated", message, missing[0].line, len(missing))
    rate = _speech_rate(cues)
    filled = _spread(cues[: marks[0]], 0.0, _start(cues[marks[0]]))
    for at, following in pairwise([*marks, len(cues)]):
        begin = _start(cues[at])
        end = _start(cues[following]) if following < len(cues) else begin + _words(cues[at:]) / rate
        filled += [cues[at], *_spread(cues[at:following], begin, end)[1:]]
    return filled


def _spread(cues: Sequence[Cue], begin: float, end: float) -> list[Cue]:
    words = max(_words(cues), 1)
    spread, before = [], 0
    for cue in cues:
        spread.append(replace(cue, start_s=begin + max(end - begin, 0.0) * before / words))
        before += _words([cue])
    return spread


def _words(cues: Sequence[Cue]) -> int:
    return sum(len(cue.text.split()) for cue in cues)


def _speech_rate(cues: Sequence[Cue]) -> float:
    """Words a second between the first and the last time of ``cues``, within what people do: 1 to 4."""
    marks = [at for at, cue in enumerate(cues) if cue.start_s is not None]
    span = _start(cues[marks[-1]]) - _start(cues[marks[0]]) if marks else 0.0
    return min(max(_words(cues[marks[0] : marks[-1]]) / span, 1.0), 4.0) if span > 0 else WORDS_PER_SECOND


# --- ends -----------------------------------------------------------------------------------------------------------


def _note_disorder(cues: Sequence[Cue], tally: Tally) -> None:
    for before, after in pairwise(cues):
        if _start(after) < _start(before):
            tally.note("times-out-of-order", "cues start before the one above them; they are sorted", after.line)


def _ends(cues: Sequence[Cue], tally: Tally) -> Iterator[float]:
    """An end for each of the sorted ``cues``."""
    for cue, following in zip_longest(cues, cues[1:]):
        start, end = _start(cue), cue.end_s
        if end is None:
            tally.note("ends-estimated", "cues have no end; each ends where the next begins", cue.line)
            yield _start(following) if following else start + _words([cue]) / _speech_rate(cues)
        elif end < start:
            tally.note("ends-before-start", "cues end before they start; they end where they start", cue.line)
            yield start
        else:
            if end == start:
                tally.note("zero-length-cue", "cues have no length", cue.line)
            yield _without_overlap(cue, end, following, tally)


def _without_overlap(cue: Cue, end: float, following: Cue | None, tally: Tally) -> float:
    """Two people may speak at once, one may not: there the earlier cue ends where the later begins."""
    if following is None or following.speaker != cue.speaker or not _start(cue) < _start(following) < end:
        return end
    if end - _start(following) > _OVERLAP_S:
        tally.note("overlapping-cues", "cues overlap the next of the same speaker; they end there", cue.line)
    return _start(following)
