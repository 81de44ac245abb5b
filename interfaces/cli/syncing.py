"""`hark sync`, `hark watch` and `hark retry`: what keeps a library in step with its sources."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.faults import CallError
from interfaces.cli.output import complain, count, say, say_json
from interfaces.cli.progress import ShownProgress
from interfaces.cli.reports import complain_of, exit_with, print_sync, sync_document, sync_line
from interfaces.cli.where import JsonOption, LibraryOption, library_root
from kb.errors import HarkError

if TYPE_CHECKING:
    from ingest.report import SyncReport

_EVERY = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTEST_S = 60  # between two rounds
LOOK_EVERY_S = 30.0  # at the clock: a laptop that slept goes on within so long


def sync(
    ctx: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(metavar="[SOURCE]...", help="Addresses that are followed; all of them without one.")
    ] = [],  # noqa: B006  # typer reads it, nobody changes it
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what there is to do, and do nothing.")] = False,
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Fetch what is new from the sources that the library follows, and write its transcripts and notes.

    --json prints {"sources", "not_modified", "new", "changed", "gone", "fetched", "later", "aside", "silent",
    "failed": [{"where", "message"}], "remarks", "taken", "seconds"}: "later", "aside" and "silent" count the episodes
    that wait for another try, for `hark retry`, and for a transcript; "taken" is a source's document of
    `hark ingest --json`. With --dry-run: {"actions": [{"what", "source", "episode", "title", "reason"}], "failed",
    "remarks"}.
    """
    root = library_root(ctx, library)
    if dry_run:
        _print_plan(root, sources, json)
        return
    _tell(_sync(root, sources), json)


def watch(
    ctx: typer.Context,
    *,
    every: Annotated[str, typer.Option(metavar="TIME", help="How often: 30m, 1h, 1d.")] = "1h",
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Sync now and again, until Ctrl-C or SIGTERM. What cannot be reached is tried again in the next round.

    --json prints what `hark sync --json` prints, one line for each round.
    """
    root, pause_s = library_root(ctx, library), interval(every)

    from kb.library import open_library

    open_library(root).close()  # what is wrong with the library is said at once
    with _stopped_by_signals() as stopped:
        while not stopped.is_set():
            _round(root, json)
            _wait(stopped, time.time() + pause_s)
    if not json:
        say("Stopped.")


def _round(root: Path, json: bool) -> None:
    """One sync; what goes wrong with the library as a whole is said, and tried again in the next round."""
    try:
        report = _sync(root, [])
    except HarkError as error:
        complain(str(error))
        return
    if json:
        say_json(sync_document(report))
    else:
        say(f"{dt.datetime.now().astimezone():%Y-%m-%d %H:%M}  {sync_line(report)}")
        taken = report.taken
        complain_of([f"{one}" for one in (*report.remarks, *taken.remarks, *report.failed, *taken.failed)])
    sys.stdout.flush()


def _wait(stopped: Event, until: float) -> None:
    """Waits by the clock on the wall, which goes on while a laptop sleeps."""
    while not stopped.is_set() and (left := until - time.time()) > 0:
        stopped.wait(min(left, LOOK_EVERY_S))


@contextmanager
def _stopped_by_signals() -> Iterator[Event]:
    """An event that SIGTERM and Ctrl-C set. They interrupt a sync where it is: all that it did stays done."""
    stopped = Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    except KeyboardInterrupt:
        if not stopped.is_set():
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interval(text: str) -> float:
    """Seconds of ``30m``, ``1h``, ``1d``. Raises CallError."""
    match = _EVERY.fullmatch(text.strip())
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if seconds < SHORTEST_S:
        raise CallError("no time to wait between two rounds", where=text, remedy="a minute at least: 30m, 1h, 1d")
    return float(seconds)


def retry(
    ctx: typer.Context,
    wanted: Annotated[
        list[str], typer.Argument(metavar="[EPISODE|SOURCE]...", help="Ids or addresses; all that wait without one.")
    ] = [],  # noqa: B006  # as above
    *,
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Try again what was set aside or put off, now.

    --json prints what `hark sync --json` prints.
    """
    root = library_root(ctx, library)

    from ingest.syncing import retry as make_due
    from kb.library import open_library

    with open_library(root) as opened:
        say_count = make_due(opened, wanted)
    if not say_count and not json:
        say("Nothing waits to be tried again.")
        return
    _tell(_sync(root, []), json)


def _sync(root: Path, sources: list[str]) -> SyncReport:
    from ingest.syncing import sync as run
    from kb.library import open_library

    with open_library(root) as opened, ShownProgress() as progress:
        return run(opened, only=sources, progress=progress)


def _tell(report: SyncReport, json: bool) -> None:
    if json:
        say_json(sync_document(report))
    else:
        print_sync(report)
    exit_with(report.exit_code)


def _print_plan(root: Path, sources: list[str], json: bool) -> None:
    from ingest.syncing import plan
    from kb.library import open_library

    with open_library(root) as opened:
        found = plan(opened, only=sources)
    if json:
        say_json(dataclasses.asdict(found))
    else:
        for action in found.actions:
            say(f"{action.what:<8} {action.title}" + (f"  ({action.reason})" if action.reason else ""))
        due = sum(action.what in ("new", "changed", "retry") for action in found.actions)
        say(f"{count(due, 'episode')} to do" if due else "Nothing to do.")
        complain_of([f"{problem}" for problem in (*found.remarks, *found.failed)])
    exit_with(1 if found.failed else 0)
