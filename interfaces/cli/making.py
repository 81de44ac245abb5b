"""`hark init`, `hark ingest`, `hark import` and `hark index`: what fills a library."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.faults import CallError
from interfaces.cli.output import say, say_json
from interfaces.cli.progress import ShownProgress
from interfaces.cli.reports import complain_of, index_document, index_line, print_import, print_ingest, tell
from interfaces.cli.where import JsonOption, LibraryOption, existing, library_root

if TYPE_CHECKING:
    from ingest.report import ImportReport, IngestReport

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


def ingest(
    ctx: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Folders or files: yt-dlp's, or captions.")],
    *,
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Take in episodes: a transcript and a note for each. What was taken in before costs next to nothing.

    --json prints {"sources": [{"path", "episodes", "new", "changed", "unchanged", "transcripts", "notes", "pages",
    "kept": [paths], "merged", "proposals": [paths], "corrected", "failed": [{"where", "message"}], "passed_over",
    "remarks", "index", "seconds"}]}: "transcripts", "notes" and "pages" count the files written; "merged" those of a
    person with something new in them, "kept" those left altogether, "proposals" wait for `hark review`; "corrected"
    counts places. "index" is what `hark index --json` prints, or null.
    """
    sources = existing(paths)
    root = library_root(ctx, library)

    from ingest.unchanged import nothing_to_ingest

    reports = [(source, nothing_to_ingest(root, source) or _ingest(root, source)) for source in sources]
    tell(reports, print_ingest, json=json)


def _ingest(root: Path, source: Path) -> IngestReport:
    from ingest.pipeline import ingest_folder
    from kb.library import open_library

    with open_library(root) as opened, ShownProgress() as progress:
        return ingest_folder(opened, source, now=dt.datetime.now(dt.UTC), progress=progress)


def import_notes(
    ctx: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Folders of Markdown notes.")],
    *,
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Take in notes from other vaults, byte for byte. A note that the library has with another text stays as it is.

    --json prints {"sources": [{"path", "notes", "copied", "unchanged", "other_files", "kept": [paths],
    "failed": [{"where", "message"}], "index", "seconds"}]}.
    """
    sources = existing(paths)
    root = library_root(ctx, library)

    from ingest.unchanged import nothing_to_import

    reports = [(source, nothing_to_import(root, source) or _import(root, source)) for source in sources]
    tell(reports, print_import, json=json)


def _import(root: Path, source: Path) -> ImportReport:
    from ingest.pipeline import import_vault
    from kb.library import open_library

    with open_library(root) as opened, ShownProgress() as progress:
        return import_vault(opened, source, now=dt.datetime.now(dt.UTC), progress=progress)


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

    with open_library(root, mend=rebuild) as opened, opened.lock(), ShownProgress() as progress:
        report = opened.refresh(progress, rebuild=rebuild)
    if json:
        say_json(index_document(report))
        return
    say(index_line(report))
    complain_of([f"{file}: {finding.message}" for file, finding in report.findings])
