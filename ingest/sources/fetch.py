"""The one way to the web: what feeds, transcripts, chapters and recordings are fetched with.

Whoever wrote a feed chooses the addresses that are opened here, and whoever answers chooses the bytes. So: http and
https only; every hop of a redirect is checked like the first, on the very address that is connected to (addresses.py,
connections.py); bytes are counted after decompression; a request has an end, however slowly it is answered; nothing of
the environment (proxies, ``.netrc``) and no cookie is used. A name and password in an address go to that server only.

Requests go straight to requests' adapter. A ``Session`` would add what is not wanted: cookies, redirects that it
follows and reads in full, settings from the environment.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult

from ingest.errors import PermanentError, TemporaryError
from ingest.sources.addresses import check_address
from ingest.sources.answers import (
    failure,
    is_packed,
    is_page,
    is_weaker,
    kept_header,
    length,
    media_type_of,
    on_the_way,
    onward_from,
    retry_after,
)
from ingest.sources.listing import Validators
from ingest.sources.partial import Partial, Version
from ingest.sources.urls import shown

if TYPE_CHECKING:
    from requests import Response
    from requests.adapters import BaseAdapter
    from tenacity import RetryCallState

    from ingest.sources.connections import GuardedAdapter, Watch

__all__ = ["Client", "Download", "Patience", "Progress", "Reply", "guarded_adapter", "retry_after"]

T = TypeVar("T")
Progress = Callable[[int, int], None]  # bytes there are, bytes there will be (0: not known)

MAX_REDIRECTS = 5
_UNKNOWN = Validators()
_PIECE = 1 << 16  # bytes read at once
_FOR_GOOD = frozenset({301, 308})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds, and how often is tried."""

    connect_s: float = 10.0
    read_s: float = 20.0  # without a single byte
    get_s: float = 60.0  # a whole answer that is kept in memory
    stall_s: float = 30.0  # a piece of a recording, 64 KiB
    download_s: float = 4 * 3_600.0  # a whole recording
    tries: int = 3
    backoff_s: float = 0.5  # before the second try at most; doubled before each further one
    retry_after_s: float = 30.0  # a server that asks for a longer pause is left for another time


@dataclass(frozen=True, slots=True)
class Reply:
    """What was fetched. Addresses are as they were asked for, with name and password: ``shown`` is for messages.

    ``url`` is the last hop, ``moved_to`` the same where each hop said that it moved for good, otherwise empty.
    ``media_type`` and ``charset`` are as the server says, in lower case.
    """

    url: str
    body: bytes = b""
    media_type: str = ""
    validators: Validators = _UNKNOWN
    not_modified: bool = False
    moved_to: str = ""
    charset: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was fetched: whole, and on the disk to stay. ``size`` in bytes."""

    path: Path
    size: int
    media_type: str


class _TooSlowError(TemporaryError):
    """A second try at once would take as long."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came at the end of the redirects; the body is still to be read."""

    response: Response
    url: str
    moved_to: str
    watch: Watch


class Client:
    """Fetches, for any number of threads; ``per_host`` requests at a time go to one host.

    ``contact`` (an address of the person who runs this) is told to servers in the User-Agent. Both ``get`` and
    ``download`` raise TemporaryError for what may pass and PermanentError for the rest of what can happen on the way.
    """

    def __init__(self, *, contact: str = "", per_host: int = 2, patience: Patience = Patience()) -> None:
        self._agent = _agent(contact)
        self._patience = patience
        self._per_host = per_host
        self._lock = threading.Lock()
        self._hosts: dict[str, threading.BoundedSemaphore] = {}
        self._adapters: dict[bool, GuardedAdapter] = {}
        self._watches: set[Watch] = set()
        self._closed = threading.Event()

    def get(
        self,
        url: str,
        *,
        known: Validators = _UNKNOWN,
        accept: str = "",
        max_bytes: int,
        allow_private: bool = False,
    ) -> Reply:
        """The body at an address, of ``max_bytes`` at most; none where it is still the ``known`` version."""
        check_address(url)
        conditions = _conditions(known)
        headers = {"Accept": kept_header(accept) or "*/*", "Accept-Encoding": "gzip, deflate", **conditions}

        def once() -> Reply:
            with self._open(url, headers, allow_private, self._patience.get_s) as answer:
                status = answer.response.status_code
                if status != 200 and not (status == 304 and conditions):
                    raise failure(answer.response, url)
                body = b"".join(_pieces(answer, url, max_bytes))
                return _reply(answer, body, known)

        return self._patiently(once)

    def download(
        self,
        url: str,
        target: Path,
        *,
        max_bytes: int,
        allow_private: bool = False,
        progress: Progress | None = None,
    ) -> Download:
        """Fetches a recording into the file ``target``, which is there when all of it is.

        Until then it grows as ``target`` + ``.part``, and goes on from there after a failure, a kill included, where
        the server still has the same version. Raises DiskFullError and LibraryReadOnlyError as well.
        """
        check_address(url)

        def once() -> Download:
            part = Partial(target, url)
            headers = {"Accept": "*/*", "Accept-Encoding": "identity", **part.asks}
            with self._open(url, headers, allow_private, self._patience.download_s, self._patience.stall_s) as answer:
                return _receive(answer, part, url, max_bytes, progress or (lambda done, total: None))

        return self._patiently(once)

    def close(self) -> None:
        """Closes connections and ends pauses: what is under way, and what comes later, raises TemporaryError."""
        self._closed.set()
        with self._lock:
            for watch in self._watches:
                watch.cut()
            for adapter in self._adapters.values():
                adapter.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _open(
        self, url: str, headers: Mapping[str, str], allow_private: bool, limit_s: float, stall_s: float | None = None
    ) -> Iterator[_Answer]:
        """The answer at the end of the redirects. Waits for its turn at each host."""
        here, for_good, hops = url, True, 0
        while True:
            parts = _hop(here, url)
            with self._turn(parts.hostname or ""), self._watched(limit_s, stall_s, url) as watch:
                began = time.monotonic()
                response = self._send(here, headers, allow_private, url)
                try:
                    onward = onward_from(response, here)
                    if not onward:
                        yield _Answer(response, here, here if hops and for_good else "", watch)
                        return
                    for_good = for_good and response.status_code in _FOR_GOOD and not is_weaker(here, onward)
                    response.raw.read(_PIECE, decode_content=False)  # a short body is read, to keep the connection
                finally:
                    response.close()
                limit_s -= time.monotonic() - began
            if watch.late or limit_s <= 0:
                raise _cut_off(url, watch)
            here, hops = onward, hops + 1
            if hops > MAX_REDIRECTS:
                raise PermanentError(f"leads on more than {MAX_REDIRECTS} times", where=shown(url))

    def _send(self, here: str, headers: Mapping[str, str], allow_private: bool, url: str) -> Response:
        import requests

        try:
            request = requests.Request("GET", here, headers={"User-Agent": self._agent, **headers}).prepare()
        except (requests.RequestException, ValueError):
            raise PermanentError("is no address", where=shown(here)) from None
        timeout = (self._patience.connect_s, self._patience.read_s)
        try:
            return self._adapter(allow_private).send(request, stream=True, timeout=timeout)
        except PermanentError as error:
            raise PermanentError(error.what, where=_way(url, here), remedy=error.remedy) from None

    @contextmanager
    def _watched(self, limit_s: float, stall_s: float | None, url: str) -> Iterator[Watch]:
        """Gives a request an end, and turns the network's errors into ours."""
        import requests
        import urllib3

        from ingest.sources.connections import Watch

        watch = Watch(limit_s, stall_s)
        try:
            with self._noted(watch, url), watch:
                yield watch
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise (
                _cut_off(url, watch) if watch.late else TemporaryError(on_the_way(error), where=shown(url))
            ) from error

    @contextmanager
    def _noted(self, watch: Watch, url: str) -> Iterator[None]:
        """Lets ``close`` know of a request. Raises TemporaryError where that was called already."""
        with self._lock:
            if self._closed.is_set():
                raise TemporaryError("was broken off", where=shown(url))
            self._watches.add(watch)
        try:
            yield
        finally:
            with self._lock:
                self._watches.discard(watch)

    def _adapter(self, allow_private: bool) -> GuardedAdapter:
        from ingest.sources.connections import GuardedAdapter

        with self._lock:
            if allow_private not in self._adapters:
                self._adapters[allow_private] = GuardedAdapter(allow_private=allow_private, per_host=self._per_host)
            return self._adapters[allow_private]

    def _turn(self, host: str) -> threading.BoundedSemaphore:
        with self._lock:
            return self._hosts.setdefault(host, threading.BoundedSemaphore(self._per_host))

    def _patiently(self, once: Callable[[], T]) -> T:
        """Tries, and tries again where the error may pass soon. tenacity is loaded only then: it brings asyncio."""
        try:
            return once()
        except TemporaryError as error:
            if not self._passes_soon(error) or self._patience.tries < 2:
                raise
            first = error
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        self._pause(self._pause_s(first, 1))
        again = Retrying(
            retry=retry_if_exception(self._passes_soon),
            wait=self._next_pause_s,
            stop=stop_after_attempt(self._patience.tries - 1),
            sleep=self._pause,
            reraise=True,
        )
        return again(once)

    def _pause(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def _passes_soon(self, error: BaseException) -> bool:
        if self._closed.is_set() or not isinstance(error, TemporaryError) or isinstance(error, _TooSlowError):
            return False
        return (error.retry_after_s or 0.0) <= self._patience.retry_after_s

    def _next_pause_s(self, state: RetryCallState) -> float:
        return self._pause_s(state.outcome.exception() if state.outcome else None, state.attempt_number + 1)

    def _pause_s(self, error: BaseException | None, tries: int) -> float:
        """As long as the server asked for, otherwise between half and all of a time that doubles."""
        import random

        if isinstance(error, TemporaryError) and error.retry_after_s is not None:
            return error.retry_after_s
        return random.uniform(0.5, 1.0) * self._patience.backoff_s * 2.0 ** (tries - 1)  # noqa: S311  # no secret


def guarded_adapter(*, allow_private: bool = False) -> BaseAdapter:
    """An adapter for another program's session of requests: it connects to no address that ``Client`` would not.

    It raises PermanentError for one, and requests' errors otherwise. It uses no proxy.
    """
    from ingest.sources.connections import GuardedAdapter

    return GuardedAdapter(allow_private=allow_private)


@cache
def _version() -> str:
    return version("hark")


def _agent(contact: str) -> str:
    clean = "".join(char for char in contact[:200] if " " <= char <= "~" and char not in "()").strip()
    return f"Hark/{_version()}" + (f" (+{clean})" if clean else "")


def _conditions(known: Validators) -> dict[str, str]:
    """The headers that ask for another version than the known one."""
    pairs = (("If-None-Match", known.etag), ("If-Modified-Since", known.last_modified))
    return {name: value for name, value in pairs if kept_header(value)}


def _cut_off(url: str, watch: Watch) -> TemporaryError:
    return _TooSlowError("was broken off" if watch.given_up else "answers too slowly", where=shown(url))


def _way(url: str, here: str) -> str:
    return shown(url) if here == url else f"{shown(url)} leads to {shown(here)}"


def _hop(here: str, url: str) -> SplitResult:
    try:
        return check_address(here)
    except PermanentError as error:
        raise PermanentError(error.what, where=_way(url, here)) from None


def _pieces(answer: _Answer, url: str, max_bytes: int, before: int = 0) -> Iterator[bytes]:
    """The body, unpacked, piece by piece. Raises PermanentError as soon as it is more than ``max_bytes``.

    ``before`` are the bytes that there are already.
    """
    size = before
    if length(answer.response) > max_bytes - before:
        raise _too_large(url, max_bytes)
    for piece in answer.response.iter_content(_PIECE):
        size += len(piece)
        if size > max_bytes:
            raise _too_large(url, max_bytes)
        answer.watch.moved()
        yield piece
    if answer.watch.late:  # a body without a length ends where it is cut off
        raise _cut_off(url, answer.watch)


def _too_large(url: str, max_bytes: int) -> PermanentError:
    size = f"{max_bytes / 1_000_000:g} MB" if max_bytes >= 1_000_000 else f"{max_bytes:,} bytes"
    return PermanentError(f"is larger than {size}", where=shown(url))


def _reply(answer: _Answer, body: bytes, known: Validators) -> Reply:
    headers = answer.response.headers
    media_type, charset = media_type_of(answer.response)
    validators = Validators(kept_header(headers.get("ETag")), kept_header(headers.get("Last-Modified")))
    reply = Reply(answer.url, body, media_type, validators, moved_to=answer.moved_to, charset=charset)
    if answer.response.status_code != 304:
        return reply
    kept = Validators(validators.etag or known.etag, validators.last_modified or known.last_modified)
    return replace(reply, validators=kept, not_modified=True)


def _receive(answer: _Answer, part: Partial, url: str, max_bytes: int, progress: Progress) -> Download:
    """Writes a recording to its part, and puts it in its place when it is whole."""
    media_type, _ = media_type_of(answer.response)
    try:
        total = _begin(answer.response, part, url)
        if total > max_bytes:
            raise _too_large(url, max_bytes)
        with part:
            progress(part.size, total)
            for piece in _pieces(answer, url, max_bytes, part.size):
                if not part.size and is_page(media_type, piece):
                    raise PermanentError("is a web page, not a recording", where=shown(url))
                part.write(piece)
                progress(part.size, total)
        if not part.size:
            raise PermanentError("is empty (0 bytes)", where=shown(url))
    except PermanentError:
        part.drop()
        raise
    if total and part.size != total:
        size = part.size
        part.drop()
        raise TemporaryError(f"has {size:,} bytes where {total:,} were announced", where=shown(url))
    return Download(part.finish(), part.size, media_type)


def _begin(response: Response, part: Partial, url: str) -> int:
    """The bytes of the whole, 0 where they are not known. What there is of it is dropped unless the answer goes on."""
    span = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""), re.ASCII)
    version = Version(kept_header(response.headers.get("ETag")), kept_header(response.headers.get("Last-Modified")))
    goes_on = part.size and span and int(span[1]) == part.size and not part.version.is_other(version)
    if response.status_code == 206 and span and goes_on:
        return 0 if span[2] == "*" else int(span[2])
    if response.status_code in (206, 416):
        part.drop()
        raise TemporaryError("does not go on where it broke off", where=shown(url))
    if response.status_code != 200:
        raise failure(response, url)
    part.begin(Version() if is_packed(response) else version)
    return length(response)
