"""A podcast of our own on a test server: a feed with transcripts, chapters and recordings, as many as are wanted."""

from __future__ import annotations

import datetime as dt
import json
from xml.sax.saxutils import escape

from tests.fakes.server import Server
from tests.fakes.talks import SUBJECTS, vtt

NEWEST = dt.datetime(2026, 1, 1, 6, tzinfo=dt.UTC)
AUDIO = b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(range(256)) * 8  # no sound: it is only carried


class Podcast:
    """A show of ``count`` episodes; ``publish`` puts a state of it on the server."""

    def __init__(
        self, server: Server, *, path: str = "/feed.xml", title: str = "The Lamp Post", lines: int = 12
    ) -> None:
        self._server = server
        self._path = path
        self._stem = path.removesuffix(".xml")
        self._lines = lines
        self.title = title
        self.body = b""  # the feed as it was last published

    @property
    def url(self) -> str:
        return self._server.url(self._path)

    def publish(self, count: int, *, start: int = 0, changed: frozenset[int] = frozenset()) -> None:
        """The feed lists episodes ``start`` to ``count``, newest first; those ``changed`` have another transcript."""
        numbers = range(start, count)
        for number in numbers:
            self._serve(number, number in changed)
        items = "".join(self._item(number, number in changed) for number in reversed(numbers))
        self.body = self._feed(items).encode()
        self._server.route(self._path, self.body, type="application/rss+xml")

    def transcript(self, number: int, *, changed: bool = False) -> str:
        """What is said in an episode: sentences of one or two subjects, and one that is its own."""
        names = list(SUBJECTS)
        told = [*SUBJECTS[names[number % 3]], *SUBJECTS[names[(number // 3) % 3]]]
        place = self._stem.strip("/").replace("/", " ")
        own = f"This is letter number {number} of the lamp post{', read again' if changed else ''}, from {place}."
        chosen = [own, *(told[(number * 7 + at * 3) % len(told)] for at in range(self._lines - 1))]
        return vtt([(("Ada Quill", "Bo Marsh")[at // 2 % 2], text) for at, text in enumerate(chosen)])

    def _serve(self, number: int, changed: bool) -> None:
        part = "-b" if changed else ""
        marks = [{"startTime": 0, "title": "A letter"}, {"startTime": 36, "title": "More"}]
        chapters = {"version": "1.2.0", "chapters": marks}
        text = self.transcript(number, changed=changed)
        self._server.route(f"{self._stem}/{number}{part}.vtt", text.encode(), type="text/vtt")
        body = json.dumps(chapters).encode()
        self._server.route(f"{self._stem}/{number}.json", body, type="application/json+chapters")
        self._server.route(f"{self._stem}/{number}.mp3", AUDIO, type="audio/mpeg")

    def _item(self, number: int, changed: bool) -> str:
        at = NEWEST + dt.timedelta(days=number)
        base = self._server.url(self._stem)
        part = "-b" if changed else ""
        return (
            f"<item><title>Letter {number}</title>"
            f"<guid isPermaLink='false'>lamp-post-letter{self._stem}-{number:06d}</guid>"
            f"<pubDate>{at:%a, %d %b %Y %H:%M:%S} GMT</pubDate><itunes:duration>{self._lines * 6}</itunes:duration>"
            f"<enclosure url='{base}/{number}.mp3' type='audio/mpeg' length='{len(AUDIO)}'/>"
            f"<podcast:transcript url='{base}/{number}{part}.vtt' type='text/vtt' language='en'/>"
            f"<podcast:chapters url='{base}/{number}.json' type='application/json+chapters'/>"
            "<podcast:person role='host'>Ada Quill</podcast:person></item>"
        )

    def _feed(self, items: str) -> str:
        return (
            "<?xml version='1.0' encoding='utf-8'?><rss version='2.0' "
            "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' xmlns:podcast='https://podcastindex.org/namespace/1.0'>"
            f"<channel><title>{escape(self.title)}</title><link>{self._server.url('/')}</link>"
            f"<description>Letters that are read at night.</description><language>en</language>{items}</channel></rss>"
        )
