"""`hark init`, `hark ingest`, `hark import` and `hark index`: what fills a library."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.faults import CallError
from interfaces.cli.output import complain, count, say, say_json
from interfaces.cli.progress import ShownProgress, duration
from interfaces.cli.where import JsonOption, LibraryOption, existing, library_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.report import ImportReport, IngestReport
    from kb.index.refresh import RefreshReport

MOST_LINES = 10  # of one sort; --json has them all
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
    "kept": [paths], "failed": [{"where", "message"}], "passed_over", "remarks", "index", "seconds"}]}: "transcripts",
    "notes" and "pages" count the files written, "kept" are those that a person changed; "index" is what
    `hark index --json` prints, or null.
    """
    sources = existing(paths)
    root = library_root(ctx, library)

    from ingest.pipeline import ingest_folder
    from kb.library import open_library

    reports = []
    with open_library(root) as opened, ShownProgress() as progress:
        for source in sources:
            report = ingest_folder(opened, source, now=dt.datetime.now(dt.UTC), progress=progress)
            reports.append((source, report))
    if json:
        say_json({"sources": [{"path": str(source), **_document(report)} for source, report in reports]})
    else:
        for source, report in reports:
            _print_ingest(source, report)
    _exit_with(max(report.exit_code for _, report in reports))


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

    from ingest.pipeline import import_vault
    from kb.library import open_library

    reports = []
    with open_library(root) as opened, ShownProgress() as progress:
        for source in sources:
            reports.append((source, import_vault(opened, source, now=dt.datetime.now(dt.UTC), progress=progress)))
    if json:
        say_json({"sources": [{"path": str(source), **_document(report)} for source, report in reports]})
    else:
        for source, report in reports:
            _print_import(source, report)
    _exit_with(max(report.exit_code for _, report in reports))


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
        say_json(_index_document(report))
        return
    say(_index_line(report))
    _complain_of([f"{file}: {finding.message}" for file, finding in report.findings])


def _document(report: IngestReport | ImportReport) -> dict[str, Any]:
    fields = dataclasses.asdict(dataclasses.replace(report, index=None))
    return fields | {
        "seconds": round(report.seconds, 3),
        "index": None if report.index is None else _index_document(report.index),
    }


def _index_document(report: RefreshReport) -> dict[str, Any]:
    fields = {field.name: getattr(report, field.name) for field in dataclasses.fields(report)}
    findings = [{"file": file, **dataclasses.asdict(finding)} for file, finding in report.findings]
    return fields | {"findings": findings, "seconds": round(report.seconds, 3)}


def _print_ingest(source: Path, report: IngestReport) -> None:
    say(f"{source}: {_changes(report.episodes, 'episode', new=report.new, changed=report.changed)}")
    written = [
        count(number, what)
        for number, what in ((report.transcripts, "transcript"), (report.notes, "note"), (report.pages, "page"))
        if number
    ]
    if written:
        say(f"  written: {', '.join(written)}")
    if report.passed_over:
        say(f"  passed over: {count(len(report.passed_over), 'file that is no episode', 'files that are no episodes')}")
    _print_index(report)
    _complain_of([f"{path}: kept as a person left it" for path in report.kept])
    _complain_of([f"{problem}" for problem in report.remarks])
    _complain_of([f"{problem}" for problem in report.failed])


def _print_import(source: Path, report: ImportReport) -> None:
    say(f"{source}: {_changes(report.notes, 'note', copied=report.copied)}")
    _print_index(report)
    _complain_of([f"{path}: kept, the library has another text under this name" for path in report.kept])
    _complain_of([f"{problem}" for problem in report.failed])


def _print_index(report: IngestReport | ImportReport) -> None:
    if report.index is not None:
        say(f"  index: {_searchable(report.index)}")
    if report.seconds >= 1:
        say(f"  in {duration(report.seconds)}")


def _index_line(report: RefreshReport) -> str:
    files = report.added + report.changed + report.removed + report.unchanged
    changes = _changes(files, "file", added=report.added, changed=report.changed, removed=report.removed)
    return f"{changes}; {_searchable(report)}"


def _searchable(report: RefreshReport) -> str:
    return f"{count(report.passages, 'passage')}, {count(report.embedded, 'text')} embedded"


def _changes(total: int, what: str, **numbers: int) -> str:
    """``434 episodes, 2 new``; ``434 episodes, nothing new``."""
    told = [f"{number:,} {name}" for name, number in numbers.items() if number]
    return f"{count(total, what)}, {', '.join(told) or 'nothing new'}"


def _complain_of(lines: Sequence[str]) -> None:
    for line in lines[:MOST_LINES]:
        complain(line)
    if len(lines) > MOST_LINES:
        complain(f"... and {len(lines) - MOST_LINES:,} more such lines (--json has them all)")


def _exit_with(code: int) -> None:
    if code:
        raise typer.Exit(code)
