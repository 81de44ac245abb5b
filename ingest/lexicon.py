"""The library's lexicon, of which only what is asked is in memory: an episode costs what it says, not what all say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ingest.writing.terms import EpisodeTerms, Lexicon
from kb.index.tallies import TOTALS, PhraseCounts, Tallies

if TYPE_CHECKING:
    from collections import Counter

MOST = 1_000_000  # phrases in memory: the words of some thousand hours; then it begins anew


class KeptLexicon:
    """Adds episodes, and gives out what is known about the words of one."""

    def __init__(self, tallies: Tallies) -> None:
        totals = tallies.totals() or PhraseCounts()
        self._tallies = tallies
        self._known: set[str] = set()
        self._changed: set[str] = set()
        self._words = Lexicon(totals.chunks, totals.episodes)
        self._whole = not totals.episodes  # nothing is in the table that is not here

    @property
    def episodes(self) -> int:
        """Of how many the lexicon is the sum."""
        return self._words.episodes

    def about(self, own: EpisodeTerms) -> Lexicon:
        """A lexicon that is right for every phrase that is weighed when an episode is written about."""
        if len(self._known) > MOST and not self._changed:
            self._begin_anew()
        self._read(_asked(own))
        return self._words

    def add(self, episode: EpisodeTerms, sign: int = 1) -> None:
        """Adds an episode, or takes it out where ``sign`` is -1; ``save`` makes it last."""
        self._read(episode.terms)
        self._words.add(episode, sign)
        self._changed.update(episode.terms)

    def save(self) -> None:
        """Writes what was added: within a transaction that writes the episodes' terms too."""
        counts = {phrase: PhraseCounts(*(column[phrase] for column in self._columns)) for phrase in self._changed}
        counts[TOTALS] = PhraseCounts(self._words.episodes, self._words.chunks)
        self._tallies.put_lexicon(counts)

    def saved(self) -> None:
        """Says that the transaction of ``save`` is done."""
        self._changed.clear()
        if len(self._known) > MOST:
            self._begin_anew()

    @property
    def _columns(self) -> tuple[Counter[str], ...]:
        w = self._words
        return w.in_episodes, w.in_chunks, w.nouns, w.others, w.ends, w.around

    def _read(self, phrases: Iterable[str]) -> None:
        new = set(phrases) - self._known
        self._known |= new
        if self._whole or not new:
            return
        columns = self._columns
        for phrase, counts in self._tallies.lexicon(new).items():
            for column, value in zip(columns, counts, strict=True):
                if value:
                    column[phrase] = value

    def _begin_anew(self) -> None:
        self._known.clear()
        self._words = Lexicon(self._words.chunks, self._words.episodes)
        self._whole = False


def _asked(own: EpisodeTerms) -> Iterator[str]:
    """An episode's phrases, their words, and the pairs in those of three."""
    for phrase in own.terms:
        yield phrase
        if " " in phrase:
            words = phrase.split(" ")
            yield from words
            if len(words) > 2:
                yield " ".join(words[:2])
                yield " ".join(words[1:])
