"""Corrections for the transcripts that are there: applied, changed and taken back, beside what a person edited.

Each transcript is made anew from what its source said and merged with the file as it is now, so an edit stays, no
correction is applied to what another has written, and a correction that was removed leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest.correcting import changed_places, correct, corrections_key, may_apply, rules_key
from ingest.files import Changed, FileState, has_displaced, replace_file, sha256, state_of, sync_folders
from ingest.journal import Journal
from ingest.originals import (
    Applied,
    Original,
    all_applied,
    applied_entry,
    everywhere_entry,
    everywhere_key,
    merging_entry,
    original_entry,
    read_original,
    was_merged,
)
from ingest.plan import ADOPTED, Files
from ingest.records import Entry, Made, write_state
from ingest.report import Noted, Problem
from ingest.shelves import show_folder
from kb.errors import CaptionError
from kb.ports import Progress, no_progress
from kb.settings import Corrections, Rules

if TYPE_CHECKING:
    from kb.library import Library

BATCH = 32


@dataclass(slots=True)
class Amended:
    """What corrections did to the transcripts that were there: ``places`` were put right, or put back."""

    files: int = 0
    places: int = 0
    failed: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Due:
    """A transcript made by other corrections than there are now."""

    episode_id: str
    made: Made
    before: Applied
    rules: Rules


@dataclass(frozen=True, slots=True)
class _Amendment:
    """What becomes of one: its ``data``, None where no correction concerns it, in the place of ``before``."""

    due: _Due
    used: Rules = ()
    original: Original | None = None  # where it was not kept yet
    data: bytes | None = None
    before: bytes = b""
    places: int = 0

    @property
    def is_new(self) -> bool:
        """Whether there is something to write."""
        return self.data is not None and self.data != self.before


def correct_library(
    library: Library, journal: Journal, files: Files, progress: Progress = no_progress, *, again: bool = False
) -> Amended:
    """Brings all transcripts up to the library's corrections. The caller holds the library's lock.

    Costs one comparison where they are the same as last time; ``again`` looks all the same, for transcripts that were
    found without a row. ``files`` are as they were before: look again where ``Amended.files`` is not 0. Raises
    DiskFullError, LibraryReadOnlyError and LibraryError; what was corrected before stays so, and the rest comes next
    time.
    """
    done = Amended()
    corrections = library.settings.corrections
    key = corrections_key(corrections)
    if key == everywhere_key(journal) and not (again and key):
        return done
    due = list(_due(journal, files, corrections))
    for at in range(0, len(due), BATCH):
        batch = due[at : at + BATCH]
        _write(library, journal, [one for due in batch if (one := _amend(library, journal, files, due, done))], done)
        progress("correcting transcripts", at + len(batch), len(due))
    if has_displaced(library.root):
        from ingest.settling import take_late_edits

        take_late_edits(library.root, Noted())
    if not done.failed:
        journal.put([everywhere_entry(key)])
    return done


def _due(journal: Journal, files: Files, corrections: Corrections) -> Iterator[_Due]:
    """Transcripts that were made by other corrections than there are now."""
    known = dict(all_applied(journal))
    shows = {folder: show for show, folder in journal.folders().items()}
    for episode_id, made in files.transcripts.items():
        before = known.get(episode_id) or Applied(show=shows.get(show_folder(made.path), ""))
        rules = corrections.of(before.show)
        if before.key != rules_key(rules) and files.condition(made.path, made) != "missing":
            yield _Due(episode_id, made, before, rules)


def _amend(library: Library, journal: Journal, files: Files, due: _Due, done: Amended) -> _Amendment | None:
    """What becomes of a transcript, None where it cannot be read: then why is noted."""
    try:
        data = (library.root / due.made.path).read_bytes()
        merged = was_merged(journal, due.episode_id, rules_key(due.rules), data)
        return _amended(data, due, read_original(journal, due.episode_id), files, merged=merged)
    except CaptionError as error:
        done.failed.append(Problem(due.made.path, error.what))
    except UnicodeDecodeError:
        done.failed.append(Problem(due.made.path, "is not UTF-8 and is not corrected"))
    except OSError as error:
        done.failed.append(Problem(due.made.path, f"cannot be read: {error.strerror}"))
    return None


def _amended(data: bytes, due: _Due, kept: Original | None, files: Files, *, merged: bool) -> _Amendment:
    """What becomes of the file with ``data``; ``merged`` where a killed run had just written it."""
    from ingest.merging import merge_transcript
    from kb.transcripts.webvtt import parse_webvtt, render_webvtt

    text = data.decode()
    if not due.before.used and not may_apply(due.rules, kept.text if kept else text):
        return _Amendment(due)
    if kept is None:
        is_own = due.made.input != ADOPTED and files.condition(due.made.path, due.made) == "same"
        original = Original(render_webvtt(parse_webvtt(text, where=due.made.path)), is_own)
    else:
        original = kept
    said = parse_webvtt(original.text, where=due.made.path)
    before, after = correct(said, due.before.used), correct(said, due.rules)
    if before.transcript == after.transcript:
        return _Amendment(due, after.used, None if kept else original)
    places = changed_places(before.places, after.places)
    if not merged:
        text = merge_transcript(render_webvtt(before.transcript), render_webvtt(after.transcript), text).text
    new = text.encode("utf-8", "replace")
    return _Amendment(due, after.used, None if kept else original, new, data, places)


def _write(library: Library, journal: Journal, batch: Sequence[_Amendment], done: Amended) -> None:
    """Writes the files between their rows; what a person saved in the meantime stays, and is looked at the next time.

    What the source said comes first: once a file is corrected it could not be known any more.
    """
    journal.put(entry for one in batch for entry in _rows_before(one))
    states: dict[str, FileState] = {}
    for one in batch:
        if one.data is None:
            continue
        path = one.due.made.path
        if state := _put(library, one, one.data):
            states[path] = state
            done.files += one.is_new
            done.places += one.places if one.is_new else 0
        else:
            done.failed.append(Problem(path, "changed while it was corrected; the next run does it"))
    sync_folders(library.root, states)
    ready = [one for one in batch if one.data is None or one.due.made.path in states]
    journal.put(entry for one in ready for entry in _rows_after(one, states.get(one.due.made.path)))


def _put(library: Library, one: _Amendment, data: bytes) -> FileState | None:
    """The state of the file with ``data``; None where it is not as it was read any more."""
    if one.is_new:
        outcome = replace_file(library.root, one.due.made.path, data, one.before)
        return None if isinstance(outcome, Changed) else outcome
    found = state_of(library.root, one.due.made.path)
    return found if found and found.sha256 == sha256(data) else None


def _rows_before(one: _Amendment) -> Iterator[Entry]:
    if one.original:
        yield original_entry(one.due.episode_id, one.original)
    if one.data is not None and one.is_new:
        yield merging_entry(one.due.episode_id, rules_key(one.due.rules), one.data)


def _rows_after(one: _Amendment, state: FileState | None) -> Iterator[Entry]:
    due = one.due
    if state:
        yield Entry(f"episode:{due.episode_id}", "transcript", due.made.input, write_state(state), due.made.path)
    yield applied_entry(due.episode_id, replace(due.before, key=rules_key(due.rules), used=one.used))
