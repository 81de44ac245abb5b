"""The YAML head of a Markdown transcript, read as text alone: ``title: no`` is a title there."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from ingest.hearing.captions.cues import Tally
from kb.model import Episode
from kb.timecode import parse_clock, youtube_id

_HEAD = re.compile(r"---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_MAX_HEAD = 20_000  # characters


def front_matter(text: str, tally: Tally) -> tuple[Episode | None, int]:
    """What the head says of the episode, and how many lines the head has; ``(None, 0)`` where there is none."""
    match = _HEAD.match(text, 0, _MAX_HEAD)
    if not match:
        return None, 0
    fields = _load(match[1], tally)
    return (_episode(fields) if fields else None), match[0].count("\n")


def _load(text: str, tally: Tally) -> Mapping[str, Any]:
    import yaml

    try:
        # The loader makes strings, lists and dicts and nothing else; an alias is a reference, so none can grow.
        loaded = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError):
        tally.note("front-matter", "the front matter is not valid YAML and is not read", 1, count=0)
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _episode(fields: Mapping[str, Any]) -> Episode:
    url = next((url for key in ("url", "media", "link") if (url := _text(fields, key)).startswith("http")), "")
    return Episode(
        id="",
        title=_text(fields, "title"),
        show=_text(fields, "show", "podcast", "channel"),
        date=_date(_text(fields, "date")),
        duration_s=parse_clock(_text(fields, "duration")[:20]),
        url=url,
        video_id=youtube_id(url),
        language=_text(fields, "language", "lang"),
        speakers=_names(fields.get("speakers")),
    )


def _text(fields: Mapping[str, Any], *keys: str) -> str:
    return next((value.strip() for key in keys if isinstance(value := fields.get(key), str)), "")


def _names(value: object) -> tuple[str, ...]:
    names = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else []
    return tuple(name.strip() for name in names[:100] if isinstance(name, str) and name.strip())


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None
