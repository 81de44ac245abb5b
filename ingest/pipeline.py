"""Runs the plan: a folder of episodes becomes transcripts, an index and notes. The stages, in order:

    scan      what the source lists, by names, sizes and times alone
    read      new and changed items -> transcripts/
    index     transcripts -> chunks and vectors: the only stage that embeds
    write     transcripts and vectors -> notes/, then the pages of shows and concepts
    index     notes -> passages, and a snapshot to search in

Each is journalled after its files are on the disk, so that a killed run loses nothing and is taken up where it was.
Where the journal is gone but the files are there (``.hark`` was deleted), what is found is adopted: it keeps its name,
and is overwritten only where it is what Hark would write.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.amending import Amended, correct_library
from ingest.files import clear_temporary, has_displaced, state_of
from ingest.journal import Journal
from ingest.plan import ADOPTED, Files, NoteDue, SourcePlan, plan_sources, plan_writing, touched
from ingest.records import Entry, write_state
from ingest.report import ImportReport, IngestReport, Noted, Problem, Transcribed
from ingest.shelves import show_folder
from ingest.sources.folder import scan_folder
from ingest.sources.vaults import import_vault
from ingest.unchanged import Unchanged, keep_ingest
from ingest.versions import WRITING
from kb.errors import NotFoundError
from kb.ports import Progress, no_progress

if TYPE_CHECKING:
    from ingest.sources.items import SourceItem
    from kb.index.refresh import RefreshReport
    from kb.library import Library

__all__ = ["ImportReport", "IngestReport", "Shelf", "import_vault", "ingest_folder", "take_in"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of episodes: each item with the name under which the journal knows it.

    ``shows`` says, by these names, which show an item is of, where that is not for its files to say.
    """

    base: Path
    items: Sequence[tuple[str, SourceItem]]
    shows: Mapping[str, str] = field(default_factory=dict)


def ingest_folder(
    library: Library, path: Path, *, now: dt.datetime | None = None, progress: Progress = no_progress
) -> IngestReport:
    """Takes in a folder (or one file) of episodes, and writes the notes that are due.

    Items that cannot be read are in the report and the rest goes on. Raises IngestError where the source as a whole
    cannot be looked through, and LibraryError (busy, read-only, disk full): then what was done before stays done.
    """
    shelf = folder_shelf(path)
    with library.lock():
        clear_temporary(library.root)
        journal = Journal(library.store, now or dt.datetime.now(dt.UTC))
        unchanged = Unchanged(library.root)
        report = take_in(library, journal, [shelf], unchanged, progress)
        keep_ingest(unchanged, path, [item for _, item in shelf.items], report)
        return report


def folder_shelf(path: Path, show: str = "") -> Shelf:
    """The episodes that a folder (or one file) holds, by names alone; all of ``show``, if named. Raises IngestError."""
    items = scan_folder(path)
    base = Path(os.path.abspath(path))  # noqa: PTH100  # as scan_folder does: a link is a source of its own
    base = base if base.is_dir() else base.parent
    placed = [(f"{base}{os.sep}{item.key}", item) for item in items]
    return Shelf(base, placed, {where: show for where, _ in placed} if show else {})


def take_in(
    library: Library,
    journal: Journal,
    shelves: Sequence[Shelf],
    unchanged: Unchanged,
    progress: Progress = no_progress,
) -> IngestReport:
    """Takes in all episodes of ``shelves``, and writes what follows from them. The caller holds the library's lock.

    Where all files are as the last run left them (``unchanged`` is trusted), nothing is looked at but what is new.
    """
    return _Run(library, journal, unchanged, progress).run(shelves)


def adopt(library: Library, journal: Journal, progress: Progress = no_progress) -> None:
    """Takes up what lies in the library without a row. The caller holds the library's lock."""
    _Run(library, journal, Unchanged(library.root), progress).adopt()


class _Hashes(Mapping[str, str]):
    """The hashes of a library's files, each worked out when it is asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, str] = {}

    def __getitem__(self, path: str) -> str:
        if path not in self._known:
            state = state_of(self._root, path)
            if state is None:
                raise KeyError(path)
            self._known[path] = state.sha256
        return self._known[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class _Run:
    """One run of the pipeline, under the library's lock."""

    def __init__(self, library: Library, journal: Journal, unchanged: Unchanged, progress: Progress) -> None:
        self._library = library
        self._root = library.root
        self._journal = journal
        self._unchanged = unchanged
        self._progress = progress
        self._embedded: int | None = None  # texts, before the notes were written

    def run(self, shelves: Sequence[Shelf]) -> IngestReport:
        """All stages; each that has nothing to do costs next to nothing."""
        began = time.monotonic()
        late = 0 if self._unchanged.trusted else self._late_edits()
        files, amended = self._brought_up()
        read = Transcribed()
        for shelf in shelves:
            wheres = frozenset(where for where, _ in shelf.items)
            plan = plan_sources(shelf.items, self._journal.sources(wheres), files, shelf.shows)
            self._read(shelf, plan, files, read)
            if plan.reads:
                self._unchanged.wrote(read.files)
                files = self._files()
        noted, unreadable = self._write(files, read)
        self._unchanged.wrote(noted.files)
        index = self._index(read, noted, changed=bool(amended.files or late))
        return IngestReport(
            episodes=read.new + read.changed + read.unchanged,
            new=read.new,
            changed=read.changed,
            unchanged=read.unchanged,
            transcripts=read.written,
            notes=noted.notes,
            pages=noted.pages,
            kept=(*read.kept, *noted.kept),
            merged=len(read.merged) + noted.merged + late,
            proposals=tuple(noted.proposals),
            corrected=amended.places + read.corrected,
            failed=(*amended.failed, *read.failed, *unreadable),
            passed_over=tuple(read.passed_over),
            remarks=tuple(read.remarks),
            index=index,
            seconds=time.monotonic() - began,
        )

    # --- what is there ---

    def _late_edits(self) -> int:
        """Takes up what editors wrote into files that the last run replaced; into how many."""
        late = Noted()
        if has_displaced(self._root):
            from ingest.settling import take_late_edits

            take_late_edits(self._root, late)
        return late.merged

    def adopt(self) -> None:
        """Takes up transcripts that lie there without a row."""
        self._adopted(self._files())

    def _brought_up(self) -> tuple[Files, Amended]:
        """The files as they are, with those adopted that have no row, and corrected."""
        files = self._files()
        if self._unchanged.trusted:
            return files, Amended()
        known = len(files.transcripts)
        files = self._adopted(files)
        again = len(files.transcripts) > known
        amended = correct_library(self._library, self._journal, files, self._progress, again=again)
        if amended.files:
            self._unchanged.look_again()
            files = self._files()
        return files, amended

    def _files(self) -> Files:
        """What the journal says was made, and how it lies on the disk. Opens only what looks changed."""
        files = Files(
            transcripts=self._journal.made("episode", "transcript"),
            notes=self._journal.made("episode", "note"),
            pages=self._journal.pages(),
            stats=dict(self._unchanged.stats),
        )
        if self._unchanged.trusted:
            return replace(files, hashes=_Hashes(self._root))
        states = {path: state for path in files.to_hash() if (state := state_of(self._root, path))}
        self._journal.put(touched(files, states))
        return replace(files, hashes={path: state.sha256 for path, state in states.items()})

    def _adopted(self, files: Files) -> Files:
        """Takes up transcripts that lie there without a row, under the names they have."""
        known = {made.path for made in files.transcripts.values()}
        strange = {path for path in files.stats if path.endswith(".vtt") and path.startswith("transcripts/")} - known
        if not strange:
            return files
        if not strange <= self._library.store.files().keys():
            self._library.refresh(self._progress, snapshot=False)
        entries = []
        for found in self._library.store.episodes():
            episode, path = found.episode, found.transcript
            if path in strange and episode.id and episode.id not in files.transcripts and path.count("/") > 1:
                entries.append(Entry(f"show:{episode.show}", "folder", "", show_folder(path)))
                state = write_state(state_of(self._root, path))
                entries.append(Entry(f"episode:{episode.id}", "transcript", ADOPTED, state, path))
        self._journal.put(entries)
        return self._files() if entries else files

    # --- the stages ---

    def _read(self, shelf: Shelf, plan: SourcePlan, files: Files, done: Transcribed) -> None:
        """Adds to ``done`` what became of a shelf's items."""
        done.unchanged += plan.unchanged
        if plan.reads:
            from ingest.transcribing import Transcriber

            wheres = frozenset(where for where, _ in shelf.items)
            sources, corrections = self._journal.sources(wheres), self._library.settings.corrections
            transcriber = Transcriber(
                self._root,
                shelf.base,
                self._journal,
                files,
                sources,
                done,
                corrections=corrections,
                shows=shelf.shows,
            )
            transcriber.run(plan.reads, wheres, self._progress)
        for fail in plan.fails:
            done.refuse(fail.where, fail.reason)

    def _write(self, files: Files, read: Transcribed) -> tuple[Noted, list[Problem]]:
        trusted = self._unchanged.trusted
        pages_due = self._journal.due_pages() if trusted else ()
        plan = plan_writing(files, WRITING, among=read.episodes if trusted else None, pages_due=pages_due)
        if not plan:
            return Noted(), []
        from ingest.noting import NoteWriter

        writer = NoteWriter(self._library, self._journal, files, self._progress)
        unreadable: list[Problem] = []
        if plan.notes:
            paths = read.files.keys() if trusted else None
            self._embedded = self._library.refresh(self._progress, snapshot=False, paths=paths).embedded
            due = [note for note in plan.notes if self._holds(note)]
            unreadable = [
                Problem(note.transcript_path, f"does not hold the episode {note.episode_id}")
                for note in plan.notes
                if note not in due
            ]
            writer.write_notes(due)
        writer.write_pages(plan.pages)
        return writer.done, unreadable

    def _holds(self, note: NoteDue) -> bool:
        """Whether the transcript is, as the index has read it, that of its episode."""
        try:
            return self._library.store.episode(note.episode_id).transcript == note.transcript_path
        except NotFoundError:
            return False

    def _index(self, read: Transcribed, noted: Noted, *, changed: bool) -> RefreshReport | None:
        """Brings the index up to what was written, or to all files where nobody vouches for the others."""
        first = self._embedded
        if self._unchanged.trusted or first is not None:
            written = noted.files.keys() if first is not None else read.files.keys() | noted.files.keys()
            if not written and first is None:
                return None
            report = self._library.refresh(self._progress, paths=written)
        else:
            from kb.index.refresh import is_stale

            store = self._library.store
            # What was seen at the start spares a second look, where it is all as the index has it.
            seen = {path: stat for path, stat in self._unchanged.stats.items() if path.endswith((".md", ".vtt"))}
            written = read.files.keys() | noted.files.keys()
            if not written and not changed and (seen == store.stats() or not is_stale(self._root, store)):
                return None
            report = self._library.refresh(self._progress)
        return replace(report, embedded=report.embedded + (first or 0))
