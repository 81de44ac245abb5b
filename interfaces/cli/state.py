"""`hark status`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from interfaces.cli.output import count, say, say_json
from interfaces.cli.reports import MOST_LINES
from interfaces.cli.where import JsonOption, LibraryOption, library_root

if TYPE_CHECKING:
    from ingest.waiting import Waiting, WaitingEpisode
    from kb.library import Status


def status(ctx: typer.Context, json: JsonOption = False, library: LibraryOption = "") -> None:
    """Say what the library holds.

    --json prints {"library", "name", "shows", "episodes", "transcripts", "notes", "concepts", "passages", "vectors",
    "hours", "model", "generation", "stale", "disk_bytes", "sources", "waiting": [{"state", "source", "episode",
    "title", "reason", "next_at"}], "troubled": [{"source", "problem", "failures"}]}: "disk_bytes" is the size of .hark,
    "stale" whether files changed since the index was made; "waiting" are episodes that could not be had, "troubled"
    sources that did not answer when they were last asked.
    """
    root = library_root(ctx, library)

    from ingest.waiting import waiting_in
    from kb.library import open_library

    with open_library(root) as opened:
        found, waits = opened.status(), waiting_in(opened)
    if json:
        say_json(dataclasses.asdict(found) | dataclasses.asdict(waits))
    else:
        _print_status(found)
        _print_waiting(waits)


def _print_status(found: Status) -> None:
    say(f"{found.name}  ({found.library})")
    for label, value in (
        ("episodes", f"{found.episodes:,} in {count(found.shows, 'show')}, {found.hours:,.1f} hours"),
        ("transcripts", f"{found.transcripts:,}"),
        ("notes", f"{found.notes:,}, {found.concepts:,} of them on concepts"),
        ("passages", f"{found.passages:,}, {count(found.vectors, 'vector')}"),
        ("model", found.model),
        ("index", f"{size(found.disk_bytes)}, generation {found.generation}"),
    ):
        say(f"  {label:<12} {value}")
    if found.stale:
        say("Files changed since the index was made: hark index takes them up.")


def _print_waiting(waits: Waiting) -> None:
    if waits.sources:
        say(f"  {'sources':<12} {waits.sources:,}")
    silent = sum(one.state == "silent" for one in waits.waiting)
    if silent:
        say(f"  {'silent':<12} {count(silent, 'episode')} without a transcript")
    troubled = [f"{one.source}: {one.problem}" for one in waits.troubled]
    lines = [
        f"{one.title} ({one.source}): " + ": ".join(filter(None, (_when(one), one.reason)))
        for one in waits.waiting
        if one.state != "silent"
    ]
    for line in (troubled + lines)[:MOST_LINES]:
        say(f"  {line}")
    if len(troubled) + len(lines) > MOST_LINES:
        say(f"  ... and {len(troubled) + len(lines) - MOST_LINES:,} more (--json has them all)")
    if any(one.state in ("later", "aside") for one in waits.waiting):
        say("Try them again now: hark retry")


def _when(one: WaitingEpisode) -> str:
    return "set aside" if one.state == "aside" else f"again after {one.next_at}" if one.next_at else "due"


def size(number: int) -> str:
    """``812 B``, ``3.4 MB``, ``1.2 GB``."""
    amount, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit in ("B", "kB") else f"{amount:.1f} {unit}"
