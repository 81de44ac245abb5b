"""From yt-dlp's description of a page to what is listed there. Pure: no network, nothing of yt-dlp."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from ingest.sources.info import Info, label, web_address
from ingest.sources.listing import ListedEpisode

LIVE = {"is_live": "is live now", "is_upcoming": "is announced", "post_live": "was live just now"}
CLOSED = {
    "private": "is private",
    "needs_auth": "is only for those who have an account",
    "premium_only": "is for members only",
    "subscriber_only": "is for members only",
}
_GONE = frozenset({"[private video]", "[deleted video]", "[unavailable video]"})  # YouTube's titles for them
_MAX_DEPTH = 4
_MAX_TIMESTAMP = 4_000_000_000

Entry = Mapping[str, Any]
Identity = Callable[[str], tuple[str, str]]  # an address -> the extractor's key and the id in it


@dataclass(frozen=True, slots=True)
class Listed:
    """The episodes of a page, newest first where it says when they came, and what was left out, one line a reason."""

    show: str
    episodes: tuple[ListedEpisode, ...]
    remarks: tuple[str, ...]
    fingerprint: str  # equal where the same is listed in the same state


def read_list(
    page: Entry, *, identity: Identity, is_video: Callable[[Entry], bool], shorts: bool, closed: bool
) -> Listed:
    """What a channel, a playlist or a video's page lists.

    ``shorts`` and ``closed`` say whether short clips, and what is for members, are wanted too.
    """
    left_out: Counter[str] = Counter()
    episodes: dict[str, ListedEpisode] = {}
    states: list[tuple[str, str, str]] = []
    for entry in _entries(page):
        why = _left_out(entry, is_video, shorts=shorts, closed=closed)
        episode = None if why else _episode(entry, identity)
        if episode is None:
            left_out[why or "have no address or no id"] += 1
        elif episode.id not in episodes:
            episodes[episode.id] = episode
            states.append((episode.id, episode.title, label(entry.get("live_status"))))
    left_out.pop("are short clips", None)  # left out on purpose: nothing to report every time
    remarks = [f"{count} {'entry' if count == 1 else 'entries'} left out: {why}" for why, count in left_out.items()]
    remarks += [f"“{title}” {LIVE[state]}; it comes when it is over" for _, title, state in states if state in LIVE]
    digest = hashlib.sha256(json.dumps(["1", states]).encode()).hexdigest()
    return Listed(_show(page), _newest_first(episodes.values()), tuple(remarks), f'"{digest[:32]}"')


def episode_id(info: Info) -> str:
    """The library's id of a video: as `ingest.sources.reading` builds it from its info.json."""
    prefix = {"youtube": "yt:", "": ""}.get(info.source, f"{info.source}:")
    return prefix + info.id if info.id else ""


def shorter_than(page: Entry, count: int) -> bool:
    """Whether no list on the page is as long as it was allowed to be: then it is all that there is."""
    return all(len(entries) < count for entries in _lists(page))


def _lists(page: Entry, depth: int = 0) -> Iterator[list[Entry]]:
    """The lists that a page holds: a channel has one for each of its tabs, with one more of what stands alone."""
    own: list[Entry] = []
    for entry in page.get("entries") or ():
        if isinstance(entry, Mapping) and "entries" in entry and depth < _MAX_DEPTH:
            yield from _lists(entry, depth + 1)
        elif isinstance(entry, Mapping):
            own.append(entry)
    if own:
        yield own


def _entries(page: Entry) -> Iterator[Entry]:
    """All videos; those of several lists in turn, since none of them says when its videos came."""
    if "entries" not in page:
        yield page
        return
    for row in zip_longest(*_lists(page)):
        yield from (entry for entry in row if entry is not None)


def _left_out(entry: Entry, is_video: Callable[[Entry], bool], *, shorts: bool, closed: bool) -> str:
    if label(entry.get("title")).casefold() in _GONE or entry.get("availability") == "private":
        return "private or removed"
    if not closed and entry.get("availability") in CLOSED:
        return "for members or those with an account only"
    if not shorts and "/shorts/" in str(entry.get("url") or ""):
        return "are short clips"
    if "entries" in entry or not is_video(entry):
        return "lists of their own; add them one by one"
    return ""


def _episode(entry: Entry, identity: Identity) -> ListedEpisode | None:
    """None where it has no identity or no address that can be asked for."""
    url = web_address(entry.get("url")) if entry.get("_type", "video") != "video" else ""
    url = url or web_address(entry.get("webpage_url") or entry.get("original_url") or "")
    key, number = entry.get("ie_key") or entry.get("extractor_key"), entry.get("id")
    if url and not (key and number):
        found_key, found_id = identity(url)
        key, number = key or found_key, number or found_id
    info = Info.model_validate({**entry, "id": number, "extractor_key": key})
    if not (url and info.id):
        return None
    return ListedEpisode(
        key=episode_id(info),
        id=episode_id(info),
        title=info.title or info.id,
        published=_published(entry, info),
        url=url,
        duration_s=info.duration,
        language=info.language,
        description=info.description,
    )


def _published(entry: Entry, info: Info) -> dt.datetime | None:
    for name in ("release_timestamp", "timestamp"):
        seconds = entry.get(name)
        if isinstance(seconds, int | float) and 0 < seconds < _MAX_TIMESTAMP:
            return dt.datetime.fromtimestamp(int(seconds), dt.UTC)
    day = info.release_date or info.upload_date
    return dt.datetime.combine(day, dt.time(), dt.UTC) if day else None


def _show(page: Entry) -> str:
    """A playlist is called by its title, a channel's page and a video by the channel."""
    channel = label(page.get("channel")) or label(page.get("uploader"))
    own = str(page.get("id") or "")
    is_playlist = "entries" in page and not (own and own in (page.get("channel_id"), page.get("uploader_id")))
    return (label(page.get("title")) or channel) if is_playlist else (channel or label(page.get("title")))


def _newest_first(episodes: Any) -> tuple[ListedEpisode, ...]:
    dated = [(episode.published, episode) for episode in episodes]
    if all(published is not None for published, _ in dated):
        dated.sort(key=lambda pair: pair[0] or dt.datetime.min.replace(tzinfo=dt.UTC), reverse=True)
    return tuple(episode for _, episode in dated)
