"""Channels, playlists and videos of YouTube and of every other site that yt-dlp knows, as sources.

Captions are what is wanted: uploaded before automatic, in the library's languages. A recording is loaded only where
the subscription keeps it. The site's own list is asked first for its newest page alone: where that has not changed,
nothing else is asked.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import PermanentError, TemporaryError
from ingest.sources.listing import ListedEpisode, Listing, Validators
from ingest.subscriptions import Subscription, is_web_address, shown
from kb.errors import ConfigError

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

    from ingest.sources.video_fetch import Taking
    from ingest.sources.video_list import Listed
    from ingest.sources.ytdlp import Visit

MAX_ENTRIES = 20_000
NOTHING_KNOWN = Validators()
FIRST_PAGE = 30  # as many as YouTube sends at once
OPTIONS = frozenset(  # of yt-dlp's own, what a person may set; `ingest.sync_settings` checks the values
    {
        *("cookiefile", "cookiesfrombrowser", "ratelimit", "sleep_interval", "max_sleep_interval"),
        *("sleep_interval_requests", "sleep_interval_subtitles"),
    }
)
_COOKIES = ("cookiefile", "cookiesfrombrowser")
_CHANNEL = re.compile(
    r"https?://([a-z]+\.)?youtube\.com/(@|channel/|c/|user/)[^/?#]+(/(featured|videos|streams|shorts)?)?/?",
    re.IGNORECASE,
)
_AT_ONCE = threading.BoundedSemaphore(2)  # visits of this process: manners, and each takes a processor


class Videos:
    """A subscription to one address: a Source.

    ``options`` are yt-dlp's own, of OPTIONS; ConfigError is raised for those that cannot be used. ``adapter`` is the
    guarded adapter for its requests, which others may share; without, one is made. ``generic`` lets yt-dlp look for
    videos on sites that it does not know, whose ids are not unique. ``now`` is in seconds since 1970.
    """

    def __init__(
        self,
        subscription: Subscription,
        *,
        languages: Sequence[str] = ("en",),
        options: Mapping[str, object] | None = None,
        adapter: BaseAdapter | None = None,
        generic: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._subscription = subscription
        self._languages = tuple(languages)
        self._options = _checked(options or {})
        self._adapter = adapter
        self._generic = generic
        self._now = now

    def listing(self, known: Validators = NOTHING_KNOWN) -> Listing:
        """See Source. Its version is a hash of what is listed first: yt-dlp passes on none of a server's.

        Of a channel's tabs the newest page is read, and the others where something on it is new. Other lists may grow
        at either end: they are read whole, and ``newest`` is left to the caller.
        """
        is_channel = bool(_CHANNEL.fullmatch(self._subscription.url))
        most = min(self._subscription.newest or MAX_ENTRIES, MAX_ENTRIES) if is_channel else MAX_ENTRIES
        some = min(most, FIRST_PAGE) if is_channel else most
        found = self._list(some)
        version = Validators(etag=found.listed.fingerprint) if found.whole else Validators()
        if version.etag and version.etag == known.etag:
            return Listing(not_modified=True, validators=version)
        if some < most and not found.is_all:
            found = self._list(most)
        remarks = found.listed.remarks
        if not found.whole:
            remarks = (*remarks, "a part of the list did not come; it is asked for next time")
        return Listing(
            show=found.listed.show,
            episodes=found.listed.episodes,
            validators=version if found.whole else Validators(),
            complete=found.whole and found.is_all,
            remarks=remarks,
        )

    def fetch(self, episode: ListedEpisode, folder: Path) -> tuple[str, ...]:
        """See Source. Captions that cannot be read are passed over for the next best."""
        from ingest.sources.video_fetch import Taking
        from ingest.sources.ytdlp_errors import understood

        where = shown(episode.url)
        taking = Taking(
            episode, folder, languages=self._languages, audio=self._subscription.audio, where=where, now=self._now
        )
        with _AT_ONCE, closing(self._visit({"playlist_items": "1"}, taking)) as visit:
            visit.extract(_asked(episode.url), download=True)
            if taking.error is not None:
                raise taking.error
            if not taking.done:
                what = "no video was found there"
                raise understood(visit.failures, where=where) if visit.failures else PermanentError(what, where=where)
        return tuple(taking.remarks)

    def _list(self, limit: int) -> _Found:
        """What is listed now, at most ``limit`` entries of each list on the page."""
        from ingest.sources.video_list import read_list, shorter_than
        from ingest.sources.ytdlp_errors import is_about_the_way, understood

        where = shown(self._subscription.url)
        with _AT_ONCE, closing(self._visit({"extract_flat": "in_playlist", "playlist_items": f"1:{limit}"})) as visit:
            page = visit.extract(_asked(self._subscription.url), download=False)
            listed = read_list(
                page or {"entries": ()},
                identity=visit.identity,
                is_video=visit.of_one_video,
                shorts="/shorts" in self._subscription.url,
                closed=any(key in self._options for key in _COOKIES),
            )
            if visit.failures and not listed.episodes:
                raise understood(visit.failures, where=where)
            if page is None:
                raise TemporaryError("lists nothing", where=where, remedy="try again later")
            whole = not visit.failures and not any(map(is_about_the_way, visit.warnings))
            return _Found(listed, whole=whole, is_all=shorter_than(page, limit))

    def _visit(self, options: Mapping[str, object], take: Taking | None = None) -> Visit:
        from ingest.sources.fetch import guarded_adapter
        from ingest.sources.ytdlp import Visit

        path = self._options.get("cookiefile")
        if isinstance(path, str) and not os.access(path, os.R_OK):  # yt-dlp would go on without it
            raise PermanentError(
                "the file of cookies cannot be read", where=path, remedy="mend cookiefile in hark.toml"
            )
        if self._adapter is None:
            self._adapter = guarded_adapter(allow_private=self._subscription.allow_private)
        return Visit({**self._options, **options}, self._adapter, generic=self._generic, take=take)


@dataclass(frozen=True, slots=True)
class _Found:
    """``whole``: nothing failed on the way. ``is_all``: no list was longer than was asked for."""

    listed: Listed
    whole: bool
    is_all: bool


def _asked(url: str) -> str:
    if not is_web_address(url):
        raise PermanentError("is no http or https address", where=shown(url))
    return url


def _checked(options: Mapping[str, object]) -> dict[str, object]:
    for key in options.keys() - OPTIONS:
        raise ConfigError(f"{key!r:.60} may not be set for yt-dlp", remedy=f"known are {', '.join(sorted(OPTIONS))}")
    return dict(options)
