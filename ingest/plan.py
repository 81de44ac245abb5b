"""What there is to do: decided from what a source lists, what the journal says was done, and what lies on the disk.

Pure: nothing is opened, read or written here. Files that look other than when they were written (by size or time of
change) are hashed by the caller, who then knows whether a person changed them or just touched them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ingest.records import DONE, DUE, Entry, Made, Page, Source, write_state

if TYPE_CHECKING:
    from ingest.files import FileState
    from ingest.sources.items import SourceItem

READER_VERSION = "1"
WRITING = "extractive 1"  # the writer and its version: a new one writes all notes anew that nobody changed
DUPLICATE = "duplicate of "  # begins the reason of an item whose episode another item has
SAME_ID = ": both have the id "
PASSED_OVER = "passed over: "  # begins the reason of an item that was hardly meant as an episode
ADOPTED = "adopted"  # what a file is made from that was found without a row: perhaps a person's, so never overwritten

Stats = Mapping[str, tuple[int, int]]  # path -> size, time of change
Condition = Literal["same", "missing", "edited"]
Why = Literal["new", "changed", "transcript missing", "again"]


@dataclass(frozen=True, slots=True)
class Read:
    """Read an item's files. ``where`` is its path, ``looks`` what its files look like."""

    item: SourceItem
    where: str
    looks: str
    why: Why


@dataclass(frozen=True, slots=True)
class Fail:
    """Say again why an item gives no episode: its files are as they were."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """What to do with the items of a source, in their order."""

    reads: tuple[Read, ...] = ()
    fails: tuple[Fail, ...] = ()
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class NoteDue:
    """Write an episode's note. ``transcript`` is the file's SHA-256 now."""

    episode_id: str
    transcript_path: str
    transcript: str


@dataclass(frozen=True, slots=True)
class WritingPlan:
    """Notes and pages to write, and the notes that would be written if a person had not changed them."""

    notes: tuple[NoteDue, ...] = ()
    pages: tuple[Page, ...] = ()
    kept: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.notes or self.pages)


@dataclass(frozen=True, slots=True)
class Files:
    """The files that Hark made, and how each is now. ``hashes`` has those of files that look changed."""

    transcripts: Mapping[str, Made]
    notes: Mapping[str, Made]
    pages: Mapping[str, Page]
    stats: Stats
    hashes: Mapping[str, str] = field(default_factory=dict)

    def condition(self, path: str, made: Made | Page) -> Condition:
        """Whether a file is as it was made."""
        if path not in self.stats:
            return "missing"
        if made.state is None or made.state.same_stat(self.stats[path]):
            return "same"
        return "same" if self.hashes.get(path) == made.state.sha256 else "edited"

    def to_hash(self) -> list[str]:
        """The files that look other than when they were made."""
        made: list[tuple[str, Made | Page]] = [(m.path, m) for m in self.transcripts.values()]
        made += [(m.path, m) for m in self.notes.values()]
        made += list(self.pages.items())
        return [
            path
            for path, m in made
            if m.state is not None and path in self.stats and not m.state.same_stat(self.stats[path])
        ]


def touched(files: Files, states: Mapping[str, FileState]) -> Iterator[Entry]:
    """New rows for files that look changed and are not, by their ``states`` now: they need not be hashed again."""
    for stage, all_made in (("transcript", files.transcripts), ("note", files.notes)):
        for episode_id, made in all_made.items():
            if (state := states.get(made.path)) and state.sha256 == made.state.sha256:
                yield Entry(f"episode:{episode_id}", stage, made.input, write_state(state), made.path)
    for path, page in files.pages.items():
        if page.state and (state := states.get(path)) and state.sha256 == page.state.sha256:
            yield Entry(f"page:{path}", "page", DUE if page.due else DONE, write_state(state), page.about)


def looks(item: SourceItem) -> str:
    """An item's files in one line: equal lines, nothing to read."""
    return f"{READER_VERSION};" + ";".join(f"{name}:{size}:{changed}" for name, size, changed in item.stats)


def plan_sources(items: Sequence[tuple[str, SourceItem]], known: Mapping[str, Source], files: Files) -> SourcePlan:
    """What to read of ``items``, each with its path."""
    listed = {where for where, _ in items}
    reads: list[Read] = []
    fails: list[Fail] = []
    unchanged = 0
    for where, item in items:
        source, now = known.get(where), looks(item)
        why = _why(source, now, listed, files)
        if why:
            reads.append(Read(item, where, now, why))
        elif source and source.reason:
            fails.append(Fail(where, source.reason))
        else:
            unchanged += 1
    return SourcePlan(tuple(reads), tuple(fails), unchanged)


def _why(source: Source | None, now: str, listed: Iterable[str], files: Files) -> Why | None:
    """Why an item has to be read, None where it need not be."""
    if source is None:
        return "new"
    if source.input != now:
        return "changed"
    if source.reason.startswith(DUPLICATE):  # the item that had the episode may be gone
        return None if source.reason.removeprefix(DUPLICATE).rpartition(SAME_ID)[0] in listed else "again"
    if source.reason:
        return None
    made = files.transcripts.get(source.episode_id)
    if made is None or files.condition(made.path, made) == "missing":
        return "transcript missing"
    return None


def plan_writing(files: Files, writer: str) -> WritingPlan:
    """Which notes and pages to write; ``writer`` names the writer and its version."""
    due: list[NoteDue] = []
    kept: list[str] = []
    for episode_id, transcript in sorted(files.transcripts.items(), key=lambda pair: pair[1].path):
        condition = files.condition(transcript.path, transcript)
        if condition == "missing":
            continue
        now = files.hashes[transcript.path] if condition == "edited" else transcript.state.sha256
        note = files.notes.get(episode_id)
        if note is None or files.condition(note.path, note) == "missing":
            due.append(NoteDue(episode_id, transcript.path, now))
        elif note.input != made_from(now, writer):
            if files.condition(note.path, note) == "edited":
                kept.append(note.path)
            else:
                due.append(NoteDue(episode_id, transcript.path, now))
    pages = [page for path, page in sorted(files.pages.items()) if page.due or _is_gone(path, page, files)]
    return WritingPlan(tuple(due), tuple(pages), tuple(kept))


def _is_gone(path: str, page: Page, files: Files) -> bool:
    return page.state is not None and path not in files.stats


def made_from(transcript: str, writer: str) -> str:
    """What a note is made from, as the journal has it."""
    return f"{transcript} {writer}"
