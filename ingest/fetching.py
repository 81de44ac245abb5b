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
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ingest.errors import IngestError, NoTranscriptError, TemporaryError
from ingest.files import understood
from ingest.plan import after_failure
from ingest.records import Followed

if TYPE_CHECKING:
    from ingest.sources.listing import Listing, Source, Validators

FETCHED = ".hark/fetched"
AT_ONCE = 8  # requests that wait; the client has its own limit for each server
_UNFINISHED = ".new-"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one episode. ``folder`` is its name within FETCHED, empty where there is nothing to read."""

    address: str
    episode: Followed
    folder: str = ""
    remarks: tuple[str, ...] = ()


def folder_name(address: str, episode: Followed) -> str:
    """The name of an episode's folder: another source, key or listing, another name."""
    told = f"{address}\n{episode.key}\n{episode.looks}".encode("utf-8", "replace")
    return hashlib.sha256(told).hexdigest()[:24]


def list_all(
    sources: Mapping[str, Source], known: Mapping[str, Validators]
) -> Iterator[tuple[str, Listing | IngestError]]:
    """Asks all sources at once what they list; yields each answer, or why there is none, as it comes."""
    with ThreadPoolExecutor(AT_ONCE, "listing") as pool:
        waiting = {pool.submit(source.listing, known[address]): address for address, source in sources.items()}
        for done in _as_completed(waiting):
            try:
                yield waiting[done], done.result()
            except IngestError as error:
                yield waiting[done], error


def fetch_all(
    root: Path, sources: Mapping[str, Source], due: Sequence[tuple[str, Followed]], now: dt.datetime
) -> Iterator[Fetched]:
    """Fetches all episodes that are due, and yields each as it is done.

    Once a server asks to be left alone for a while, nothing more is asked of that source: its episodes stay due.
    """
    place = root / FETCHED
    place.mkdir(parents=True, exist_ok=True)
    resting: set[str] = set()

    def fetch(address: str, one: Followed) -> Fetched | None:
        if address in resting:
            return None
        try:
            return _fetched(place, sources[address], address, one)
        except NoTranscriptError as error:
            return Fetched(address, one.finished("silent", str(error)))
        except TemporaryError as error:
            if error.retry_after_s:
                resting.add(address)
            return Fetched(address, after_failure(one, str(error), now, error.retry_after_s))
        except IngestError as error:
            return Fetched(address, one.finished("aside", str(error)))

    with ThreadPoolExecutor(AT_ONCE, "fetching") as pool:
        waiting = {pool.submit(fetch, address, one): one for address, one in due}
        for done in _as_completed(waiting):
            if fetched := done.result():
                yield fetched


def _as_completed(waiting: Mapping[Future[_T], object]) -> Iterator[Future[_T]]:
    """As they are done; what has not begun when the caller gives up (Ctrl-C) is never begun."""
    try:
        yield from as_completed(waiting)
    finally:
        for future in waiting:
            future.cancel()


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
