"""The stage that waits for the network: listed episodes become folders in yt-dlp's layout, side by side.

    .hark/fetched/<name>/episode.info.json  episode.en.vtt  episode.mp3

A folder is filled under another name and renamed when it is whole, so one that has its name is never half there. The
name is made from the source, the episode's key and what the source said of it: what is there need not be fetched again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

from ingest.errors import IngestError, NoTranscriptError, PermanentError, TemporaryError
from ingest.files import understood
from ingest.plan import after_failure
from ingest.records import Followed

if TYPE_CHECKING:
    from ingest.sources.listing import Listing, Source, Validators

FETCHED = ".hark/fetched"
MOST_IN_A_ROW = 3  # failures of one source that may pass: then it is left alone until the next sync
AT_ONCE = 8  # requests that wait; the client has its own limit for each server
_UNFINISHED = ".new-"

_K = TypeVar("_K")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one episode. ``folder`` is its name within FETCHED, empty where there is nothing to read."""

    address: str
    episode: Followed
    folder: str = ""
    remarks: tuple[str, ...] = ()
    leave_alone_s: float | None = None  # how long the server wants to be left alone


def folder_name(address: str, episode: Followed) -> str:
    """The name of an episode's folder: another source, key or listing, another name."""
    told = f"{address}\n{episode.key}\n{episode.looks}".encode("utf-8", "replace")
    return hashlib.sha256(told).hexdigest()[:24]


def list_all(
    sources: Mapping[str, Source], known: Mapping[str, Validators]
) -> Iterator[tuple[str, Listing | IngestError]]:
    """Asks all sources at once what they list; yields each answer, or why there is none, as it comes."""
    for address, done in _side_by_side("listing", list(sources), lambda one: sources[one].listing(known[one])):
        try:
            yield address, done.result()
        except IngestError as error:
            yield address, error


def fetch_all(
    root: Path, sources: Mapping[str, Source], due: Sequence[tuple[str, Followed]], now: dt.datetime
) -> Iterator[Fetched]:
    """Fetches all episodes that are due, and yields each as it is done.

    Once a server asks to be left alone for a while, or fails ``MOST_IN_A_ROW`` times one after the other, nothing more
    is asked of that source: its episodes stay due.
    """
    place = root / FETCHED
    place.mkdir(parents=True, exist_ok=True)
    resting: set[str] = set()
    in_a_row: Counter[str] = Counter()

    def fetch(wanted: tuple[str, Followed]) -> Fetched | None:
        address, one = wanted
        if address in resting:
            return None
        try:
            fetched = _fetched(place, sources[address], address, one)
        except NoTranscriptError as error:
            later = after_failure(one, str(error), now, None, at_last="silent")
            return Fetched(address, later if error.may_come else one.finished("silent", str(error)))
        except TemporaryError as error:
            in_a_row[address] += not error.alone
            if not error.alone and (error.retry_after_s or in_a_row[address] >= MOST_IN_A_ROW):
                resting.add(address)
            wait_s = None if error.alone else error.retry_after_s
            return Fetched(address, after_failure(one, str(error), now, error.retry_after_s), leave_alone_s=wait_s)
        except PermanentError as error:  # a transcript may be announced before it is there
            return Fetched(address, after_failure(one, str(error), now, None))
        in_a_row[address] = 0
        return fetched

    for _, done in _side_by_side("fetching", due, fetch):
        if fetched := done.result():
            yield fetched


def _side_by_side(name: str, wanted: Sequence[_K], work: Callable[[_K], _T]) -> Iterator[tuple[_K, Future[_T]]]:
    """Does ``work`` for all of ``wanted``, AT_ONCE at a time, and yields each as it is done.

    What has not begun when the caller gives up (Ctrl-C, SIGTERM) is never begun, and what has is not waited for: a
    recording may take hours. So these are daemons, which end with the process; a ThreadPoolExecutor waits.
    """
    left: SimpleQueue[_K | None] = SimpleQueue()
    ready: SimpleQueue[tuple[_K, Future[_T]]] = SimpleQueue()
    given_up = Event()

    def run() -> None:
        while (one := left.get()) is not None and not given_up.is_set():
            done: Future[_T] = Future()
            try:
                done.set_result(work(one))
            except BaseException as error:  # noqa: BLE001  # raised again where the result is asked for
                done.set_exception(error)
            ready.put((one, done))

    threads = [Thread(target=run, name=f"{name}-{number}", daemon=True) for number in range(min(AT_ONCE, len(wanted)))]
    for item in (*wanted, *(None for _ in threads)):
        left.put(item)
    for thread in threads:
        thread.start()
    try:
        for _ in wanted:
            yield ready.get()
    finally:
        given_up.set()


def _fetched(place: Path, source: Source, address: str, one: Followed) -> Fetched:
    name = folder_name(address, one)
    folder, new = place / name, place / f"{_UNFINISHED}{name}"
    if folder.is_dir() or one.listed is None:
        return Fetched(address, one, name)
    with understood(FETCHED):
        if not any(new.glob("*.part")):  # a recording that was cut short goes on
            shutil.rmtree(new, ignore_errors=True)
        new.mkdir(exist_ok=True)
        remarks = source.fetch(one.listed, new)
        for path in (*new.iterdir(), new):
            _sync(path)
        new.rename(folder)
        _sync(place)
    return Fetched(address, one, name, remarks)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def clear_fetched(root: Path, keep: frozenset[str]) -> None:
    """Removes what nobody waits for any more; folders of the names in ``keep`` stay, finished or not."""
    place = root / FETCHED
    if place.is_dir():
        for path in sorted(place.iterdir()):
            if path.name.removeprefix(_UNFINISHED) not in keep:
                shutil.rmtree(path, ignore_errors=True)
