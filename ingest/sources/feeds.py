"""Podcast feeds as a source: RSS and Atom, with transcripts, chapters and people of the podcast namespace.

To ask a feed whether there is anything new loads nothing that reads feeds: forty that are as they were cost forty
requests.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.errors import IngestError, PermanentError, TemporaryError
from ingest.sources.listing import ListedEpisode, Listing, Validators
from ingest.sources.urls import shown
from kb.errors import CaptionError

if TYPE_CHECKING:
    from ingest.sources.feed_items import Page
    from ingest.sources.fetch import Client, Reply
    from ingest.subscriptions import Subscription

MAX_BYTES = 64_000_000  # of a page of a feed
MAX_PAGES = 500  # of one feed
MAX_LISTING_BYTES = 200_000_000  # of all its pages
MAX_LISTING_S = 600.0  # until the last of them is asked for
_MAX_CHAPTER_BYTES = 2_000_000
_MAX_RECORDING_BYTES = 4_000_000_000
_NONE = Validators()
_FEEDS = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
_NOT_SOUND = ("text/", "image/", "application/json", "application/xml", "application/xhtml")


def parse_feed(body: bytes, *, url: str, media_type: str = "", now: dt.datetime | None = None) -> Listing:
    """What the one page ``body`` of the feed at ``url`` lists. ``media_type`` is not believed: servers get it wrong.

    Dates after ``now`` are left out, where it is given. Raises PermanentError where it is no feed.
    """
    from ingest.sources.feed_items import read_page

    if len(body) > MAX_BYTES:
        raise PermanentError(f"is larger than {MAX_BYTES // 1_000_000} MB", where=shown(url))
    page = read_page(body, url=url)
    return _listing([page], [], url=url, now=now, complete=not page.next_page)


def _listing(
    pages: Sequence[Page], remarks: Sequence[str], *, url: str, now: dt.datetime | None, complete: bool
) -> Listing:
    from ingest.sources.feed_items import Remarks, episodes_of

    noted = Remarks()
    episodes = episodes_of(pages, url=url, now=now, remarks=noted)
    problems = [f"{shown(page.base)} {page.problem}; what could be read was taken" for page in pages if page.problem]
    return Listing(
        show=pages[0].show,
        episodes=tuple(episodes),
        complete=complete and all(page.whole for page in pages),
        moved_to=pages[0].new_address if pages[0].new_address != url else "",
        remarks=(*problems, *remarks, *noted.lines()),
    )


@dataclass(slots=True)
class _Bounds:
    """How far the pages of one listing are followed: until ``ends`` on the clock; ``size`` bytes came already."""

    ends: float
    size: int

    def reached(self, pages: int, episodes: int) -> str:
        """What there is more of than is taken, or an empty text."""
        from ingest.sources.feed_xml import MAX_ITEMS

        if pages >= MAX_PAGES or episodes >= MAX_ITEMS:
            return f"has more than {MAX_PAGES} pages or {MAX_ITEMS:,} episodes"
        if self.size >= MAX_LISTING_BYTES:
            return f"has more than {MAX_LISTING_BYTES // 1_000_000} MB in its pages"
        return f"lists for longer than {MAX_LISTING_S / 60:g} minutes" if time.monotonic() >= self.ends else ""


class Feed:
    """The feed of a podcast. Keeps nothing between calls, so that threads may share one."""

    def __init__(self, subscription: Subscription, client: Client, languages: Sequence[str] = ("en",)) -> None:
        self._subscription = subscription
        self._client = client
        self._languages = tuple(languages)

    # --- what it lists ---

    def listing(self, known: Validators) -> Listing:
        """All its episodes, from all its pages; each names its show, so that it can be fetched on its own later.

        Where a later page does not answer, the listing is not complete and has no validators: the next one asks anew.
        """
        url = self._subscription.url
        ends = time.monotonic() + MAX_LISTING_S
        reply = self._get(url, known=known, accept=_FEEDS, max_bytes=MAX_BYTES)
        if reply.not_modified:
            return Listing(not_modified=True, validators=reply.validators, moved_to=reply.moved_to)
        from ingest.sources.feed_items import read_page

        pages = [read_page(reply.body, url=reply.url)]
        remarks: list[str] = []
        complete, asks_anew = self._follow(pages, remarks, _Bounds(ends, len(reply.body)))
        now = dt.datetime.now(dt.UTC)
        listing = _listing(pages, remarks, url=url, now=now, complete=complete)
        show = self._subscription.show or listing.show or shown(url)
        return replace(
            listing,
            show=show,
            episodes=tuple(replace(episode, show=show) for episode in listing.episodes),
            validators=_NONE if asks_anew else reply.validators,
            moved_to=reply.moved_to or listing.moved_to,
        )

    def _follow(self, pages: list[Page], remarks: list[str], bounds: _Bounds) -> tuple[bool, bool]:
        """Adds the older pages to ``pages``. Returns whether these are all, and whether to ask again next time."""
        from ingest.sources.feed_items import read_page

        seen = {self._subscription.url, pages[0].base}
        count = len(pages[0].entries)
        while address := pages[-1].next_page:
            if address in seen:
                return True, False
            seen.add(address)
            if 0 < self._subscription.newest <= count:
                return False, False
            if reached := bounds.reached(len(pages), count):
                remarks.append(f"{reached}; its older episodes are left out")
                return False, False
            try:
                reply = self._get(address, accept=_FEEDS, max_bytes=MAX_BYTES)
                bounds.size += len(reply.body)
                page = read_page(reply.body, url=reply.url)
            except IngestError as error:
                remarks.append(f"its older episodes are not known: {error}")
                return False, isinstance(error, TemporaryError)
            pages.append(page)
            count += len(page.entries)
        return True, False

    # --- one episode ---

    def fetch(self, episode: ListedEpisode, folder: Path) -> tuple[str, ...]:
        """See ``Source.fetch``. Nothing but the transcript decides whether there is an episode."""
        from ingest.sources.items import language_in
        from ingest.sources.podcasting import choose_transcript, write_info

        chosen = choose_transcript(episode, self._transcript, self._languages)
        remarks = list(chosen.remarks)
        language = language_in(chosen.language)
        name = f"episode.{language}.{chosen.ending}" if language else f"episode.{chosen.ending}"
        (folder / name).write_bytes(chosen.data)
        chapters = self._chapters(episode, remarks)
        show = self._subscription.show or episode.show or shown(self._subscription.url)
        write_info(folder, episode, show=show, language=language or episode.language, chapters=chapters)
        if self._subscription.audio:
            self._recording(episode, folder, remarks)
        return tuple(remarks)

    def _transcript(self, url: str) -> bytes:
        from ingest.hearing.captions.cues import MAX_BYTES as MOST

        return self._get(url, max_bytes=MOST).body

    def _chapters(self, episode: ListedEpisode, remarks: list[str]) -> list[dict[str, Any]]:
        from ingest.sources.podcasting import read_chapters

        if not episode.chapters:
            return []
        try:
            body = self._get(episode.chapters, max_bytes=_MAX_CHAPTER_BYTES).body
            return read_chapters(body, name=shown(episode.chapters), duration_s=episode.duration_s)
        except (IngestError, CaptionError) as error:
            remarks.append(f"its chapters are left out: {error}")
            return []

    def _recording(self, episode: ListedEpisode, folder: Path, remarks: list[str]) -> None:
        """Downloads the recording; one that cannot be had now is asked for again with the whole episode."""
        from ingest.sources.feed_items import media_ending

        if not episode.media:
            remarks.append("has no recording to keep")
            return
        target = folder / f"episode.{media_ending(episode.media, episode.media_type) or 'mp3'}"
        try:
            got = self._client.download(
                episode.media,
                target,
                max_bytes=_MAX_RECORDING_BYTES,
                allow_private=self._subscription.allow_private,
            )
        except PermanentError as error:
            remarks.append(f"its recording is left out: {error}")
            return
        if got.media_type.startswith(_NOT_SOUND):
            got.path.unlink()
            remarks.append(f"its recording is left out: {shown(episode.media)} is {got.media_type}")

    def _get(self, url: str, *, max_bytes: int, accept: str = "", known: Validators = _NONE) -> Reply:
        return self._client.get(
            url, known=known, accept=accept, max_bytes=max_bytes, allow_private=self._subscription.allow_private
        )
