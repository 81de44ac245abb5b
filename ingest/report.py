"""What a run did, for the interfaces to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kb.index.refresh import RefreshReport


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be done, and where: one line each."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(slots=True)
class Noted:
    """How many notes and pages were written, and the files that a person changed and that were therefore left."""

    notes: int = 0
    pages: int = 0
    kept: list[str] = field(default_factory=list)


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
