"""What a run did, for the interfaces to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.files import FileState
    from kb.index.refresh import RefreshReport


PASSED_OVER = "passed over: "  # begins the reason of an item that was hardly meant as an episode


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be done, and where: one line each."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(slots=True)
class Transcribed:
    """What became of the items that were read, while a run gathers it."""

    new: int = 0
    changed: int = 0
    written: int = 0
    unchanged: int = 0
    kept: list[str] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    passed_over: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)  # transcripts with what is new and what a person edited
    corrected: int = 0  # places in transcripts that were written
    episodes: list[str] = field(default_factory=list)  # ids of those that were read
    files: dict[str, FileState] = field(default_factory=dict)  # transcripts that were written

    def refuse(self, where: str, reason: str) -> None:
        """Counts an item that gives no episode, as a failure or as one that was hardly meant."""
        if reason.startswith(PASSED_OVER):
            self.passed_over.append(Problem(where, reason.removeprefix(PASSED_OVER)))
        else:
            self.failed.append(Problem(where, reason))


@dataclass(slots=True)
class Noted:
    """How many notes and pages were written, and what became of those that a person had changed.

    ``merged`` counts files into which something new was merged, or an edit that came late; ``kept`` are those left
    altogether as the person has them, ``proposals`` those of which something new waits for the person's word.
    """

    notes: int = 0
    pages: int = 0
    kept: list[str] = field(default_factory=list)
    merged: int = 0
    proposals: list[str] = field(default_factory=list)
    files: dict[str, FileState] = field(default_factory=dict)  # as they were generated, whether written or merged


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """``episodes`` is how many the source lists and the library has; ``kept`` the files that a person changed and that
    were therefore left as they are, though there was something new to write.
    """

    episodes: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    transcripts: int = 0  # written
    notes: int = 0  # written
    pages: int = 0  # of shows and concepts, written
    kept: tuple[str, ...] = ()
    merged: int = 0  # files that a person changed, with what is new merged in
    proposals: tuple[str, ...] = ()  # notes of which something new waits for the person's word
    corrected: int = 0  # places in transcripts
    failed: tuple[Problem, ...] = ()
    passed_over: tuple[Problem, ...] = ()  # hardly meant as episodes
    remarks: tuple[Problem, ...] = ()  # what was wrong with files that were read all the same
    index: RefreshReport | None = None  # None where there was nothing to do
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 where something failed and the rest went on."""
        return 1 if self.failed else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """``notes`` is how many the folder holds; ``kept`` those of which the library has another text already."""

    notes: int = 0
    copied: int = 0
    unchanged: int = 0
    other_files: int = 0  # that are no notes
    kept: tuple[str, ...] = ()
    failed: tuple[Problem, ...] = ()
    index: RefreshReport | None = None
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 where something failed and the rest went on."""
        return 1 if self.failed else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a sync heard of its sources, and what it took in.

    ``new`` and ``changed`` are episodes that the sources listed so; ``later``, ``aside`` and ``silent`` those that
    wait: for another try, for somebody to ask for them, for a transcript. ``gone`` are listed no more, and stay.
    """

    sources: int = 0
    not_modified: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    fetched: int = 0
    later: int = 0
    aside: int = 0
    silent: int = 0
    failed: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()
    taken: IngestReport = IngestReport()
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 where something failed and the rest went on."""
        return 1 if self.failed or self.taken.failed else 0
