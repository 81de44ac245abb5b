"""JSON: Podcasting 2.0 transcripts, Whisper's kin, YouTube's json3 and lists of timed lines.

Podcasting 2.0   {"segments": [{"speaker", "startTime", "endTime", "body"}]}, a word or a turn each
Whisper          {"segments": [{"start", "end", "text", "speaker"?, "words"?}], "language"}; WhisperX, faster-whisper
whisper.cpp      {"transcription": [{"offsets": {"from", "to"}, "text"}], "result": {"language"}}, offsets in ms
json3            {"events": [{"tStartMs", "dDurationMs", "segs": [{"utf8", "tOffsetMs"?}]}]}
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingest.hearing.captions.cues import Cue, Reading, Tally, bounded
from kb.errors import CaptionError
from kb.model import Episode
from kb.timecode import parse_clock

_TEXT = ("body", "text", "word", "content")
_START = ("startTime", "start", "start_time")
_END = ("endTime", "end", "end_time")
_SPEAKER = ("speaker", "speaker_name", "speakerName", "speaker_label")
_LISTS = ("segments", "transcription", "word_segments", "words", "transcript", "meeting_transcripts")
_REMEDY = "a transcript has a list of segments with a start, an end and a text"
_OTHER_THINGS = (  # (keys that must be there, what it is)
    ({"chapters"}, "holds chapters, not a transcript"),
    ({"entries", "_type"}, "describes a playlist, not a transcript"),
    ({"comments"}, "holds comments, not a transcript"),
    ({"id", "title"}, "describes a recording, not what was said in it"),
)


def is_json(text: str) -> bool:
    """Whether ``text`` begins as JSON does; ``[00:01] Ann: ...`` does not."""
    head = text[:200].lstrip()
    return head.startswith("{") or (head.startswith("[") and head[1:].lstrip()[:1] in {"{", "[", "]", '"'})


def read_json(text: str, name: str, tally: Tally) -> Reading:
    data = load_json(text, name)
    events = data.get("events") if isinstance(data, dict) else None
    if isinstance(events, list) and any(isinstance(event, dict) and "tStartMs" in event for event in events):
        return Reading(bounded(_json3(events), name))
    items = data if isinstance(data, list) else _items(data, name)
    cues = bounded((_cue(item) for item in items if _is_segment(item, tally)), name)
    if items and not cues:
        raise CaptionError("is JSON, but no transcript", where=name, remedy=_REMEDY)
    _check_times(cues, name)
    return Reading(cues, _episode(data), names_settled=any(cue.speaker for cue in cues))


def load_json(text: str, name: str) -> Any:
    if '"replayChatItemAction"' in text[:10_000]:
        raise CaptionError("holds a live chat, not a transcript", where=name)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut = "breaks off" if error.pos >= len(text.rstrip()) or "Unterminated" in error.msg else "is not valid JSON"
        where = f"at line {error.lineno}: {error.msg}"
        raise CaptionError(f"{cut} {where}", where=name, remedy="get the file again") from error
    except RecursionError as error:
        raise CaptionError("is nested too deeply", where=name) from error
    except ValueError as error:  # a number of more digits than int() takes
        raise CaptionError("holds a number that cannot be read", where=name) from error


def _items(data: Any, name: str) -> list[Any]:
    fields = data if isinstance(data, dict) else {}
    for key in _LISTS:
        if isinstance(items := fields.get(key), list) and (items or key == "segments"):
            return items
    what = next((what for keys, what in _OTHER_THINGS if keys <= fields.keys()), "is JSON, but no transcript")
    raise CaptionError(what, where=name, remedy=_REMEDY)


def _is_segment(item: Any, tally: Tally) -> bool:
    if isinstance(item, dict) and any(isinstance(item.get(key), str) for key in _TEXT):
        return True
    tally.note("not-a-segment", "entries of the list hold no text")
    return False


def _check_times(cues: Sequence[Cue], name: str) -> None:
    if cues and all(cue.start_s is None for cue in cues):
        raise CaptionError("has no times", where=name, remedy="Hark needs to know when each thing was said")


# --- fields ---------------------------------------------------------------------------------------------------------


def _cue(item: Mapping[str, Any]) -> Cue:
    start, end = _times(item)
    text = next(item[key] for key in _TEXT if isinstance(item.get(key), str))
    return Cue(start, end, text, _speaker(item))


def _times(item: Mapping[str, Any]) -> tuple[float | None, float | None]:
    start, end = _first(item, _START), _first(item, _END)
    if start is None and isinstance(offsets := item.get("offsets"), dict):
        start, end = _in_seconds(offsets.get("from")), _in_seconds(offsets.get("to"))
    elif start is None and isinstance(stamps := item.get("timestamps"), dict):
        start, end = to_seconds(stamps.get("from")), to_seconds(stamps.get("to"))
    if start is not None and end is None:
        length = _first(item, ("duration", "dur"))
        end = None if length is None else start + length
    return start, end


def _first(item: Mapping[str, Any], keys: Sequence[str]) -> float | None:
    return next((to_seconds(item[key]) for key in keys if key in item), None)


def to_seconds(value: object) -> float | None:
    """Seconds of a number, ``"12.5"`` or ``"00:00:12.500"``; None for NaN, infinity and all else."""
    if isinstance(value, str):
        clock = parse_clock(value[:40])
        if clock is not None:
            return clock
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def _in_seconds(ms: object) -> float | None:
    value = to_seconds(ms)
    return None if value is None else value / 1000


def _speaker(item: Mapping[str, Any]) -> str:
    value = next((item[key] for key in _SPEAKER if item.get(key) is not None), None)
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"Speaker {value}"[:40]
    return value if isinstance(value, str) else ""


def _episode(data: Any) -> Episode | None:
    fields = data if isinstance(data, dict) else {}
    result = fields.get("result")
    language = fields.get("language") or (result.get("language") if isinstance(result, dict) else None)
    if not isinstance(language, str) or not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}", language):
        return None
    return Episode(id="", title="", language=language)


# --- json3 ----------------------------------------------------------------------------------------------------------


def _json3(events: Sequence[Any]) -> Iterator[Cue]:
    """Each event's words once. An event is shown until long after its words: it ends where the next begins."""
    spoken = [event for event in map(_event, events) if event is not None]
    starts = [start for start, _, _ in spoken]
    for (start, end, text), following in zip(spoken, [*starts[1:], None], strict=True):
        cut = end if end is None or following is None or not start < following < end else following
        yield Cue(start, cut, text)


def _event(event: Any) -> tuple[float, float | None, str] | None:
    segs = event.get("segs") if isinstance(event, dict) else None
    start = _in_seconds(event.get("tStartMs")) if isinstance(event, dict) else None
    if start is None or not isinstance(segs, list):
        return None
    text = "".join(seg["utf8"] for seg in segs if isinstance(seg, dict) and isinstance(seg.get("utf8"), str))
    length = _in_seconds(event.get("dDurationMs"))
    return (start, None if length is None else start + length, text) if text.strip() else None
