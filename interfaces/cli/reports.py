"""What the commands that fill a library say of what they did."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from interfaces.cli.output import complain, count, say, say_json
from interfaces.cli.progress import duration

if TYPE_CHECKING:
    from ingest.report import ImportReport, IngestReport, SyncReport
    from kb.index.refresh import RefreshReport

MOST_LINES = 10  # of one sort; --json has them all

_Report = TypeVar("_Report", "IngestReport", "ImportReport")


def document(report: IngestReport | ImportReport) -> dict[str, Any]:
    """A report as `--json` prints it."""
    fields = dataclasses.asdict(dataclasses.replace(report, index=None))
    return fields | {
        "seconds": round(report.seconds, 3),
        "index": None if report.index is None else index_document(report.index),
    }


def index_document(report: RefreshReport) -> dict[str, Any]:
    """A refresh of the index as `--json` prints it."""
    fields = {field.name: getattr(report, field.name) for field in dataclasses.fields(report)}
    findings = [{"file": file, **dataclasses.asdict(finding)} for file, finding in report.findings]
    return fields | {"findings": findings, "seconds": round(report.seconds, 3)}


def tell(reports: Sequence[tuple[Path, _Report]], show: Callable[[str, _Report], None], *, json: bool) -> None:
    """Prints the report of each source, and exits with the worst of their codes."""
    if json:
        say_json({"sources": [{"path": str(source), **document(report)} for source, report in reports]})
    else:
        for source, report in reports:
            show(str(source), report)
    exit_with(max(report.exit_code for _, report in reports))


def print_ingest(source: str, report: IngestReport) -> None:
    """What an ingest did."""
    say(f"{source}: {_changes(report.episodes, 'episode', new=report.new, changed=report.changed)}")
    _print_written(report)
    if report.passed_over:
        say(f"  passed over: {count(len(report.passed_over), 'file that is no episode', 'files that are no episodes')}")
    _print_index(report)
    complain_of([f"{path}: kept as a person left it" for path in report.kept])
    complain_of([f"{problem}" for problem in report.remarks])
    complain_of([f"{problem}" for problem in report.failed])


def _print_written(report: IngestReport) -> None:
    written = [
        count(number, what)
        for number, what in ((report.transcripts, "transcript"), (report.notes, "note"), (report.pages, "page"))
        if number
    ]
    if written:
        say(f"  written: {', '.join(written)}")
    if report.corrected:
        say(f"  corrected: {count(report.corrected, 'place')}")
    if report.merged:
        say(f"  merged with what a person wrote: {count(report.merged, 'file')}")
    if report.proposals:
        say(f"  to be looked at (hark review): {count(len(report.proposals), 'note')}")


def print_import(source: str, report: ImportReport) -> None:
    """What an import did."""
    say(f"{source}: {_changes(report.notes, 'note', copied=report.copied)}")
    _print_index(report)
    complain_of([f"{path}: kept, the library has another text under this name" for path in report.kept])
    complain_of([f"{problem}" for problem in report.failed])


def _print_index(report: IngestReport | ImportReport) -> None:
    if report.index is not None:
        say(f"  index: {_searchable(report.index)}")
    if report.seconds >= 1:
        say(f"  in {duration(report.seconds)}")


def index_line(report: RefreshReport) -> str:
    """A refresh of the index in one line."""
    files = report.added + report.changed + report.removed + report.unchanged
    changes = _changes(files, "file", added=report.added, changed=report.changed, removed=report.removed)
    return f"{changes}; {_searchable(report)}"


def _searchable(report: RefreshReport) -> str:
    return f"{count(report.passages, 'passage')}, {count(report.embedded, 'text')} embedded"


def _changes(total: int, what: str, **numbers: int) -> str:
    """``434 episodes, 2 new``; ``434 episodes, nothing new``."""
    told = [f"{number:,} {name}" for name, number in numbers.items() if number]
    return f"{count(total, what)}, {', '.join(told) or 'nothing new'}"


def complain_of(lines: Sequence[str]) -> None:
    """One line each on standard error, of many the first."""
    for line in lines[:MOST_LINES]:
        complain(line)
    if len(lines) > MOST_LINES:
        complain(f"... and {len(lines) - MOST_LINES:,} more such lines (--json has them all)")


def exit_with(code: int) -> None:
    """Ends the command, where there is something to say by its code."""
    if code:
        raise typer.Exit(code)


# --- a sync --------------------------------------------------------------------------------------------------------


def sync_document(report: SyncReport) -> dict[str, Any]:
    """A sync as `--json` prints it."""
    fields = dataclasses.asdict(dataclasses.replace(report, taken=type(report.taken)()))
    return fields | {"taken": document(report.taken), "seconds": round(report.seconds, 3)}


def print_sync(report: SyncReport) -> None:
    """What a sync did: one line, what it wrote, and what went wrong."""
    say(sync_line(report))
    taken = report.taken
    _print_written(taken)
    _print_index(taken)
    complain_of([f"{problem}" for problem in (*report.remarks, *taken.remarks)])
    complain_of([f"{path}: kept as a person left it" for path in taken.kept])
    complain_of([f"{problem}" for problem in (*report.failed, *taken.failed)])


def sync_line(report: SyncReport) -> str:
    """``12 sources, 3 new, 1 changed, 1 failed; 2 to try again later``."""
    waits = [
        f"{number:,} {what}"
        for number, what in (
            (report.later, "to try again later"),
            (report.aside, "set aside (hark status)"),
            (report.silent, "without a transcript"),
        )
        if number
    ]
    taken = report.taken
    failed = len(report.failed) + len(taken.failed)
    line = _changes(report.sources, "source", new=taken.new, changed=taken.changed, failed=failed)
    return "; ".join([line, *waits])
