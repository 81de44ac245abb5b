"""yt-dlp as a library, kept on a short lead. Importing this imports yt-dlp.

Nothing of the machine's is read but the cookies that a person named: no configuration, no plugins, no netrc, no
proxies. Nothing is run: no ffmpeg, no other downloader, no postprocessor. Every request goes through one handler, which
connects by the guarded adapter and bounds what comes back. Files are named by us, never by what a site says.
"""

from __future__ import annotations

import functools
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import requests.adapters
import requests.utils
from yt_dlp import YoutubeDL
from yt_dlp import globals as ytdlp_globals
from yt_dlp.networking._requests import RequestsResponseAdapter, RequestsRH
from yt_dlp.networking.common import Request
from yt_dlp.networking.exceptions import HTTPError, RequestError, TransportError
from yt_dlp.utils import DownloadCancelled, YoutubeDLError, determine_protocol

from ingest.errors import IngestError, PermanentError
from ingest.hearing.captions.cues import MAX_BYTES
from ingest.sources.addresses import check_address
from ingest.sources.connections import Watch
from ingest.sources.ytdlp_errors import Failure, understood
from kb.errors import HarkError

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

# yt-dlp puts its own in the place of this for everybody; it fails where there are no proxies at all
requests.adapters.select_proxy = requests.utils.select_proxy  # type: ignore[attr-defined]  # not exported
ytdlp_globals.plugin_dirs.value = []  # before the first YoutubeDL, which would load what lies in the user's folders
ytdlp_globals.all_plugins_loaded.value = True

MAX_PAGE_BYTES = 50_000_000  # of what is read into memory at once
MAX_PAGES_BYTES = 500_000_000  # of all that is read in one visit, without the recording
MAX_RECORDING_BYTES = 4_000_000_000
MAX_HEAD_S = 60.0  # until the head of an answer is there, redirects included
PATIENCE_S = 30.0  # after so long, what is slower than
MIN_BYTES_PER_S = 1_000  # is given up
_MAX_FAILURES = 20
_MAX_WARNINGS = 100
_BY_US = frozenset({"http", "https", "m3u8", "m3u8_native", "http_dash_segments"})  # what yt-dlp loads by itself
_PIECE = 1 << 16
_OF_LISTS = re.compile(
    r"(Tab|Playlist|Channel|User|Album|Season|Series|Show|Group)(IE)?$"
)  # where yt-dlp leaves it open
_NO_BROWSERS = ("-pornhub.*", "-iqiyi", "-iq\\.com.*", "-douyu.*")  # extractors that would start PhantomJS


@dataclass(slots=True)
class Allowance:
    """How many bytes a visit may still read, decompressed."""

    left: int = MAX_PAGES_BYTES

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise RequestError(cause=PermanentError("sends more than Hark takes"))


class _BoundedResponse(RequestsResponseAdapter):  # type: ignore[misc]  # yt-dlp has no types
    """A response that is read piece by piece, so that a flood is cut off and a drip is noticed."""

    allowance: Allowance
    started: float
    size = 0

    def _real_read(self, amt: int | None = None) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while amt is None or size < amt:
            piece = self.fp.read1(_PIECE if amt is None else min(_PIECE, amt - size), decode_content=True)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
            if amt is None and size > MAX_PAGE_BYTES:
                raise RequestError(cause=PermanentError(f"sends a page larger than {MAX_PAGE_BYTES // 1_000_000} MB"))
            self._watch(len(piece))
        return b"".join(pieces)

    def _watch(self, size: int) -> None:
        self.allowance.take(size)
        self.size += size
        passed = time.monotonic() - self.started
        if passed > PATIENCE_S and self.size < MIN_BYTES_PER_S * passed:
            raise TransportError(f"is too slow: {self.size} bytes in {passed:.0f} seconds")


class GuardedRH(RequestsRH):  # type: ignore[misc]  # yt-dlp has no types
    """The only handler of requests. Its name ends as yt-dlp demands."""

    def __init__(self, *, adapter: BaseAdapter, allowance: Allowance, **options: object) -> None:
        super().__init__(**options)
        self._adapter = adapter
        self._allowance = allowance

    def _create_instance(self, cookiejar: object, legacy_ssl_support: object = None) -> Any:
        session = super()._create_instance(cookiejar, legacy_ssl_support)
        session.max_redirects = 5
        session.hooks["response"].append(_check_redirect)
        for scheme in ("https://", "http://"):
            session.mount(scheme, self._adapter)
        return session

    def _close_instance(self, instance: Any) -> None:
        instance.adapters.clear()  # others may be using the adapter
        super()._close_instance(instance)

    def _get_proxies(self, request: object) -> dict[str, str]:
        return {}

    def _send(self, request: Any) -> Any:
        started = time.monotonic()
        try:
            with Watch(MAX_HEAD_S):
                return self._bounded(super()._send(request), started)
        except HTTPError as error:  # extractors may read what an error page says
            self._bounded(error.response, started)
            raise
        except HarkError as error:  # the guard's: in yt-dlp's own terms, or it tries the next handler
            raise RequestError(cause=error) from error

    def _bounded(self, response: Any, started: float) -> Any:
        """The same object: a second one around it would be closed when the first is collected."""
        response.__class__ = _BoundedResponse
        response.allowance, response.started = self._allowance, started
        return response


def _check_redirect(response: Any, **_: object) -> None:
    """requests would read the body to the end, however long, and make an address of what is none."""
    if response.is_redirect:
        response.raw.close()
        response._content = b""
        check_address(urljoin(response.url, response.headers["location"]))


@dataclass(slots=True)
class _Log:
    """What yt-dlp says, bounded; nothing is printed."""

    warnings: list[str] = field(default_factory=list)

    def debug(self, message: str) -> None:
        """Progress and chatter."""

    def warning(self, message: str, **_: object) -> None:
        if len(self.warnings) < _MAX_WARNINGS:
            self.warnings.append(str(message)[:1000])

    def error(self, message: str) -> None:
        """Comes again in ``Visit.trouble``."""


class Visit(YoutubeDL):  # type: ignore[misc]  # yt-dlp has no types
    """One use of yt-dlp for one address, to be closed after.

    ``take`` is called with the visit and the description of a video, once it is wholly known. What goes wrong, in
    yt-dlp or in ``take``, is kept in ``failures``: the extractors read what sites send, and may fail in any way.
    """

    def __init__(
        self,
        options: Mapping[str, object],
        adapter: BaseAdapter,
        *,
        generic: bool = False,
        take: Callable[[Visit, dict[str, Any]], None] | None = None,
    ) -> None:
        self.failures: list[Failure] = []
        self.allowance = Allowance()
        self._adapter = adapter
        self._take = take
        self._log = _Log()
        extractors = ["default", *(() if generic else ("-generic",)), *_NO_BROWSERS]
        super().__init__({**_ALWAYS, **options, "allowed_extractors": extractors, "logger": self._log})

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._log.warnings)

    def extract(self, address: str, *, download: bool) -> dict[str, Any] | None:
        """What yt-dlp knows of an address, None where it failed. Raises nothing of yt-dlp's."""
        try:
            found = self.extract_info(address, download=download)
        except YoutubeDLError as error:  # cookies that cannot be loaded, and giving up after many failures
            self.failures.append(Failure(str(error), error))
            return None
        return found if isinstance(found, dict) else None

    def load(self, info: dict[str, Any], path: Path, *, where: str, captions: bool = False) -> HarkError | None:
        """Loads what ``info`` describes into a file of that name; returns what prevented it."""
        before = len(self.failures)
        self.allowance.left = MAX_BYTES if captions else MAX_RECORDING_BYTES
        try:
            done, _ = self.dl(str(path), info, subtitle=captions)
        except IngestError as error:
            return error
        except (YoutubeDLError, OSError, ValueError) as error:  # as yt-dlp itself does around captions
            return understood([Failure(str(error), error)], where=where)
        if done and path.is_file() and path.stat().st_size:
            return None
        failures = self.failures[before:]
        return understood(failures, where=where) if failures else PermanentError("came empty", where=where)

    def of_one_video(self, entry: Mapping[str, Any]) -> bool:
        """Whether an entry of a list is a video, as far as yt-dlp knows, and no list itself."""
        key, url = entry.get("ie_key"), entry.get("url")
        if entry.get("_type") not in {"url", "url_transparent"} or not isinstance(key, str) or key not in self._ies:
            return entry.get("_type", "video") in {"video", "url", "url_transparent"}
        single = self._ies[key].is_single_video(url) if isinstance(url, str) else None
        return bool(single) or (single is None and not _OF_LISTS.search(key))

    def identity(self, url: str) -> tuple[str, str]:
        """The key of the extractor for an address and the id in it, or empty strings. Asks nobody."""
        for key, extractor in self._ies.items():
            if extractor.suitable(url):
                return key, str(extractor.get_temp_id(url) or "")
        return "", ""

    # --- what yt-dlp calls ---

    @functools.cached_property
    def _request_director(self) -> Any:
        return self.build_request_director(
            [functools.partial(GuardedRH, adapter=self._adapter, allowance=self.allowance)]
        )

    def urlopen(self, req: Any) -> Any:
        """Every request. What has two hosts, depending on who reads it, is no address, though yt-dlp knows a way."""
        request = Request(req) if isinstance(req, str) else req
        try:
            check_address(request.url if hasattr(request, "url") else request.full_url)
        except PermanentError as error:
            raise RequestError(cause=error) from error
        return super().urlopen(request)

    def process_info(self, info_dict: dict[str, Any]) -> None:
        """In place of all that yt-dlp would write and run for a video."""
        if self._take is not None:
            self._take(self, info_dict)

    def process_subtitles(self, *_: object) -> None:
        """The choice is ours."""

    def dl(self, name: str, info: dict[str, Any], subtitle: bool = False, test: bool = False) -> Any:
        protocol = determine_protocol(info) if info.get("url") else ""
        if protocol not in _BY_US:
            raise PermanentError(f"is sent as {re.sub(r'[^a-z0-9_+]', '', protocol) or 'nothing'}, which is not taken")
        return super().dl(name, info, subtitle, test)

    def trouble(self, message: str | None = None, tb: object = None, is_error: bool = True) -> None:
        """Called for each error, mostly while it is being handled."""
        if is_error:
            self.failures.append(Failure(message or "", sys.exc_info()[1]))
            if len(self.failures) > _MAX_FAILURES:  # a list whose pages all fail would be asked without end
                raise DownloadCancelled("too many failures")

    def save_cookies(self) -> None:
        """A person's cookies are read and never written."""


_ALWAYS: dict[str, object] = {
    "ignoreerrors": True,  # every error goes to Visit.trouble, also those that are bugs of an extractor
    "ignore_no_formats_error": True,  # captions are what is wanted
    "quiet": True,
    "noprogress": True,
    "color": "never",
    "cachedir": False,
    "enable_file_urls": False,
    "usenetrc": False,
    "proxy": "",
    "external_downloader": "native",
    "ffmpeg_location": "/nonexistent/ffmpeg",
    "fixup": "never",
    "noplaylist": True,
    "allow_playlist_files": False,
    "writesubtitles": True,
    "writeautomaticsub": True,
    "extractor_args": {"youtube": {"skip": ["translated_subs"]}},
    "format": "ba/b[height<=480]/w/b",
    "socket_timeout": 20,
    "retries": 2,
    "fragment_retries": 2,
    "file_access_retries": 1,
    "extractor_retries": 2,
    "retry_sleep_functions": {"http": lambda n: 2**n, "fragment": lambda n: 2**n, "extractor": lambda n: 2**n},
    "skip_unavailable_fragments": False,
    "continuedl": False,
    "updatetime": False,
    "overwrites": True,
}
