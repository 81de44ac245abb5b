"""From the items of a source to transcripts on the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.errors import NotAnEpisodeError, TemporaryError
from ingest.files import FileState, NewFile, sha256, write_files
from ingest.journal import Journal
from ingest.plan import ADOPTED, DUPLICATE, PASSED_OVER, SAME_ID, Files, Read
from ingest.records import Entry, Made, Source, write_state
from ingest.report import Problem
from ingest.shelves import Shelves
from kb.errors import HarkError
from kb.model import Episode, Transcript
from kb.ports import Progress

BATCH = 32  # episodes that are written before their rows: what a kill may cost is to read them again


@dataclass(slots=True)
class Transcribed:
    """What became of the items that were read."""

    new: int = 0
    changed: int = 0
    written: int = 0
    unchanged: int = 0
    kept: list[str] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    passed_over: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Said:
    """An episode as its source has it now: its transcript as bytes, and the row of the item."""

    read: Read
    episode: Episode
    data: bytes
    hash: str


class Transcriber:
    """Reads items and writes transcripts, in batches, each batch's rows after its files."""

    def __init__(self, root: Path, base: Path, journal: Journal, files: Files, sources: dict[str, Source]) -> None:
        self._root = root
        self._base = base
        self._journal = journal
        self._files = files
        made = [m.path for m in (*files.transcripts.values(), *files.notes.values())]
        self._folders = journal.folders()
        self._shelves = Shelves(self._folders, [*files.stats, *made])
        self._owners = {s.episode_id: where for where, s in sources.items() if s.episode_id and not s.reason}
        self.done = Transcribed()

    def run(self, reads: Sequence[Read], listed: frozenset[str], progress: Progress) -> Transcribed:
        """Does all of ``reads``; ``listed`` are the paths of all items that the source has."""
        self._owners = {episode_id: where for episode_id, where in self._owners.items() if where in listed}
        for at in range(0, len(reads), BATCH):
            batch = reads[at : at + BATCH]
            self._write([said for read in batch if (said := self._read(read))])
            progress("reading transcripts", at + len(batch), len(reads))
        return self.done

    # --- reading ---

    def _read(self, read: Read) -> _Said | None:
        """What an item says, or None where it says nothing that can be used: then why is noted."""
        from ingest.sources.folder import read_item
        from kb.transcripts.webvtt import render_webvtt

        try:
            found = read_item(read.item, self._base)
        except NotAnEpisodeError as error:
            self._refuse(read, PASSED_OVER + _line(error))
            return None
        except TemporaryError as error:
            self.done.failed.append(Problem(read.where, _line(error)))
            return None
        except HarkError as error:
            self._refuse(read, _line(error))
            return None
        except OSError as error:
            self.done.failed.append(Problem(read.where, f"cannot be read: {error.strerror}"))
            return None
        owner = self._owners.setdefault(found.episode.id, read.where)
        if owner != read.where:
            self._refuse(read, f"{DUPLICATE}{owner}{SAME_ID}{found.episode.id}")
            return None
        self.done.remarks += [Problem(read.where, f"{f.message} ({f.rule})") for f in found.findings]
        episode = replace(found.episode, media=_portable(found.episode.media, self._root))
        data = render_webvtt(Transcript(episode, found.segments)).encode("utf-8", "replace")
        return _Said(read, episode, data, sha256(data))

    def _refuse(self, read: Read, reason: str) -> None:
        refuse(self.done, read.where, reason)
        self._journal.put([Entry(f"source:{read.where}", "read", read.looks, "", reason)])

    # --- writing ---

    def _write(self, batch: Sequence[_Said]) -> None:
        todo = [(said, *self._decide(said)) for said in batch]
        new_files = [NewFile(path, said.data) for said, path, write, _ in todo if write]
        states = write_files(self._root, new_files)
        self.done.written += len(states)
        entries = [Entry(f"show:{show}", "folder", "", folder) for show, folder in self._new_folders()]
        for said, path, _, row in todo:
            entries += self._rows(said, path, states.get(path), row)
        self._journal.put(entries)

    def _decide(self, said: _Said) -> tuple[str, bool, Made | None]:
        """Where a transcript goes, whether it has to be written, and the row that stays where it has not."""
        made = self._files.transcripts.get(said.episode.id)
        if made is None:
            self.done.new += 1
            return self._shelves.transcript(said.episode), True, None
        condition = self._files.condition(made.path, made)
        on_disk = self._files.hashes.get(made.path, made.state.sha256)
        if condition == "missing":
            self.done.changed += 1
            return made.path, True, None
        if on_disk == said.hash:
            self.done.unchanged += 1
            size, changed = self._files.stats[made.path]
            return made.path, False, Made(said.hash, made.path, FileState(on_disk, size, changed))
        self.done.changed += 1
        if condition == "edited" or made.input == ADOPTED:
            self.done.kept.append(made.path)
            return made.path, False, made
        return made.path, True, None

    def _rows(self, said: _Said, path: str, state: FileState | None, row: Made | None) -> Iterator[Entry]:
        read = said.read
        yield Entry(f"source:{read.where}", "read", read.looks, said.episode.id)
        made = Made(said.hash, path, state) if state else row
        if made:
            yield Entry(f"episode:{said.episode.id}", "transcript", made.input, write_state(made.state), made.path)

    def _new_folders(self) -> list[tuple[str, str]]:
        new = [(show, folder) for show, folder in self._shelves.folders.items() if show not in self._folders]
        self._folders.update(new)
        return new


def refuse(done: Transcribed, where: str, reason: str) -> None:
    """Counts an item that gives no episode, as a failure or as one that was hardly meant."""
    if reason.startswith(PASSED_OVER):
        done.passed_over.append(Problem(where, reason.removeprefix(PASSED_OVER)))
    else:
        done.failed.append(Problem(where, reason))


def _portable(media: str, root: Path) -> str:
    """Where a recording is: relative to the library where it lies inside, so that the two can move together."""
    path = Path(media)
    if not path.is_absolute():
        return media
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else media


def _line(error: HarkError) -> str:
    return f"{error.what} ({error.remedy})" if error.remedy else error.what
