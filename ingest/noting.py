"""From digests to notes, and the pages that gather from them. What a person changed is merged (``ingest.settling``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ingest.digesting import Digester, digest_entry, former_titles, is_digested, titles_entries
from ingest.journal import Journal
from ingest.plan import Files, NoteDue, made_from
from ingest.records import DONE, DUE, Entry, Page, write_state
from ingest.report import Noted
from ingest.settling import settle, take_late_edits
from ingest.shelves import CONCEPTS, note_path, note_target, show_folder
from ingest.versions import WRITING
from ingest.writing.digest import Concept, Digest, unpack_digest
from ingest.writing.pages import (
    MOST_TOLD,
    earns_page,
    listed,
    mention_rows,
    pack_listed,
    render_concept,
    render_show,
    unpack_listed,
    unpack_told,
)
from ingest.writing.render import render_note
from kb.index.tallies import Tallies
from kb.ports import Progress

if TYPE_CHECKING:
    from kb.library import Library

BATCH = 32


class NoteWriter:
    """Writes notes and pages in batches, each batch's rows after its files."""

    def __init__(self, library: Library, journal: Journal, files: Files, progress: Progress) -> None:
        self._library = library
        self._root = library.root
        self._journal = journal
        self._files = files
        self._progress = progress
        self._pages: dict[str, Page] = {}  # that are to be written
        self._tallies = Tallies(library.store)
        self.done = Noted()

    # --- notes ---

    def write_notes(self, due: Sequence[NoteDue]) -> None:
        """Writes notes, from the digests that there are and from new ones."""
        undigested = [note for note in due if not is_digested(self._library.store, note)]
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
        return Digester(self._library.store, model_id, self._journal, self._progress, root=self._root)

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
        with self._library.store.transaction():
            for note in due:
                digest, old = digests[note.episode_id], unpack_digest(self._journal.data(note.episode_id, "digest"))
                entries.append(digest_entry(note, digest))
                entries += titles_entries(self._journal, digest, old)
                entries += self._told(note, digest, old)
            self._journal.put(entries)

    def _told(self, note: NoteDue, digest: Digest, old: Digest | None) -> Iterator[Entry]:
        """What the pages of the show and of the concepts say of the episode, and that they are due."""
        target, folder = note_target(note.transcript_path), show_folder(note.transcript_path)
        entry = listed(digest, target)
        yield Entry(f"shelf:{folder}", note.episode_id, "", target, pack_listed(entry))
        yield self._due(f"notes/{folder}/{folder}.md", folder)
        still = {mention.concept for mention in digest.mentions}
        gone = {mention.concept for mention in old.mentions if mention.concept not in still} if old else set()
        self._tallies.drop_mentions(note.episode_id, sorted(concept.identity for concept in gone))
        self._tallies.put_mentions(mention_rows(digest, entry))
        for concept in sorted(still | gone, key=lambda concept: concept.identity):
            yield self._due(_concept_path(concept.slug), concept.identity)

    def _due(self, path: str, about: str) -> Entry:
        page = self._pages.get(path) or self._files.pages.get(path)
        self._pages[path] = Page(path, True, page.state if page else None, about)
        return Entry(f"page:{path}", "page", DUE, write_state(self._pages[path].state), about)

    def _write_batch(self, batch: Sequence[tuple[NoteDue, Digest]]) -> None:
        notes = self._files.notes
        made = {m.path: m.state.sha256 for note, _ in batch if (m := notes.get(note.episode_id))}
        texts = {}
        for note, digest in batch:
            text = render_note(digest, show_folder(note.transcript_path), former_titles(self._journal, note.episode_id))
            texts[note_path(note.transcript_path)] = text.encode("utf-8", "replace")
        states, written = settle(self._root, texts, made, self.done)
        self.done.notes += written
        self.done.files |= states
        rows = []
        for note, _ in batch:
            path = note_path(note.transcript_path)
            made_of = made_from(note.transcript, WRITING)
            rows.append(Entry(f"episode:{note.episode_id}", "note", made_of, write_state(states[path]), path))
        self._journal.put(rows)

    # --- pages ---

    def write_pages(self, pages: Iterable[Page]) -> None:
        """Writes ``pages``, and those that have become due by the notes."""
        due = sorted(({page.path: page for page in pages} | self._pages).values(), key=lambda page: page.path)
        names = self._tallies.concepts(page.about for page in due)
        for at in range(0, len(due), BATCH):
            batch = due[at : at + BATCH]
            texts = {page.path: text.encode("utf-8", "replace") for page, text in self._rendered(batch, names)}
            made = {page.path: page.state.sha256 for page in batch if page.state}
            states, written = settle(self._root, texts, made, self.done)
            self.done.pages += written
            self.done.files |= states
            self._journal.put(
                Entry(f"page:{page.path}", "page", DONE, write_state(states.get(page.path)), page.about)
                for page in batch
            )
            self._progress("writing pages", at + len(batch), len(due))
        take_late_edits(self._root, self.done)

    def _rendered(self, due: Iterable[Page], names: Mapping[str, tuple[str, str]]) -> Iterator[tuple[Page, str]]:
        for page in due:
            if page.path.startswith(f"notes/{CONCEPTS}/"):
                found = self._tallies.mentioned(page.about)
                if page.about in names and found.episodes and (page.state or earns_page(found)):
                    told = [unpack_told(text) for text in self._tallies.newest_mentions(page.about, MOST_TOLD)]
                    yield page, render_concept(Concept(page.about, *names[page.about]), told, found.episodes)
            elif shelf := self._journal.parts(f"shelf:{page.about}"):
                yield page, render_show(page.about, [unpack_listed(text) for text in shelf.values()])


def _concept_path(slug: str) -> str:
    return f"notes/{CONCEPTS}/{slug}.md"
