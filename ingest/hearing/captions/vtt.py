"""WebVTT of any maker: Hark's own, podcast hosts', Zoom's, YouTube's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ingest.hearing.captions.cues import Cue, Reading, Tally, bounded
from ingest.hearing.captions.rolling import is_rolling, unroll
from kb.model import Episode
from kb.transcripts.webvtt import RawCue, RawFile, cue_segments, read_note, scan_webvtt, strip_tags, unescape

_LANGUAGE = re.compile(r"Language:\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3})\s*", re.IGNORECASE)


def is_webvtt(text: str) -> bool:
    return re.match(r"WEBVTT(?:[ \t\n]|$)", text) is not None


def read_webvtt(text: str, name: str, tally: Tally) -> Reading:
    raw = scan_webvtt(text)
    _note_unread_times(text, raw, tally)
    episode = read_note(raw.notes)
    rolls = episode is None and is_rolling(raw.cues)
    cues = bounded(unroll(raw.cues) if rolls else _cues(raw.cues), name)
    return Reading(cues, episode or _episode(raw), is_ours=episode is not None)


def _episode(raw: RawFile) -> Episode | None:
    language = next((match[1] for match in map(_LANGUAGE.fullmatch, raw.header) if match), "")
    return Episode(id="", title="", language=language) if language else None


def _cues(cues: Sequence[RawCue]) -> Iterator[Cue]:
    for cue in cues:
        if any("<v" in line for line in cue.lines):
            for part in cue_segments(cue):
                yield Cue(cue.start_s, cue.end_s, part.text, part.speaker, cue.line)
        else:  # the lines matter: a name may stand at the beginning of each
            text = "\n".join(unescape(strip_tags(line)) for line in cue.lines)
            yield Cue(cue.start_s, cue.end_s, text, line=cue.line)


def _note_unread_times(text: str, raw: RawFile, tally: Tally) -> None:
    """A line with an arrow that is neither a cue's nor within a comment was meant as a cue."""
    if text.count("-->") == len(raw.cues):
        return
    known = {cue.line for cue in raw.cues}
    comments = {line for note in raw.notes for line in note}
    for number, line in enumerate(text.split("\n"), 1):
        if "-->" in line and number not in known and line not in comments and not line.startswith("NOTE"):
            tally.note("unreadable-time", "lines with --> hold no times; the text under them is not read", number)
