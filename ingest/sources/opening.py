"""Subscriptions as sources that can be asked; one client for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest.subscriptions import Subscription, SyncSettings

if TYPE_CHECKING:
    from ingest.sources.fetch import Client
    from ingest.sources.listing import Source


@contextmanager
def open_sources(followed: Sequence[Subscription], settings: SyncSettings) -> Iterator[dict[str, Source]]:
    """The feeds and videos among ``followed``, by address."""
    from ingest.sources.fetch import Client

    with Client(contact=settings.contact) as client:
        yield {one.url: _source(one, settings, client) for one in followed if one.kind != "folder"}


def _source(one: Subscription, settings: SyncSettings, client: Client) -> Source:
    if one.kind == "feed":
        from ingest.sources.feeds import Feed

        return Feed(one, client, settings.languages)
    from ingest.sources.fetch import guarded_adapter
    from ingest.sources.videos import Videos

    adapter = guarded_adapter(allow_private=one.allow_private)
    return Videos(one, languages=settings.languages, options=settings.ytdlp, adapter=adapter)
