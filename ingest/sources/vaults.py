"""A folder of Markdown notes as a source: copied into ``notes/`` byte for byte."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import PermanentError
from ingest.files import FileState, NewFile, clear_temporary, sha256, state_of, write_files
from ingest.journal import Journal
from ingest.records import Entry, Made, write_state
from ingest.report import ImportReport, Problem
from ingest.unchanged import Unchanged, keep_import
from kb.ports import Progress, no_progress

if TYPE_CHECKING:
    from kb.index.refresh import RefreshReport
    from kb.library import Library

BATCH = 64
MAX_DEPTH = 20
_ENDING = ".md"


@dataclass(frozen=True, slots=True)
class VaultNote:
    """A note of a vault: where it is, where it goes (``notes/...``), and what it looks like."""

    source: Path
    path: str
    looks: str


@dataclass(frozen=True, slots=True)
class Vault:
    """The notes of a folder, by path; what cannot be taken; how many other files there are."""

    notes: tuple[VaultNote, ...]
    problems: tuple[Problem, ...]
    other_files: int


def import_vault(
    library: Library, path: Path, *, now: dt.datetime | None = None, progress: Progress = no_progress
) -> ImportReport:
    """Copies the notes of a folder, or one note, into the library.

    A note keeps its place within the folder; one that lies directly in it goes to a folder of that folder's name. A
    file of the library that has another text is kept, and reported. Raises PermanentError where there is no such
    folder, and LibraryError.
    """
    began = time.monotonic()
    vault = scan_vault(path)
    with library.lock():
        clear_temporary(library.root)
        unchanged = Unchanged(library.root)
        run = _Import(library, Journal(library.store, now or dt.datetime.now(dt.UTC)), unchanged, progress)
        report = run.run(vault, began)
        keep_import(unchanged, path, vault, report)
        return report


def scan_vault(path: Path) -> Vault:
    """Lists the notes of a folder by names, sizes and times alone; hidden ones and links that lead out are left out."""
    root = Path(os.path.abspath(path))  # noqa: PTH100  # the link that a person names is followed, those within are not
    if root.is_file():
        return _single(root)
    if not root.is_dir():
        raise PermanentError("is not there", where=str(path), remedy="name a folder of notes, or one note")
    notes: list[VaultNote] = []
    problems: list[Problem] = []
    others = 0
    for entry, within in _walk(root, "", 0, problems):
        if not entry.name.lower().endswith(_ENDING):
            others += 1
        elif problem := _problem(within):
            problems.append(Problem(within.encode("utf-8", "replace").decode(), problem))
        else:
            notes.append(_note(entry, within if "/" in within else f"{root.name or 'notes'}/{within}"))
    return Vault(tuple(sorted(notes, key=lambda note: note.path)), tuple(problems), others)


def _single(file: Path) -> Vault:
    if not file.name.lower().endswith(_ENDING):
        raise PermanentError("is not a note", where=str(file), remedy="notes are Markdown: NAME.md")
    with os.scandir(file.parent) as entries:
        entry = next(entry for entry in entries if entry.name == file.name)
    return Vault((_note(entry, f"{file.parent.name or 'notes'}/{file.name}"),), (), 0)


def _note(entry: os.DirEntry[str], within: str) -> VaultNote:
    stat = entry.stat()
    return VaultNote(Path(entry.path), f"notes/{within}", f"{entry.path}:{stat.st_size}:{stat.st_mtime_ns}")


def _problem(within: str) -> str:
    """Why a note of this name cannot be taken in, or nothing."""
    try:
        within.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not text in UTF-8"
    return ""


def _walk(folder: Path, prefix: str, depth: int, problems: list[Problem]) -> Iterator[tuple[os.DirEntry[str], str]]:
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        problems.append(Problem(prefix or str(folder), f"cannot be read: {error.strerror}"))
        return
    for entry in entries:
        if entry.name.startswith((".", "~")):
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth < MAX_DEPTH:
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", depth + 1, problems)
            else:
                problems.append(Problem(f"{prefix}{entry.name}", f"more than {MAX_DEPTH} folders deep"))
        elif entry.is_file(follow_symlinks=False):
            yield entry, f"{prefix}{entry.name}"


class _Import:
    """One import, under the library's lock."""

    def __init__(self, library: Library, journal: Journal, unchanged: Unchanged, progress: Progress) -> None:
        self._unchanged = unchanged
        self._library = library
        self._root = library.root
        self._journal = journal
        self._progress = progress
        self._copied: dict[str, FileState] = {}
        self._kept: list[str] = []
        self._failed: list[Problem] = []

    def run(self, vault: Vault, began: float) -> ImportReport:
        """Copies what is new or changed."""
        known = self._journal.made("import", "copy")
        there = self._unchanged.stats
        todo = [note for note in vault.notes if not _is_done(note, known.get(note.path), note.path in there)]
        copied = 0
        for at in range(0, len(todo), BATCH):
            batch = todo[at : at + BATCH]
            copied += self._copy(batch, known)
            self._progress("copying notes", at + len(batch), len(todo))
        return ImportReport(
            notes=len(vault.notes),
            copied=copied,
            unchanged=len(vault.notes) - copied - len(self._kept) - len(self._failed),
            other_files=vault.other_files,
            kept=tuple(self._kept),
            failed=(*vault.problems, *self._failed),
            index=self._index(),
            seconds=time.monotonic() - began,
        )

    def _copy(self, batch: Sequence[VaultNote], known: Mapping[str, Made]) -> int:
        """Writes those notes that the library may take; returns how many."""
        files: list[NewFile] = []
        entries: list[Entry] = []
        looks: dict[str, str] = {}
        for note in batch:
            data = self._read(note)
            if data is None:
                continue
            found, made = state_of(self._root, note.path), known.get(note.path)
            if found and found.sha256 == sha256(data):
                entries.append(Entry(f"import:{note.path}", "copy", note.looks, write_state(found), note.path))
            elif found and not (made and made.state.sha256 == found.sha256):
                self._kept.append(note.path)
                vaults_own = FileState(sha256(data), len(data), 0)
                entries.append(Entry(f"import:{note.path}", "copy", note.looks, write_state(vaults_own), note.path))
            else:
                files.append(NewFile(note.path, data))
                looks[note.path] = note.looks
        states = write_files(self._root, files)
        self._copied |= states
        self._unchanged.wrote(states)
        for path, state in states.items():
            entries.append(Entry(f"import:{path}", "copy", looks[path], write_state(state), path))
        self._journal.put(entries)
        return len(files)

    def _read(self, note: VaultNote) -> bytes | None:
        try:
            return note.source.read_bytes()
        except OSError as error:
            self._failed.append(Problem(str(note.source), f"cannot be read: {error.strerror}"))
            return None

    def _index(self) -> RefreshReport | None:
        from kb.index.refresh import is_stale

        if self._unchanged.trusted:
            return self._library.refresh(self._progress, paths=self._copied.keys()) if self._copied else None
        if self._copied or is_stale(self._root, self._library.store):
            return self._library.refresh(self._progress)
        return None


def _is_done(note: VaultNote, made: Made | None, there: bool) -> bool:
    """Whether a note was copied as it is now, and the copy, edited or not, is still there."""
    return made is not None and made.input == note.looks and there
