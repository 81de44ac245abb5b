"""`hark status`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from interfaces.cli.output import count, say, say_json
from interfaces.cli.where import JsonOption, LibraryOption, library_root

if TYPE_CHECKING:
    from kb.library import Status


def status(ctx: typer.Context, json: JsonOption = False, library: LibraryOption = "") -> None:
    """Say what the library holds.

    --json prints {"library", "name", "shows", "episodes", "transcripts", "notes", "concepts", "passages", "vectors",
    "hours", "model", "generation", "stale", "disk_bytes"}: "disk_bytes" is the size of .hark, "stale" whether files
    changed since the index was made.
    """
    root = library_root(ctx, library)

    from kb.library import open_library

    with open_library(root) as opened:
        found = opened.status()
    if json:
        say_json(dataclasses.asdict(found))
    else:
        _print_status(found)


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


def size(number: int) -> str:
    """``812 B``, ``3.4 MB``, ``1.2 GB``."""
    amount, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit in ("B", "kB") else f"{amount:.1f} {unit}"
