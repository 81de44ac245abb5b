"""Answers as JSON documents: one shape for the command line and every other face.

What is not known is an empty string where a text is meant and null where a time, a date or a number is.
Times are seconds to the millisecond, ``timestamp`` is HH:MM:SS, dates are YYYY-MM-DD.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

from kb.timecode import format_clock

if TYPE_CHECKING:
    from kb.model import Answer, Episode, EpisodeQuotes, Hit, SearchResult, Segment

# Valid in JSON as they are, but a terminal obeys some, and others have no place in UTF-8.
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def to_json(document: dict[str, Any]) -> str:
    """One line of JSON; control characters are escaped, C1 and direction marks included."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def search_document(result: SearchResult) -> dict[str, Any]:
    """``{"query", "took_ms", "hits"}`` as DESIGN.md fixes it."""
    return {
        "query": result.query,
        "took_ms": round(result.took_ms, 1),
        "hits": [hit_document(hit) for hit in result.hits],
    }


def hit_document(hit: Hit) -> dict[str, Any]:
    """``start_s``..``end_s`` is the passage, ``moment_s`` the second to play from, ``url`` opens there."""
    passage = hit.passage
    return {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "kind": passage.kind,
        "show": passage.episode.show,
        "episode_id": passage.episode.id,
        "episode_title": passage.episode.title,
        "date": _day(passage.episode.date),
        "speaker": hit.speaker,
        "start_s": _ms(passage.start_s),
        "end_s": _ms(passage.end_s),
        "moment_s": _ms(hit.moment_s),
        "timestamp": timestamp(hit.moment_s),
        "text": passage.text,
        "url": hit.url,
        "note": passage.note,
    }


def answer_document(answer: Answer) -> dict[str, Any]:
    """``{"question", "supported", "took_ms", "episodes", "nearest"}``.

    ``episodes`` holds the verbatim sentences by episode, best first. Where nothing is close enough ``supported`` is
    false, ``episodes`` empty, and ``nearest`` has the hits that came closest, each as `hark search --json` prints it.
    """
    return {
        "question": answer.question,
        "supported": answer.supported,
        "took_ms": round(answer.took_ms, 1),
        "episodes": [_quotes_document(group) for group in answer.groups],
        "nearest": [hit_document(hit) for hit in answer.nearest],
    }


def _quotes_document(group: EpisodeQuotes) -> dict[str, Any]:
    return {
        "show": group.episode.show,
        "episode_id": group.episode.id,
        "episode_title": group.episode.title,
        "date": _day(group.episode.date),
        "quotes": [
            {
                "text": quote.text,
                "speaker": quote.speaker,
                "start_s": _ms(quote.start_s),
                "timestamp": timestamp(quote.start_s),
                "url": quote.url,
                "score": round(quote.score, 6),
            }
            for quote in group.quotes
        ],
    }


def episode_document(episode: Episode) -> dict[str, Any]:
    """What is known of an episode itself."""
    return {
        "episode_id": episode.id,
        "episode_title": episode.title,
        "show": episode.show,
        "date": _day(episode.date),
        "duration_s": _ms(episode.duration_s),
        "url": episode.url,
        "language": episode.language,
        "speakers": list(episode.speakers),
    }


def segment_document(segment: Segment) -> dict[str, Any]:
    """One cue of a transcript."""
    return {
        "start_s": _ms(segment.start_s),
        "end_s": _ms(segment.end_s),
        "timestamp": timestamp(segment.start_s),
        "speaker": segment.speaker,
        "text": segment.text,
    }


def timestamp(seconds: float | None) -> str:
    """``HH:MM:SS``, or an empty string where no time is known."""
    return "" if seconds is None else format_clock(seconds)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _day(date: dt.date | None) -> str | None:
    return None if date is None else date.isoformat()
