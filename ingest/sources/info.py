"""``info.json`` as yt-dlp writes it: read leniently, since any program may have written it."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from ingest.errors import NotAnEpisodeError
from ingest.hearing.captions.cues import MAX_BYTES, Tally
from ingest.hearing.captions.decode import decode
from ingest.hearing.captions.json_forms import load_json, to_seconds
from ingest.sources.urls import MAX_ADDRESS, without_login
from kb.errors import CaptionError
from kb.model import Chapter, Finding
from kb.transcripts.webvtt import normalise_text

MAX_LABEL = 300  # characters of an id, a title or a show's name
_MAX_DESCRIPTION = 20_000
_MAX_DURATION_S = 1_000_000.0
_MAX_LISTED = 500  # chapters, or people
_UNTITLED = re.compile(r"<Untitled Chapter \d+>")  # yt-dlp's own words where there are none


def label(value: object) -> str:
    """A short text on one line; empty for what is no text."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18 else value
    return normalise_text(text[: 4 * MAX_LABEL])[:MAX_LABEL].rstrip() if isinstance(text, str) else ""


def web_address(value: object) -> str:
    """An http or https address without white space, no longer than one that is opened, or an empty string."""
    address = value.strip() if isinstance(value, str) and len(value) <= MAX_ADDRESS else ""
    return address if re.fullmatch(r"https?://[^\s<>\"\x00-\x1f\x7f]+", address, re.IGNORECASE) else ""


def _told_address(value: object) -> str:
    """An address as notes may tell it: they are shared, and the name and password of a feed are not."""
    return without_login(web_address(value))


def _description(value: object) -> str:
    text = value[:_MAX_DESCRIPTION] if isinstance(value, str) else ""
    return "\n".join(normalise_text(line) for line in text.splitlines()).strip()


def _duration(value: object) -> float | None:
    seconds = to_seconds(value)
    return round(seconds, 3) if seconds is not None and 0 < seconds <= _MAX_DURATION_S else None


def _date(value: object) -> dt.date | None:
    text = label(value)[:10]
    try:
        return dt.date.fromisoformat(text) if re.fullmatch(r"\d{8}|\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def _languages(value: object) -> frozenset[str]:
    return frozenset(key for key in value if isinstance(key, str)) if isinstance(value, dict) else frozenset()


def _chapters(value: object) -> tuple[Chapter, ...]:
    """Those with a title and a time, by start, one for each time."""
    found: dict[float, Chapter] = {}
    for one in value[:_MAX_LISTED] if isinstance(value, list) else ():
        start_s = to_seconds(one.get("start_time")) if isinstance(one, dict) else None
        title = label(one.get("title")) if isinstance(one, dict) else ""
        if start_s is not None and 0 <= start_s <= _MAX_DURATION_S and title and not _UNTITLED.fullmatch(title):
            start_s = round(start_s, 3)
            found.setdefault(start_s, Chapter(start_s, title))
    return tuple(found[start_s] for start_s in sorted(found))


def _people(value: object) -> tuple[str, ...]:
    names = (label(name) for name in value[:_MAX_LISTED]) if isinstance(value, list) else ()
    return tuple(dict.fromkeys(filter(None, names)))


Label = Annotated[str, BeforeValidator(label)]
Address = Annotated[str, BeforeValidator(_told_address)]
Date = Annotated[dt.date | None, BeforeValidator(_date)]
Languages = Annotated[frozenset[str], BeforeValidator(_languages)]


class Info(BaseModel):
    """What Hark takes from an info.json; a field that cannot be read is empty."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Label = ""
    title: Label = ""
    channel: Label = ""
    uploader: Label = ""
    series: Label = ""
    playlist_title: Label = ""
    extractor_key: Label = ""
    extractor: Label = ""
    webpage_url: Address = ""
    upload_date: Date = None
    release_date: Date = None
    duration: Annotated[float | None, BeforeValidator(_duration)] = None
    language: Label = ""
    description: Annotated[str, BeforeValidator(_description)] = ""
    subtitles: Languages = frozenset()
    automatic_captions: Languages = frozenset()
    chapters: Annotated[tuple[Chapter, ...], BeforeValidator(_chapters)] = ()
    people: Annotated[tuple[str, ...], BeforeValidator(_people)] = ()

    @property
    def show(self) -> str:
        return self.channel or self.uploader or self.series or self.playlist_title

    @property
    def source(self) -> str:
        """The extractor in lower case without its kind (``vimeo`` of ``vimeo:review``); empty for ``generic``."""
        name = re.split(r"[:\s]", (self.extractor_key or self.extractor).casefold(), maxsplit=1)[0]
        return "" if name == "generic" else "youtube" if name.startswith("youtube") else name


def read_info(path: Path) -> tuple[Info, tuple[Finding, ...]]:
    """Raises CaptionError where it is no JSON object, NotAnEpisodeError where it is about a playlist or channel."""
    data = _load(path)
    if data.get("_type") in {"playlist", "multi_video", "channel"} or "entries" in data:
        raise NotAnEpisodeError("describes a playlist, not an episode", where=str(path))
    info = Info.model_validate(data)
    lost = [key for key in Info.model_fields if data.get(key) and not getattr(info, key)]
    return info, tuple(Finding("info-field", f"{key} in {path.name} cannot be read and is left out") for key in lost)


def _load(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise CaptionError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    if size > MAX_BYTES:
        raise CaptionError(f"is larger than {MAX_BYTES // 1_000_000} MB", where=str(path))
    loaded = load_json(decode(data, name=str(path), tally=Tally()), str(path))
    if not isinstance(loaded, dict):
        raise CaptionError("is no info.json: it holds no object", where=str(path))
    return loaded
