"""From transcripts to digests: terms, phrases and concepts, each worked out for all episodes before the next.

So every note is written with the whole library in view, and a killed run, when it goes on, comes to the same notes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ingest.journal import Journal
from ingest.plan import WRITING, NoteDue, made_from
from ingest.records import Entry
from ingest.shelves import show_folder
from ingest.writing.concepts import Phrase, candidates, choose_concepts, identity, standing_out
from ingest.writing.digest import Concept, Digest, pack_digest
from ingest.writing.extractive import digest_episode
from ingest.writing.naming import free_slug
from ingest.writing.terms import (
    TERMS_VERSION,
    EpisodeTerms,
    Lexicon,
    episode_terms,
    pack_lexicon,
    pack_shingles,
    pack_terms,
    shingles,
    unpack_lexicon,
    unpack_shingles,
    unpack_terms,
)
from kb.ports import Progress

if TYPE_CHECKING:
    from kb.index.store import Store

BATCH = 128  # episodes whose terms are counted before they are kept, with the lexicon, which is the larger part
NEIGHBOURS = 12  # episodes of the show before and after, in which a greeting or a sponsor's text would recur
RECURRING = 2  # in so many of them


class Digester:
    """Digests episodes; ``prepare`` first what is then asked of ``digest``."""

    def __init__(self, store: Store, model_id: str, journal: Journal, progress: Progress) -> None:
        self._store = store
        self._model_id = model_id
        self._journal = journal
        self._progress = progress
        self._lexicon = _read_lexicon(journal)
        self._candidates: dict[str, list[tuple[Phrase, Concept, bool]]] = {}
        self._fingerprints: dict[str, Sequence[int]] = {}
        self._shows: dict[str, list[str]] = {}

    def prepare(self, due: Sequence[NoteDue]) -> None:
        """Works out what all of ``due`` are about."""
        self._count_terms(due)
        found = {note.episode_id: self._phrases(note) for note in due}
        self._journal.put(
            Entry(f"data:{episode_id}", "phrases", made_from(note.transcript, WRITING), "", _pack(found[episode_id]))
            for note in due
            for episode_id in [note.episode_id]
        )
        rows = self._journal.all_data("phrases")
        carriers = Counter(identity(key) for _, detail in rows for key, _, _ in json.loads(detail))
        names = _Names(self._journal.concepts(), found.values())
        for note in due:
            phrases = found[note.episode_id]
            concepts = choose_concepts(phrases, self._terms(note), carriers, self._lexicon.episodes)
            chosen = {phrase.key for phrase in concepts}
            self._candidates[note.episode_id] = [(p, names.concept(p), p.key in chosen) for p in phrases]
        self._journal.put(names.new)

    def digest(self, note: NoteDue) -> Digest:
        """What the note of a prepared episode says."""
        episode = self._store.episode(note.episode_id).episode
        return digest_episode(
            episode,
            note.transcript,
            self._store.chunks(note.transcript_path),
            self._store.chunk_vectors(note.transcript_path, self._model_id),
            own=self._terms(note),
            lexicon=self._lexicon,
            recurring=self._recurring(note),
            candidates=self._candidates[note.episode_id],
        )

    # --- terms ---

    def _count_terms(self, due: Sequence[NoteDue]) -> None:
        """Counts the terms of transcripts that are new or changed, and adds them to the lexicon."""
        known = self._journal.inputs("terms")
        todo = [note for note in due if known.get(note.episode_id) != _terms_of(note)]
        for at in range(0, len(todo), BATCH):
            batch = todo[at : at + BATCH]
            entries = [entry for note in batch for entry in self._count(note)]
            entries.append(Entry("data:", "lexicon", str(TERMS_VERSION), "", pack_lexicon(self._lexicon)))
            self._journal.put(entries)  # with the lexicon, so that it is always the sum of the terms
            self._progress("counting words", at + len(batch), len(todo))

    def _count(self, note: NoteDue) -> tuple[Entry, Entry]:
        if old := unpack_terms(self._journal.data(note.episode_id, "terms")):
            self._lexicon.add(old, -1)
        chunks = self._store.chunks(note.transcript_path)
        terms = episode_terms(chunks)
        self._lexicon.add(terms)
        fingerprint = pack_shingles(shingles(s.text for chunk in chunks for s in chunk.sentences))
        subject, made = f"data:{note.episode_id}", _terms_of(note)
        return Entry(subject, "terms", made, "", pack_terms(terms)), Entry(subject, "shingles", made, "", fingerprint)

    def _terms(self, note: NoteDue) -> EpisodeTerms:
        kept = unpack_terms(self._journal.data(note.episode_id, "terms"))
        return kept or episode_terms(self._store.chunks(note.transcript_path))

    def _phrases(self, note: NoteDue) -> tuple[Phrase, ...]:
        own = self._terms(note)
        episode = self._store.episode(note.episode_id).episode
        return candidates(standing_out(episode, own, self._lexicon), own)

    # --- what recurs in a show ---

    def _recurring(self, note: NoteDue) -> frozenset[int]:
        """The shingles that several of the show's episodes around this one have."""
        folder = show_folder(note.transcript_path)
        if not self._shows:
            self._shows = _episodes_in_order(self._store)
        order = self._shows.get(folder, [])
        at = order.index(note.episode_id) if note.episode_id in order else 0
        around = order[max(0, at - NEIGHBOURS) : at] + order[at + 1 : at + 1 + NEIGHBOURS]
        seen = Counter(shingle for other in around for shingle in self._fingerprint(other))
        own = self._fingerprint(note.episode_id)
        return frozenset(shingle for shingle in own if seen[shingle] >= RECURRING)

    def _fingerprint(self, episode_id: str) -> Sequence[int]:
        if episode_id not in self._fingerprints:
            self._fingerprints[episode_id] = unpack_shingles(self._journal.data(episode_id, "shingles"))
        return self._fingerprints[episode_id]


class _Names:
    """Gives each concept one name, that which weighs most where it is first ``spoken`` of, and one page for ever."""

    def __init__(self, known: Mapping[str, tuple[str, str]], spoken: Iterable[Iterable[Phrase]]) -> None:
        self._forms: dict[str, dict[str, float]] = {}
        for phrase in (phrase for phrases in spoken for phrase in phrases):
            forms = self._forms.setdefault(identity(phrase.key), {})
            forms[phrase.form] = forms.get(phrase.form, 0.0) + phrase.weight
        self._concepts = {key: Concept(key, slug, title) for key, (slug, title) in known.items()}
        self._taken = {concept.slug for concept in self._concepts.values()}
        self.new: list[Entry] = []

    def concept(self, phrase: Phrase) -> Concept:
        """The concept that a phrase stands for; a new one is named as the phrase is spoken."""
        key = identity(phrase.key)
        if key not in self._concepts:
            form = min(self._forms[key], key=lambda form: (-self._forms[key][form], form))
            found = Concept(key, free_slug(form, key, self._taken, otherwise="concept"), form)
            self._concepts[key] = found
            self._taken.add(found.slug)
            self.new.append(Entry(f"concept:{key}", "concept", "", found.slug, found.title))
        return self._concepts[key]


def digest_entry(note: NoteDue, digest: Digest) -> Entry:
    """The row that keeps a digest."""
    return Entry(f"data:{note.episode_id}", "digest", made_from(note.transcript, WRITING), "", pack_digest(digest))


def _terms_of(note: NoteDue) -> str:
    return f"{note.transcript} {TERMS_VERSION}"


def _pack(phrases: Iterable[Phrase]) -> str:
    return json.dumps([[p.key, round(p.weight, 3), p.form] for p in phrases], ensure_ascii=False, separators=(",", ":"))


def _read_lexicon(journal: Journal) -> Lexicon:
    kept = unpack_lexicon(journal.data("", "lexicon"))
    if kept is not None:
        return kept
    lexicon = Lexicon()
    for _, detail in journal.all_data("terms"):
        if terms := unpack_terms(detail):
            lexicon.add(terms)
    return lexicon


def _episodes_in_order(store: Store) -> dict[str, list[str]]:
    """The episodes of each show's folder by date; those without one first."""
    shows: dict[str, list[tuple[str, str, str]]] = {}
    for entry in store.episodes():
        date = entry.episode.date.isoformat() if entry.episode.date else ""
        shows.setdefault(show_folder(entry.transcript), []).append((date, entry.transcript, entry.episode.id))
    return {folder: [episode_id for _, _, episode_id in sorted(rows)] for folder, rows in shows.items()}
