"""From digests to notes, and the pages that gather from them. What a person changed is left as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ingest.digesting import Digester, digest_entry
from ingest.files import FileState, NewFile, sha256, state_of, write_files
from ingest.journal import Journal
from ingest.plan import WRITING, Files, NoteDue, made_from
from ingest.records import DONE, DUE, Entry, Page, write_state
from ingest.report import Noted
from ingest.shelves import CONCEPTS, note_path, note_target, show_folder
from ingest.writing.digest import Concept, Digest, unpack_digest
from ingest.writing.pages import (
    Told,
    has_page,
    listed,
    pack_listed,
    pack_told,
    render_concept,
    render_show,
    unpack_listed,
    unpack_told,
)
from ingest.writing.render import render_note
from kb.ports import Progress

if TYPE_CHECKING:
    from kb.library import Library

BATCH = 32
BASE = ".hark/base/"


class NoteWriter:
    """Writes notes and pages in batches, each batch's rows after its files."""

    def __init__(self, library: Library, journal: Journal, files: Files, progress: Progress) -> None:
        self._library = library
        self._root = library.root
        self._journal = journal
        self._files = files
        self._progress = progress
        self._pages = dict(files.pages)
        self.done = Noted()

    # --- notes ---

    def write_notes(self, due: Sequence[NoteDue]) -> None:
        """Writes notes, from the digests that there are and from new ones."""
        known = self._journal.inputs("digest")
        undigested = [note for note in due if known.get(note.episode_id) != made_from(note.transcript, WRITING)]
        digester = self._digester() if undigested else None
        if digester:
            digester.prepare(undigested)
        to_digest = {note.episode_id for note in undigested}
        for at in range(0, len(due), BATCH):
            batch = due[at : at + BATCH]
            new = [note for note in batch if note.episode_id in to_digest]
            digests = {note.episode_id: digester.digest(note) for note in new} if digester else {}
            self._keep_digests(new, digests)
            self._write_batch([(note, self._kept_digest(note, digests)) for note in batch])
            self._progress("writing notes", at + len(batch), len(due))

    def _digester(self) -> Digester:
        model_id = self._library.embedder().model_id
        return Digester(self._library.store, model_id, self._journal, self._progress)

    def _kept_digest(self, note: NoteDue, digests: Mapping[str, Digest]) -> Digest:
        found = digests.get(note.episode_id) or unpack_digest(self._journal.data(note.episode_id, "digest"))
        if found is None:  # the row is damaged: it is worked out again
            digester = self._digester()
            digester.prepare([note])
            found = digester.digest(note)
            self._keep_digests([note], {note.episode_id: found})
        return found

    def _keep_digests(self, due: Sequence[NoteDue], digests: Mapping[str, Digest]) -> None:
        """Before the files: from then on it is decided what the notes say, and which pages have to follow."""
        entries: list[Entry] = []
        for note in due:
            old = unpack_digest(self._journal.data(note.episode_id, "digest"))
            entries.append(digest_entry(note, digests[note.episode_id]))
            entries += self._told(note, digests[note.episode_id], old)
        self._journal.put(entries)

    def _told(self, note: NoteDue, digest: Digest, old: Digest | None) -> Iterator[Entry]:
        """What the pages of the show and of the concepts say of the episode, and that they are due."""
        target, folder = note_target(note.transcript_path), show_folder(note.transcript_path)
        entry = listed(digest, target)
        yield Entry(f"shelf:{folder}", note.episode_id, "", target, pack_listed(entry))
        yield self._due(f"notes/{folder}/{folder}.md", folder)
        for mention in digest.mentions:
            told = pack_told(Told(entry, mention.chosen, mention.chunks, mention.quotes))
            yield Entry(f"mention:{mention.concept.identity}", note.episode_id, "", target, told)
            yield self._due(_concept_path(mention.concept.slug), mention.concept.identity)
        still = {mention.concept.identity for mention in digest.mentions}
        for mention in old.mentions if old else ():
            if mention.concept.identity not in still:
                yield Entry(f"mention:{mention.concept.identity}", note.episode_id, "")
                yield self._due(_concept_path(mention.concept.slug), mention.concept.identity)

    def _due(self, path: str, about: str) -> Entry:
        page = self._pages.get(path)
        self._pages[path] = Page(path, True, page.state if page else None, about)
        return Entry(f"page:{path}", "page", DUE, write_state(self._pages[path].state), about)

    def _write_batch(self, batch: Sequence[tuple[NoteDue, Digest]]) -> None:
        made = {m.path: m.state.sha256 for m in self._files.notes.values()}
        texts = {}
        for note, digest in batch:
            text = render_note(digest, show_folder(note.transcript_path))
            texts[note_path(note.transcript_path)] = text.encode("utf-8", "replace")
        states, written = self._settle(texts, made)
        self.done.notes += written
        rows = []
        for note, _ in batch:
            path = note_path(note.transcript_path)
            made_of = made_from(note.transcript, WRITING)
            rows.append(Entry(f"episode:{note.episode_id}", "note", made_of, write_state(states[path]), path))
        self._journal.put(rows)

    # --- pages ---

    def write_pages(self) -> None:
        """Writes all pages that are due."""
        due = [page for path, page in sorted(self._pages.items()) if page.due or _is_gone(page, self._files)]
        names = self._journal.concepts() if due else {}
        for at in range(0, len(due), BATCH):
            batch = due[at : at + BATCH]
            texts = {page.path: text.encode("utf-8", "replace") for page, text in self._rendered(batch, names)}
            made = {page.path: page.state.sha256 for page in batch if page.state}
            states, written = self._settle(texts, made)
            self.done.pages += written
            self._journal.put(
                Entry(f"page:{page.path}", "page", DONE, write_state(states.get(page.path)), page.about)
                for page in batch
            )
            self._progress("writing pages", at + len(batch), len(due))

    def _rendered(self, due: Iterable[Page], names: Mapping[str, tuple[str, str]]) -> Iterator[tuple[Page, str]]:
        for page in due:
            if page.path.startswith(f"notes/{CONCEPTS}/"):
                told = [unpack_told(text) for _, text in sorted(self._journal.parts(f"mention:{page.about}").items())]
                if page.about in names and (page.state or has_page(told)) and told:
                    yield page, render_concept(Concept(page.about, *names[page.about]), told)
            elif shelf := self._journal.parts(f"shelf:{page.about}"):
                yield page, render_show(page.about, [unpack_listed(text) for text in shelf.values()])

    # --- writing without overwriting ---

    def _settle(self, texts: Mapping[str, bytes], made: Mapping[str, str]) -> tuple[dict[str, FileState], int]:
        """Writes what may be written; returns for each path the state of what was generated, and how many were written.

        A file is overwritten only where it is as Hark made it: as the row says (``made`` has the hashes), or as the
        base says, which is written first and so knows what a killed run was about to write.
        """
        states: dict[str, FileState] = {}
        todo: list[NewFile] = []
        for path, data in texts.items():
            own, found = sha256(data), state_of(self._root, path)
            if found and found.sha256 == own:
                states[path] = found
            elif found and found.sha256 != made.get(path) and not self._is_base(path, found):
                self.done.kept.append(path)
                states[path] = FileState(own, len(data), 0)
            else:
                todo.append(NewFile(path, data))
        write_files(self._root, [NewFile(f"{BASE}{path}", data) for path, data in texts.items()])
        states |= write_files(self._root, todo)
        return states, len(todo)

    def _is_base(self, path: str, found: FileState) -> bool:
        base = state_of(self._root, f"{BASE}{path}")
        return base is not None and base.sha256 == found.sha256


def _concept_path(slug: str) -> str:
    return f"notes/{CONCEPTS}/{slug}.md"


def _is_gone(page: Page, files: Files) -> bool:
    return page.state is not None and page.path not in files.stats
