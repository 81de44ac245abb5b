"""Which captions of a video are the best, by what yt-dlp says that there are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ENDINGS = ("vtt", "srt", "json3", "json")  # what `ingest.hearing.captions` reads, the best first
_NO_SPEECH = frozenset({"live_chat", "rechat", "danmaku", "comments", "none"})
_MAX_TRACKS = 500


@dataclass(frozen=True, slots=True)
class Track:
    """One that can be had: ``source`` is yt-dlp's description of where. ``wanted``: in one of the library's languages.

    ``language`` is the site's word for it and fit for a file's name.
    """

    language: str
    ending: str
    uploaded: bool
    wanted: bool
    source: Mapping[str, Any]


def ranked_tracks(info: Mapping[str, Any], languages: Sequence[str]) -> tuple[Track, ...]:
    """The tracks of a video, the best first.

    Those in the library's languages before others, the spoken one first among them; uploaded before automatic, and
    automatic captions of what was said before those that a machine translated.
    """
    spoken = primary(info.get("language"))
    wanted = [primary(language) for language in languages]
    wanted = sorted(wanted, key=lambda language: language != spoken)
    tracks = [*_tracks(info.get("subtitles"), uploaded=True), *_tracks(_automatic(info), uploaded=False)]

    def rank(found: tuple[str, str, bool, Mapping[str, Any]]) -> tuple[int, int, int, bool, str]:
        language, _, uploaded, _ = found
        of = primary(language)
        place = wanted.index(of) if of in wanted else len(wanted)
        exact = language.removesuffix("-orig") in {*languages, of}
        return int(of not in wanted), int(not uploaded), place, not (exact or of == spoken), language

    return tuple(
        Track(language, ending, uploaded, primary(language) in wanted, source)
        for language, ending, uploaded, source in sorted(tracks, key=rank)
    )


def primary(language: object) -> str:
    """``pt`` of ``pt-BR``."""
    return re.split(r"[-_]", language, maxsplit=1)[0].casefold() if isinstance(language, str) else ""


def _automatic(info: Mapping[str, Any]) -> object:
    """Where some are marked as original, the others repeat or translate them."""
    automatic = info.get("automatic_captions")
    if not isinstance(automatic, Mapping):
        return automatic
    original = {key: value for key, value in automatic.items() if str(key).endswith("-orig")}
    return original or automatic


def _tracks(found: object, *, uploaded: bool) -> Iterator[tuple[str, str, bool, Mapping[str, Any]]]:
    for language, forms in list(found.items())[:_MAX_TRACKS] if isinstance(found, Mapping) else ():
        named = isinstance(language, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", language)
        if not named or language in _NO_SPEECH or not isinstance(forms, list | tuple):
            continue
        usable = [form for form in forms if isinstance(form, Mapping) and (form.get("url") or form.get("data"))]
        for ending in _ENDINGS:
            best = [form for form in usable if form.get("ext") == ending]
            if best:
                yield language, ending, uploaded, best[-1]
                break
