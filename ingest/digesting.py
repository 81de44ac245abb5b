"""From transcripts to digests: terms, phrases and concepts, each worked out for all episodes before the next.

So every note is written with the whole library in view, and a killed run, when it goes on, comes to the same notes.
What is known of the whole library is kept in tables (``kb.index.tallies``), of which an episode reads and changes only
the rows of what it says: one more episode costs the same in a library of ten and of ten thousand.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.journal import Journal
from ingest.lexicon import KeptLexicon
from ingest.plan import NoteDue, made_from
from ingest.records import Entry
from ingest.shelves import show_folder
from ingest.versions import WRITING
from ingest.writing.concepts import Phrase, candidates, choose_concepts, identity, standing_out
from ingest.writing.digest import Concept, Digest, pack_digest, pack_titles, titles_after, unpack_titles
from ingest.writing.extractive import digest_episode
from ingest.writing.naming import free_slug
from ingest.writing.terms import (
    TERMS_VERSION,
    EpisodeTerms,
    episode_terms,
    pack_shingles,
    pack_terms,
    shingles,
    unpack_shingles,
    unpack_terms,
)
from kb.errors import CaptionError
from kb.index.tallies import Tallies
from kb.model import Chapter
from kb.ports import Progress
from kb.transcripts.webvtt import parse_webvtt

if TYPE_CHECKING:
    from kb.index.store import Store

BATCH = 128  # episodes whose terms are counted before they are kept
NEIGHBOURS = 12  # episodes of the show before and after, in which a greeting or a sponsor's text would recur
RECURRING = 2  # in so many of them


class Digester:
    """Digests episodes; ``prepare`` first what is then asked of ``digest``.

    ``root`` is the library's folder, for the publisher's chapters, which only the transcripts' files have.
    """

    def __init__(
        self, store: Store, model_id: str, journal: Journal, progress: Progress, *, root: Path | None = None
    ) -> None:
        self._store = store
        self._model_id = model_id
        self._journal = journal
        self._progress = progress
        self._root = root
        self._tallies = Tallies(store)
        _count_all_where_nothing_is_counted(store, self._tallies, journal)
        self._lexicon = KeptLexicon(self._tallies)
        self._candidates: dict[str, list[tuple[Phrase, Concept, bool]]] = {}
        self._fingerprints: dict[str, Sequence[int]] = {}
        self._shows: dict[str, list[str]] = {}

    def prepare(self, due: Sequence[NoteDue]) -> None:
        """Works out what all of ``due`` are about."""
        self._count_terms(due)
        found = {note.episode_id: self._phrases(note) for note in due}
        self._keep_phrases(due, found)
        concepts = {identity(phrase.key) for phrases in found.values() for phrase in phrases}
        carriers = self._tallies.carriers(concepts)
        names = _Names(self._tallies, concepts, found.values())
        for note in due:
            phrases = found[note.episode_id]
            chosen = choose_concepts(phrases, self._terms(note), carriers, self._lexicon.episodes)
            keys = {phrase.key for phrase in chosen}
            self._candidates[note.episode_id] = [(p, names.concept(p), p.key in keys) for p in phrases]
        self._journal.put(names.new)

    def digest(self, note: NoteDue) -> Digest:
        """What the note of a prepared episode says."""
        own = self._terms(note)
        return digest_episode(
            self._store.episode(note.episode_id).episode,
            note.transcript,
            self._store.chunks(note.transcript_path),
            self._store.chunk_vectors(note.transcript_path, self._model_id),
            own=own,
            lexicon=self._lexicon.about(own),
            recurring=self._recurring(note),
            candidates=self._candidates[note.episode_id],
            chapters=self._chapters(note),
        )

    # --- terms and phrases ---

    def _count_terms(self, due: Sequence[NoteDue]) -> None:
        """Counts the terms of transcripts that are new or changed, and adds them to the lexicon."""
        todo = [note for note in due if _input(self._store, note.episode_id, "terms") != _terms_of(note)]
        for at in range(0, len(todo), BATCH):
            batch = todo[at : at + BATCH]
            entries = [entry for note in batch for entry in self._count(note)]
            with self._store.transaction():  # together, so that the lexicon is always the sum of the terms
                self._journal.put(entries)
                self._lexicon.save()
            self._lexicon.saved()
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
        return candidates(standing_out(episode, own, self._lexicon.about(own)), own)

    def _keep_phrases(self, due: Sequence[NoteDue], found: dict[str, tuple[Phrase, ...]]) -> None:
        """Keeps the candidates of each episode, and counts of how many episodes each concept is one now."""
        changes = Counter[str]()
        entries = []
        for note in due:
            phrases = found[note.episode_id]
            changes.subtract(_identities(self._journal.data(note.episode_id, "phrases")))
            changes.update(identity(phrase.key) for phrase in phrases)
            made = made_from(note.transcript, WRITING)
            entries.append(Entry(f"data:{note.episode_id}", "phrases", made, "", _pack(phrases)))
        with self._store.transaction():
            self._journal.put(entries)
            self._tallies.add_carriers(changes)

    # --- what recurs in a show ---

    def _recurring(self, note: NoteDue) -> frozenset[int]:
        """The shingles that several of the show's episodes around this one have."""
        folder = show_folder(note.transcript_path)
        if folder not in self._shows:
            self._shows[folder] = _in_order(self._store, folder)
        order = self._shows[folder]
        at = order.index(note.episode_id) if note.episode_id in order else 0
        around = order[max(0, at - NEIGHBOURS) : at] + order[at + 1 : at + 1 + NEIGHBOURS]
        own = set(self._fingerprint(note.episode_id))
        seen = Counter(shingle for other in around for shingle in self._fingerprint(other) if shingle in own)
        return frozenset(shingle for shingle, times in seen.items() if times >= RECURRING)

    def _fingerprint(self, episode_id: str) -> Sequence[int]:
        if episode_id not in self._fingerprints:
            self._fingerprints[episode_id] = unpack_shingles(self._journal.data(episode_id, "shingles"))
        return self._fingerprints[episode_id]

    # --- what the publisher says ---

    def _chapters(self, note: NoteDue) -> tuple[Chapter, ...]:
        """The publisher's chapters, from the head of the transcript's file; none where it cannot be read."""
        if self._root is None:
            return ()
        try:
            text = (self._root / note.transcript_path).read_text(encoding="utf-8-sig", errors="replace")
            return parse_webvtt(text.partition("-->")[0]).chapters
        except (OSError, CaptionError):
            return ()


class _Names:
    """Gives each concept one name, that which weighs most where it is first ``spoken`` of, and one page for ever."""

    def __init__(self, tallies: Tallies, identities: Iterable[str], spoken: Iterable[Iterable[Phrase]]) -> None:
        self._forms: dict[str, dict[str, float]] = {}
        for phrase in (phrase for phrases in spoken for phrase in phrases):
            forms = self._forms.setdefault(identity(phrase.key), {})
            forms[phrase.form] = forms.get(phrase.form, 0.0) + phrase.weight
        known = tallies.concepts(identities)
        self._concepts = {key: Concept(key, slug, title) for key, (slug, title) in known.items()}
        self._taken = _Taken(tallies)
        self.new: list[Entry] = []

    def concept(self, phrase: Phrase) -> Concept:
        """The concept that a phrase stands for; a new one is named as the phrase is spoken."""
        key = identity(phrase.key)
        if key not in self._concepts:
            form = min(self._forms[key], key=lambda form: (-self._forms[key][form], form))
            found = Concept(key, free_slug(form, key, self._taken, otherwise="concept"), form)
            self._concepts[key] = found
            self._taken.new.add(found.slug)
            self.new.append(Entry(f"concept:{key}", "concept", "", found.slug, found.title))
        return self._concepts[key]


class _Taken:
    """The slugs that concepts have: those that the journal knows, and the new ones."""

    def __init__(self, tallies: Tallies) -> None:
        self._tallies = tallies
        self.new: set[str] = set()

    def __contains__(self, slug: object) -> bool:
        return slug in self.new or self._tallies.is_slug(str(slug))


def digest_entry(note: NoteDue, digest: Digest) -> Entry:
    """The row that keeps a digest."""
    return Entry(f"data:{note.episode_id}", "digest", made_from(note.transcript, WRITING), "", pack_digest(digest))


def is_digested(store: Store, note: NoteDue) -> bool:
    """Whether the journal has what a note is to say. Reads no other episode's row, as all of them are long."""
    return _input(store, note.episode_id, "digest") == made_from(note.transcript, WRITING)


def former_titles(journal: Journal, episode_id: str) -> tuple[str, ...]:
    """The titles that an episode had before, the oldest first: its note answers to them still."""
    return unpack_titles(journal.parts(f"episode:{episode_id}").get("titles", ""))


def titles_entries(journal: Journal, digest: Digest, old: Digest | None) -> Iterator[Entry]:
    """The row of an episode's former titles, where its title is another than in its ``old`` digest."""
    if old is not None and old.episode.title != digest.episode.title:
        episode = digest.episode
        titles = titles_after(former_titles(journal, episode.id), old.episode.title, episode.title)
        yield Entry(f"episode:{episode.id}", "titles", "", "former", pack_titles(titles))


def _input(store: Store, episode_id: str, stage: str) -> str | None:
    """What a stage's row of an episode was made from; the row itself, which is long, is not read."""
    row = store.row("SELECT input FROM journal WHERE subject = ? AND stage = ?", (f"data:{episode_id}", stage))
    return str(row[0]) if row else None


def _terms_of(note: NoteDue) -> str:
    return f"{note.transcript} {TERMS_VERSION}"


def _pack(phrases: Iterable[Phrase]) -> str:
    return json.dumps([[p.key, round(p.weight, 3), p.form] for p in phrases], ensure_ascii=False, separators=(",", ":"))


def _identities(phrases: str) -> list[str]:
    """The identities of the phrases that ``_pack`` kept."""
    return [identity(key) for key, _, _ in json.loads(phrases)] if phrases else []


def _count_all_where_nothing_is_counted(store: Store, tallies: Tallies, journal: Journal) -> None:
    """Fills the tables from what the journal has of each episode: once, after they were made or lost."""
    if tallies.totals() is not None:
        return
    with store.transaction():
        tallies.clear()
        lexicon = KeptLexicon(tallies)
        for _, detail in journal.all_data("terms"):
            if terms := unpack_terms(detail):
                lexicon.add(terms)
        lexicon.save()
        tallies.add_carriers(Counter(key for _, detail in journal.all_data("phrases") for key in _identities(detail)))


def _in_order(store: Store, folder: str) -> list[str]:
    """The episodes of a show's folder by date; those without one first."""
    rows = store.rows(
        "SELECT COALESCE(t.date, ''), f.path, t.id FROM files f JOIN transcripts t ON t.file = f.id"
        " WHERE f.path >= ? AND f.path < ? AND t.leads",
        (f"transcripts/{folder}/", f"transcripts/{folder}0"),  # '0' follows '/'
    )
    return [episode_id for _, _, episode_id in sorted(rows)]
