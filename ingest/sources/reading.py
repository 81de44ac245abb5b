"""From the files of one episode to the episode: which captions are the best, and what is known of it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from ingest.errors import NotAnEpisodeError
from ingest.hearing.captions import Captions, read_captions
from ingest.sources.info import Info, label, read_info, web_address
from ingest.sources.items import SourceEpisode, SourceItem, language_in
from kb.errors import CaptionError
from kb.model import Episode, Finding, Segment
from kb.timecode import youtube_id

MAX_SPEAKERS = 100
_MAX_TRIED = 12  # caption files of one episode
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_UNSURE = frozenset({".json", ".html", ".htm", ".txt", ".md"})


def read_item(item: SourceItem, root: Path) -> SourceEpisode:
    info, findings = read_info(item.info) if item.info else (Info(), ())
    name = item.key.rsplit("/", 1)[-1]
    chosen = _best(item, name, info)
    own = chosen.captions.episode or Episode(id="", title="")
    show = label(info.show or own.show or _folder_name(item, root))
    episode = _described(info, own) if item.info else _undescribed(own)
    episode = replace(
        episode,
        id=episode.id or f"file:{_slug(show)}/{_slug(name)}",
        title=episode.title or _title(name),
        show=show,
        language=label(info.language or own.language or chosen.language),
        media=str(item.media) if item.media else own.media,
        speakers=_speakers(chosen.captions.segments) or info.people[:MAX_SPEAKERS],
    )
    findings = (*findings, *chosen.findings, *chosen.captions.findings)
    return SourceEpisode(episode, chosen.captions.segments, findings, info.chapters)


# --- what is known of it --------------------------------------------------------------------------------------------


def _described(info: Info, own: Episode) -> Episode:
    url = info.webpage_url or web_address(own.url)
    is_youtube = info.source == "youtube" and _VIDEO_ID.fullmatch(info.id)
    prefix = {"youtube": "yt:", "": ""}.get(info.source, f"{info.source}:")
    return Episode(
        id=prefix + info.id if info.id else "",
        title=info.title or label(own.title),
        date=info.upload_date or info.release_date or own.date,
        duration_s=info.duration or own.duration_s,
        url=url,
        video_id=info.id if is_youtube else youtube_id(url),
        description=info.description,
    )


def _undescribed(own: Episode) -> Episode:
    """What captions say of themselves, made safe: they come from outside as much as an info.json does."""
    url = web_address(own.url)
    video_id = own.video_id if _VIDEO_ID.fullmatch(own.video_id) else youtube_id(url)
    return replace(own, id=label(own.id), title=label(own.title), url=url, video_id=video_id)


def _folder_name(item: SourceItem, root: Path) -> str:
    files = [path for path in (item.info, *item.captions, item.media) if path]
    return files[0].parent.name if files else root.name


def _title(name: str) -> str:
    return label(name.replace("_", " ")) or "Untitled"


def _slug(text: str) -> str:
    """Letters and digits of any script in lower case, joined by hyphens; a hash where there are none."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold().replace("_", " "))
    return "-".join(words)[:100] or hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _speakers(segments: Sequence[Segment]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(segment.speaker for segment in segments if segment.speaker))[:MAX_SPEAKERS]


# --- which captions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Chosen:
    captions: Captions
    language: str
    findings: tuple[Finding, ...] = ()


def _best(item: SourceItem, name: str, info: Info) -> _Chosen:
    """Uploaded captions before automatic ones, the episode's language and English before others.

    Among equals those with speakers and with times of their own. A file that cannot be read is told, and passed over.
    """
    if not item.captions:
        where = str(item.info or item.media or item.key)
        raise CaptionError("has no captions", where=where, remedy="put a .vtt, .srt or .transcript.json beside it")
    ranked = sorted(item.captions, key=lambda path: _rank(path, name, info))[:_MAX_TRIED]
    errors: list[tuple[Path, CaptionError]] = []
    for _, equals in groupby(ranked, key=lambda path: _rank(path, name, info)):
        read = list(_readable(equals, errors))
        if read:
            path, captions = max(read, key=lambda pair: _worth(pair[1]))
            told = [Finding("captions-unreadable", str(error)) for path, error in errors if _is_sure(path)]
            return _Chosen(captions, _language(path, name), tuple(told))
    raise _none_readable(item, [error for _, error in errors])


def _readable(paths: Iterator[Path], errors: list[tuple[Path, CaptionError]]) -> Iterator[tuple[Path, Captions]]:
    for path in paths:
        try:
            yield path, read_captions(path)
        except CaptionError as error:
            errors.append((path, error))


def _none_readable(item: SourceItem, errors: Sequence[CaptionError]) -> CaptionError:
    first = errors[0]
    if not item.likely:
        return NotAnEpisodeError(first.what, where=first.where, remedy=first.remedy)
    others = len(errors) - 1
    what = f"{first.what}; nor can {others} more beside it be read" if others else first.what
    return CaptionError(what, where=first.where, remedy=first.remedy)


def _is_sure(path: Path) -> bool:
    return path.suffix.casefold() not in _UNSURE or ".transcript." in path.name


def _worth(captions: Captions) -> tuple[bool, bool]:
    estimated = any(finding.rule == "times-estimated" for finding in captions.findings)
    return any(segment.speaker for segment in captions.segments), not estimated


def _language(path: Path, name: str) -> str:
    """The language in the name of a caption file, or an empty string."""
    parts = path.name[len(name) + 1 :].split(".")[:-1]
    return next(filter(None, map(language_in, parts)), "")


def _rank(path: Path, name: str, info: Info) -> tuple[bool, int]:
    parts = path.name[len(name) + 1 :].split(".")
    language = _language(path, name)
    uploaded = bool(info.subtitles.intersection(parts)) or not info.automatic_captions.intersection(parts)
    wanted = [code.partition("-")[0].casefold() for code in (info.language, "en") if code]
    spoken = language.partition("-")[0].casefold()
    place = wanted.index(spoken) if spoken in wanted else 0 if not spoken else len(wanted)
    return not uploaded or (language != "" and any(part.endswith("-orig") for part in parts)), place
