"""`hark init`, `hark ingest`, `hark import` and `hark index`: what fills a library."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.faults import CallError
from interfaces.cli.output import complain, count, say, say_json
from interfaces.cli.progress import ShownProgress, duration
from interfaces.cli.where import JsonOption, LibraryOption, existing, library_root

if TYPE_CHECKING:
    from kb.library import RefreshReport
    from kb.model import Finding

MOST_FINDINGS = 20  # lines printed; --json has them all
_IGNORED = "# What Hark makes from the files beside it; it can always be made again.\n.hark/\n"


def init(
    path: Annotated[str, typer.Argument(metavar="[PATH]", show_default=False)] = "",
    *,
    name: Annotated[str, typer.Option(help="The library's name; the folder's without one.")] = "",
    library: LibraryOption = "",
) -> None:
    """Make a library: hark.toml, notes/, transcripts/ and a .gitignore. What is there already stays as it is."""
    if path and library:
        raise CallError("both PATH and --library name the folder", remedy="give one of them")
    root = Path(path or library or ".").expanduser().resolve()
    if root.exists() and not root.is_dir():
        raise CallError("there is a file of that name", where=str(root), remedy="name a folder")

    from kb.library import create_library

    new = not (root / "hark.toml").exists()
    create_library(root, name).close()
    if not (root / ".gitignore").exists():
        (root / ".gitignore").write_text(_IGNORED, encoding="utf-8")
    say(f"{'A new library' if new else 'There was a library already'} in {root}")
    say("Next: hark ingest FOLDER   (captions or yt-dlp's files), or hark import FOLDER   (notes)")


def index(
    ctx: typer.Context,
    *,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the index again from the files.")] = False,
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Take up what changed in notes/ and transcripts/.

    --json prints {"added", "changed", "removed", "unchanged", "embedded", "passages", "findings": [{"file", "rule",
    "message", "line"}], "seconds"}.
    """
    root = library_root(ctx, library)

    from kb.library import open_library

    with open_library(root) as opened, opened.lock(), ShownProgress() as progress:
        report = opened.refresh(progress, rebuild=rebuild)
    if json:
        say_json(_refresh_document(report))
        return
    say(_refresh_line(report))
    complain_of(report.findings)


def complain_of(findings: tuple[tuple[str, Finding], ...]) -> None:
    """The first findings, one line each, and how many more there are."""
    for file, finding in findings[:MOST_FINDINGS]:
        line = f":{finding.line}" if finding.line else ""
        complain(f"{file}{line}: {finding.message} [{finding.rule}]")
    if len(findings) > MOST_FINDINGS:
        complain(f"{count(len(findings) - MOST_FINDINGS, 'more finding')}: --json lists them all")


def ingest(
    ctx: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...")],
    *,
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """x"""


def import_notes(
    ctx: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...")],
    *,
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """x"""
