"""What is fetched of one episode of a feed: its best transcript, its chapters, its recording, and what to call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import NoTranscriptError, PermanentError, TemporaryError
from ingest.hearing.captions import parse_captions
from ingest.hearing.captions.cues import Tally
from ingest.hearing.captions.decode import decode
from ingest.hearing.captions.html_form import is_html
from ingest.hearing.captions.json_forms import is_json, load_json, to_seconds
from ingest.hearing.captions.srt import is_srt
from ingest.hearing.captions.vtt import is_webvtt
from ingest.sources.info import label
from ingest.sources.listing import ListedEpisode, TranscriptLink
from ingest.sources.urls import shown, without_login
from kb.errors import CaptionError, HarkError

Get = Callable[[str], bytes]  # what is at an address; raises TemporaryError, PermanentError

MAX_CHAPTERS = 1_000
_MAX_TRIED = 6  # transcripts of one episode
_FORMS = ("vtt", "srt", "json", "html", "txt")  # the best first
_TYPES = {
    "text/vtt": "vtt",
    "application/vtt": "vtt",
    "application/srt": "srt",
    "application/x-subrip": "srt",
    "text/srt": "srt",
    "application/json": "json",
    "text/json": "json",
    "text/html": "html",
    "text/plain": "txt",
}
_ENDINGS = {"vtt": "vtt", "srt": "srt", "json": "json", "html": "html", "htm": "html", "txt": "txt"}
_LOOKS = ((is_webvtt, "vtt"), (is_json, "json"), (is_html, "html"), (is_srt, "srt"))


# --- the transcript -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chosen:
    """A transcript that can be read: its bytes as they came, the ending they ask for, the language where it is said."""

    data: bytes
    ending: str
    language: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Tried:
    """A transcript that was read, and what it has; ``place`` is that of its language."""

    link: TranscriptLink
    data: bytes
    place: int
    timed: bool
    named: bool

    @property
    def worth(self) -> tuple[bool, bool]:
        return self.timed, self.named


def choose_transcript(episode: ListedEpisode, get: Get, languages: Sequence[str]) -> Chosen:
    """Fetches the best transcript of an episode: ``languages`` first, then with times and speakers before without.

    One that cannot be read gives way to the next. Raises NoTranscriptError where none is offered, TemporaryError where
    a better one than those that can be read may come by itself, PermanentError where none can be read.
    """
    if not episode.transcripts:
        raise NoTranscriptError("has no transcript in its feed", where=episode.title)
    ranked = sorted(set(episode.transcripts), key=lambda link: _rank(link, episode, languages))[:_MAX_TRIED]
    best: _Tried | None = None
    late: TemporaryError | None = None
    late_place = 0
    remarks: list[str] = []
    for link in ranked:
        place = _place(link, episode, languages)
        if best and (place != best.place or all(best.worth) or (best.timed and _form(link) == "txt")):
            break
        try:
            tried = _try(link, get, place)
        except TemporaryError as error:
            late, late_place = (late, late_place) if late else (error, place)
        except (PermanentError, CaptionError) as error:
            remarks += [] if best else [_line(error)]
        else:
            best = tried if best is None or tried.worth > best.worth else best
    if late and (best is None or late_place < best.place or not best.timed):
        raise late
    if best is None:
        raise PermanentError(f"has no transcript that can be read: {remarks[0]}", where=episode.title)
    return _chosen(best, episode, languages, remarks)


def _try(link: TranscriptLink, get: Get, place: int) -> _Tried:
    data = get(link.url)
    captions = parse_captions(data, name=shown(link.url))
    timed = all(finding.rule != "times-estimated" for finding in captions.findings)
    return _Tried(link, data, place, timed, any(segment.speaker for segment in captions.segments))


def _chosen(best: _Tried, episode: ListedEpisode, languages: Sequence[str], remarks: Sequence[str]) -> Chosen:
    language = best.link.language or episode.language
    if best.place == len(languages) and _spoken(language) != _spoken(episode.language):
        wanted = ", ".join(languages)
        remarks = [*remarks, f"its transcript is in another language ({language}) than is wanted ({wanted})"]
    return Chosen(best.data, _ending(best.data, best.link), language, tuple(remarks))


def _rank(link: TranscriptLink, episode: ListedEpisode, languages: Sequence[str]) -> tuple[int, int, str]:
    return _place(link, episode, languages), _FORMS.index(_form(link)), link.url


def _place(link: TranscriptLink, episode: ListedEpisode, languages: Sequence[str]) -> int:
    """Where its language stands among those that are wanted; 0 where nobody says which it is."""
    spoken = _spoken(link.language or episode.language)
    wanted = [_spoken(language) for language in languages]
    return wanted.index(spoken) if spoken in wanted else len(wanted) if spoken else 0


def _spoken(language: str) -> str:
    return language.partition("-")[0].casefold()


def _form(link: TranscriptLink) -> str:
    """The form that is promised: by type, else by the ending of the address."""
    ending = link.url.partition("?")[0].partition("#")[0].rpartition(".")[2].casefold()
    promised = _TYPES.get(link.type, "")
    if link.type == "text/plain" or not promised:  # servers call any text plain
        promised = _ENDINGS.get(ending, promised)
    return promised or "txt"


def _ending(data: bytes, link: TranscriptLink) -> str:
    """The ending that fits what the bytes are, whatever was promised."""
    text = decode(data, name=shown(link.url), tally=Tally())
    return next((ending for fits, ending in _LOOKS if fits(text)), "txt")


def _line(error: HarkError) -> str:
    return str(error)


# --- chapters -------------------------------------------------------------------------------------------------------


def read_chapters(data: bytes, *, name: str, duration_s: float | None) -> list[dict[str, Any]]:
    """Chapters in the JSON of the podcast namespace, in yt-dlp's form, by time; silent ones are left out.

    Raises CaptionError where it is no such JSON.
    """
    loaded = load_json(decode(data, name=name, tally=Tally()), name)
    listed = loaded.get("chapters") if isinstance(loaded, dict) else None
    if not isinstance(listed, list):
        raise CaptionError("holds no chapters", where=name)
    starts = sorted(_starts(listed[:MAX_CHAPTERS]), key=lambda chapter: chapter[0])
    chapters: list[dict[str, Any]] = []
    for at, (start, end, title) in enumerate(starts):
        following = starts[at + 1][0] if at + 1 < len(starts) else duration_s
        until = end if end is not None and end > start else following
        chapters.append({"start_time": start, "title": title})
        if until is not None and until > start:
            chapters[-1]["end_time"] = until
    return chapters


def _starts(listed: Sequence[Any]) -> Iterator[tuple[float, float | None, str]]:
    for chapter in listed:
        if not isinstance(chapter, dict) or chapter.get("toc") is False:
            continue
        start, title = to_seconds(chapter.get("startTime")), label(chapter.get("title"))
        if start is not None and start >= 0 and title:
            yield start, to_seconds(chapter.get("endTime")), title


# --- what is known of it --------------------------------------------------------------------------------------------


def write_info(
    folder: Path, episode: ListedEpisode, *, show: str, language: str, chapters: Sequence[dict[str, Any]]
) -> None:
    """Writes ``episode.info.json`` with yt-dlp's keys; the recording's address is where a moment opens.

    What a private feed names by a relative address has the feed's name and password: they are not written.
    """
    info: dict[str, Any] = {
        "id": episode.id.removeprefix("podcast:"),
        "title": episode.title,
        "channel": show,
        "extractor_key": "Podcast",
        "webpage_url": without_login(episode.media or episode.url),
        "upload_date": f"{episode.published:%Y%m%d}" if episode.published else "",
        "duration": episode.duration_s,
        "description": episode.description,
        "language": language,
        "chapters": list(chapters),
        "people": list(episode.people),
    }
    text = json.dumps({key: value for key, value in info.items() if value}, ensure_ascii=False, indent=1)
    (folder / "episode.info.json").write_bytes(text.encode("utf-8", "replace"))
