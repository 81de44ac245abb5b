"""What the writer of notes keeps of the whole library, a row for each thing, so that one more episode changes few.

    lexicon     a phrase: in how many chunks and episodes it is said, and how; the row '' has the library's totals
    carriers    a concept, by identity: of how many episodes it is a candidate
    mentions    a concept and an episode: what the one says of the other

A row that is not there stands for zeros. Which concepts there are is in the journal (``concept:<identity>``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kb.index.catalogue import as_list

if TYPE_CHECKING:
    from kb.index.store import Store

TOTALS = ""  # no phrase is empty


class PhraseCounts(NamedTuple):
    """How often a phrase is said, all episodes added together; of the totals, only the first two."""

    episodes: int = 0
    chunks: int = 0
    nouns: int = 0
    others: int = 0
    ends: int = 0
    around: int = 0


@dataclass(frozen=True, slots=True)
class MentionRow:
    """What an episode says of a concept: ``date`` is ISO's or empty, ``told`` text of the caller's."""

    concept: str
    episode: str
    date: str
    chosen: bool
    chunks: int
    told: str


@dataclass(frozen=True, slots=True)
class Mentioned:
    """All mentions of a concept added together."""

    episodes: int
    chunks: int
    chosen: bool


class Tallies:
    """The tables. Whatever is put becomes permanent with the transaction that is open, or at once where none is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # --- the lexicon ---

    def totals(self) -> PhraseCounts | None:
        """The library's episodes and chunks; None where the tables were never filled."""
        return self.lexicon([TOTALS]).get(TOTALS)

    def lexicon(self, phrases: Iterable[str]) -> dict[str, PhraseCounts]:
        """The counts of those of ``phrases`` that were ever said."""
        rows = self._store.rows(
            "SELECT phrase, episodes, chunks, nouns, others, ends, around FROM lexicon"
            " WHERE phrase IN (SELECT value FROM json_each(?))",
            (as_list(phrases),),
        )
        return {phrase: PhraseCounts(*counts) for phrase, *counts in rows}

    def put_lexicon(self, counts: Mapping[str, PhraseCounts]) -> None:
        """Puts phrases' counts in the place of what was there."""
        rows = sorted((phrase, *found) for phrase, found in counts.items() if any(found) or phrase == TOTALS)
        gone = [(phrase,) for phrase, found in counts.items() if not any(found) and phrase != TOTALS]
        with self._store.transaction():
            self._store._write_many("INSERT OR REPLACE INTO lexicon VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            self._store._write_many("DELETE FROM lexicon WHERE phrase = ?", gone)

    def clear(self) -> None:
        """Forgets the lexicon and the carriers, to be counted again."""
        with self._store.transaction():
            self._store._write("DELETE FROM lexicon")
            self._store._write("DELETE FROM carriers")

    # --- concepts ---

    def carriers(self, identities: Iterable[str]) -> dict[str, int]:
        """Of how many episodes each concept is a candidate."""
        return dict(
            self._store.rows(
                "SELECT identity, episodes FROM carriers WHERE identity IN (SELECT value FROM json_each(?))",
                (as_list(identities),),
            )
        )

    def add_carriers(self, changes: Mapping[str, int]) -> None:
        """Adds to the number of episodes of each concept, or takes off."""
        rows = [(identity, by) for identity, by in sorted(changes.items()) if by]
        with self._store.transaction():
            self._store._write_many(
                "INSERT INTO carriers VALUES (?, ?)"
                " ON CONFLICT (identity) DO UPDATE SET episodes = episodes + excluded.episodes",
                rows,
            )
            self._store._write_many(
                "DELETE FROM carriers WHERE identity = ? AND episodes <= 0",
                [(identity,) for identity, by in rows if by < 0],
            )

    def concepts(self, identities: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Slug and title of those concepts that have been named, by identity."""
        rows = self._store.rows(
            "SELECT substr(subject, 9), output, detail FROM journal"
            " WHERE stage = 'concept' AND subject IN (SELECT 'concept:' || value FROM json_each(?))",
            (as_list(identities),),
        )
        return {identity: (slug, title) for identity, slug, title in rows}

    def is_slug(self, slug: str) -> bool:
        """Whether a concept's page has this name."""
        return self._store.row("SELECT 1 FROM journal WHERE stage = 'concept' AND output = ?", (slug,)) is not None

    # --- mentions ---

    def put_mentions(self, rows: Iterable[MentionRow]) -> None:
        """Puts what episodes say of concepts in the place of what they said before."""
        values = [(r.concept, r.episode, r.date, int(r.chosen), r.chunks, r.told) for r in rows]
        with self._store.transaction():
            self._store._write_many("INSERT OR REPLACE INTO mentions VALUES (?, ?, ?, ?, ?, ?)", values)

    def drop_mentions(self, episode: str, concepts: Iterable[str]) -> None:
        """Takes back what an episode said of these concepts."""
        with self._store.transaction():
            self._store._write_many(
                "DELETE FROM mentions WHERE concept = ? AND episode = ?", [(concept, episode) for concept in concepts]
            )

    def mentioned(self, concept: str) -> Mentioned:
        """How many episodes speak of a concept, and how much."""
        ((episodes, chunks, chosen),) = self._store.rows(
            "SELECT count(*), sum(chunks), max(chosen) FROM mentions WHERE concept = ?", (concept,)
        )
        return Mentioned(episodes, chunks or 0, bool(chosen))

    def newest_mentions(self, concept: str, most: int) -> list[str]:
        """What the newest ``most`` episodes say of a concept, those without a date last."""
        rows = self._store.rows(
            "SELECT told FROM mentions WHERE concept = ? ORDER BY date DESC, episode LIMIT ?", (concept, most)
        )
        return [told for (told,) in rows]
