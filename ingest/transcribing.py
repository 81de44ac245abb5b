"""From the items of a source to transcripts on the disk: corrected, and merged with what a person edited there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.correcting import Corrected, correct, rules_key
from ingest.errors import NotAnEpisodeError, TemporaryError
from ingest.files import Changed, FileState, has_displaced, replace_file, sha256, sync_folders
from ingest.journal import Journal
from ingest.originals import (
    Applied,
    Original,
    applied_entry,
    generated,
    merging_entry,
    original_entry,
    read_applied,
    read_original,
    was_merged,
)
from ingest.plan import ADOPTED, DUPLICATE, SAME_ID, Condition, Files, Read
from ingest.recordings import is_fetched, keep_recording, kept_recording
from ingest.records import Entry, Made, Source, write_state
from ingest.report import PASSED_OVER, Noted, Problem, Transcribed
from ingest.shelves import Shelves
from kb.errors import HarkError
from kb.model import Episode, Transcript
from kb.ports import Progress
from kb.settings import Corrections, Rules

BATCH = 32  # episodes that are written before their rows: what a kill may cost is to read them again


@dataclass(frozen=True, slots=True)
class _Said:
    """An episode as its source has it now, as text and corrected; ``made`` is the row of the transcript there is."""

    read: Read
    episode: Episode
    path: str
    made: Made | None
    original: str
    hash: str  # of the original
    corrected: Corrected
    rules: Rules
    data: bytes  # what is to be written


@dataclass(frozen=True, slots=True)
class _Decision:
    """What becomes of one: ``data`` to write, if any, in the place of ``before``; ``row`` where none is.

    ``is_base``: what the source says now is what the file is made from, from here on.
    """

    said: _Said
    data: bytes | None = None
    before: bytes | None = None
    row: Made | None = None
    is_base: bool = True


class Transcriber:
    """Reads items and writes transcripts, in batches, each batch's rows after its files. Adds to ``done``."""

    def __init__(  # noqa: PLR0917  # as they come, from what a run knows
        self,
        root: Path,
        base: Path,
        journal: Journal,
        files: Files,
        sources: dict[str, Source],
        done: Transcribed | None = None,
        *,
        corrections: Corrections = Corrections(),  # noqa: B008  # frozen
        shows: Mapping[str, str] | None = None,
    ) -> None:
        self._root = root
        self._base = base
        self._journal = journal
        self._files = files
        self._corrections = corrections
        self._shows = shows or {}
        self._folders = journal.folders()
        self._shelves = Shelves(self._folders, self._used)
        self._owners = {s.episode_id: where for where, s in sources.items() if s.episode_id and not s.reason}
        self.done = done if done is not None else Transcribed()

    def _used(self, show: str) -> Iterator[str]:
        """The paths in a show's folders that are there, or were."""
        places = (f"notes/{show}/", f"transcripts/{show}/")
        yield from (path for path in self._files.stats if path.startswith(places))
        yield from self._journal.made_in(show)

    def run(self, reads: Sequence[Read], listed: frozenset[str], progress: Progress) -> Transcribed:
        """Does all of ``reads``; ``listed`` are the paths of all items that the source has."""
        self._owners = {episode_id: where for episode_id, where in self._owners.items() if where in listed}
        for at in range(0, len(reads), BATCH):
            batch = reads[at : at + BATCH]
            self._write([said for read in batch if (said := self._read(read))])
            progress("reading transcripts", at + len(batch), len(reads))
        if has_displaced(self._root):
            from ingest.settling import take_late_edits

            take_late_edits(self._root, Noted())
        return self.done

    # --- reading ---

    def _read(self, read: Read) -> _Said | None:
        """What an item says, or None where it says nothing that can be used: then why is noted."""
        from ingest.sources.folder import read_item

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
        show = self._shows.get(read.where) or found.episode.show
        return self._said(read, Transcript(replace(found.episode, show=show), found.segments, found.chapters))

    def _refuse(self, read: Read, reason: str) -> None:
        self.done.refuse(read.where, reason)
        self._journal.put([Entry(f"source:{read.where}", "read", read.looks, "", reason)])

    def _said(self, read: Read, found: Transcript) -> _Said:
        """An item's transcript with the names it gets here, and corrected."""
        from kb.transcripts.webvtt import render_webvtt

        made = self._files.transcripts.get(found.episode.id)
        path = made.path if made else self._shelves.transcript(found.episode)
        episode = replace(found.episode, media=self._media(read, found.episode, path, is_new=made is None))
        found = replace(found, episode=episode)
        original = _encodable(render_webvtt(found))
        rules = self._corrections.of(episode.show)
        corrected = correct(found, rules)
        text = _encodable(render_webvtt(corrected.transcript)) if corrected.places else original
        return _Said(read, episode, path, made, original, sha256(original.encode()), corrected, rules, text.encode())

    def _media(self, read: Read, episode: Episode, path: str, *, is_new: bool) -> str:
        """Where the recording is. What was fetched into the library is put in its place there first."""
        if not is_fetched(self._root, read.item.info or read.where):
            return _portable(episode.media, self._root)
        recording = read.item.media
        if recording and recording.is_file() and not recording.is_symlink():
            kept = "" if is_new else self._kept_media(episode.id, path)
            return keep_recording(self._root, recording, path, kept=kept, episode_id=episode.id)
        return "" if is_new else kept_recording(self._root, self._named_media(path))

    def _kept_media(self, episode_id: str, path: str) -> str:
        """The place that the episode's recording was given: what a person writes in a transcript gives none."""
        original = read_original(self._journal, episode_id)
        return _media_in(original.text) if original else self._named_media(path)

    def _named_media(self, path: str) -> str:
        """The recording that the transcript names which is there now."""
        try:
            return _media_in((self._root / path).read_text(encoding="utf-8-sig", errors="replace"))
        except OSError:
            return ""

    # --- writing ---

    def _write(self, batch: Sequence[_Said]) -> None:
        """Writes what is to be written, between its rows. What a person saved in the meantime is read the next time."""
        todo = [self._decide(said) for said in batch]
        self._journal.put(
            merging_entry(one.said.episode.id, sha256(one.said.data), one.data)
            for one in todo
            if one.data is not None and one.data != one.said.data
        )
        states: dict[str, FileState] = {}
        for one in todo:
            if one.data is not None:
                outcome = replace_file(self._root, one.said.path, one.data, one.before)
                if isinstance(outcome, Changed):
                    self.done.kept.append(one.said.path)
                else:
                    states[one.said.path] = outcome
        sync_folders(self._root, states)
        todo = [one for one in todo if one.data is None or one.said.path in states]
        self.done.written += len(states)
        self.done.files |= states
        self.done.episodes += [one.said.episode.id for one in todo]
        entries = [Entry(f"show:{show}", "folder", "", folder) for show, folder in self._new_folders()]
        for one in todo:
            entries += self._rows(one, states.get(one.said.path))
            if one.data is not None:
                self.done.corrected += len(one.said.corrected.places)
        self._journal.put(entries)

    def _decide(self, said: _Said) -> _Decision:
        """What becomes of an episode's transcript."""
        made = said.made
        if made is None:
            self.done.new += 1
            return _Decision(said, said.data)
        condition = self._files.condition(made.path, made)
        if condition == "missing":
            self.done.changed += 1
            return _Decision(said, said.data)
        on_disk = self._files.hashes.get(made.path, made.state.sha256)
        if on_disk == sha256(said.data):
            self.done.unchanged += 1
            size, changed = self._files.stats[made.path]
            return _Decision(said, row=Made(said.hash, made.path, FileState(on_disk, size, changed)))
        if made.input == said.hash:  # what differs is a person's, or waits for the corrections to be applied to all
            self.done.unchanged += 1
            return _Decision(said, row=made, is_base=False)
        self.done.changed += 1
        return self._merged(said, made, condition)

    def _merged(self, said: _Said, made: Made, condition: Condition) -> _Decision:
        """What the source says now and what a person made of the file, where the two do not contradict each other."""
        from ingest.merging import MergedTranscript, merge_transcript

        kept = _Decision(said, row=made, is_base=False)
        original = read_original(self._journal, said.episode.id)
        text = self._text(made.path)
        is_known = original.from_source if original else condition == "same"
        if made.input == ADOPTED or not is_known or text is None:
            self.done.kept.append(made.path)
            return kept
        merged = MergedTranscript(text)
        if not was_merged(self._journal, said.episode.id, sha256(said.data), text.encode()):
            used = read_applied(self._journal, said.episode.id).used
            base = generated(original.text, used) if original else text
            merged = merge_transcript(base, said.data.decode(), text)
        if merged.conflicts:
            self.done.kept.append(made.path)
            return kept
        data, before = merged.text.encode(), text.encode()
        if data != said.data:
            self.done.merged.append(made.path)
        if data != before:
            return _Decision(said, data, before)
        size, changed = self._files.stats[made.path]
        return _Decision(said, row=Made(said.hash, made.path, FileState(sha256(before), size, changed)))

    def _text(self, path: str) -> str | None:
        try:
            return (self._root / path).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            return None

    def _rows(self, one: _Decision, state: FileState | None) -> Iterator[Entry]:
        said = one.said
        episode_id = said.episode.id
        yield Entry(f"source:{said.read.where}", "read", said.read.looks, episode_id)
        made = Made(said.hash, said.path, state) if state else one.row
        if made:
            yield Entry(f"episode:{episode_id}", "transcript", made.input, write_state(made.state), made.path)
        if one.is_base:
            yield original_entry(episode_id, Original(said.original))
            yield applied_entry(episode_id, Applied(rules_key(said.rules), said.episode.show, said.corrected.used))

    def _new_folders(self) -> list[tuple[str, str]]:
        new = [(show, folder) for show, folder in self._shelves.folders.items() if show not in self._folders]
        self._folders.update(new)
        return new


def _media_in(transcript: str) -> str:
    """The recording that a transcript names."""
    from kb.transcripts.webvtt import read_note, scan_webvtt

    found = read_note(scan_webvtt(transcript.partition("-->")[0]).notes)
    return found.media if found else ""


def _encodable(text: str) -> str:
    """``text`` as it comes back from a file: without halves of characters."""
    return text.encode("utf-8", "replace").decode()


def _portable(media: str, root: Path) -> str:
    """Where a recording is: relative to the library where it lies inside, so that the two can move together."""
    path = Path(media)
    if not path.is_absolute():
        return media
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else media


def _line(error: HarkError) -> str:
    return f"{error.what} ({error.remedy})" if error.remedy else error.what
