"""Query -> hits: what the words find and what the meaning finds, ranked together, each with its moment."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kb.index.catalogue import Filters
from kb.index.passage_table import name_words
from kb.model import Hit, Passage, SearchMode, SearchResult, Sentence
from kb.notes.wikilinks import fold
from kb.retrieval.query import ASKING, Query, parse_query
from kb.retrieval.ranking import Block, Scored, best_sentence, collapse, rank
from kb.timecode import deep_link

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kb.index.lexical import LexicalIndex
    from kb.index.store import Store
    from kb.ports import Embedder, Ids, VectorIndex

CANDIDATES = 200  # passages taken from each half, and blocks
SPARE = 4  # passages read for each hit asked for: what is left when overlapping ones have collapsed


@dataclass(frozen=True, slots=True)
class Sources:
    """What a search draws on. Without ``vectors`` and ``embedder`` it goes by words alone."""

    store: Store
    lexical: LexicalIndex
    vectors: VectorIndex | None
    embedder: Embedder | None


def search(sources: Sources, text: str, *, mode: SearchMode = "hybrid", limit: int = 10) -> SearchResult:
    """The best ``limit`` passages for what a person typed (see ``kb.retrieval.query``). Never raises for a query."""
    started = time.perf_counter()
    query = parse_query(text)
    if mode != "lexical" and (sources.vectors is None or sources.embedder is None):
        mode = "lexical"
        query = replace(query, remarks=(*query.remarks, "searched by words alone: the library has no vectors yet"))
    hits: tuple[Hit, ...] = ()
    if query.is_empty:
        query = replace(query, remarks=(*query.remarks, "nothing to search for: type a few words"))
    else:
        query, hits = _find(sources, query, mode, limit)
    took_ms = (time.perf_counter() - started) * 1000
    return SearchResult(query=text, hits=hits, took_ms=took_ms, mode=mode, remarks=query.remarks)


def _find(sources: Sources, query: Query, mode: SearchMode, limit: int) -> tuple[Query, tuple[Hit, ...]]:
    query, filters = _filters(sources.store, query)
    if filters is None:
        return query, ()
    ranked = _ranked(sources, query, filters, mode)
    if not ranked and query.phrases:
        remark = f"nothing says exactly “{'”, “'.join(query.phrases)}”: searched for the words"
        query = replace(query, phrases=(), remarks=(*query.remarks, remark))
        ranked = _ranked(sources, query, filters, mode)
    return query, _hits(sources, query, ranked, limit)


# --- filters ------------------------------------------------------------------------------------------------------


def _filters(store: Store, query: Query) -> tuple[Query, Filters | None]:
    """What may be found, with the names of shows and speakers as the library has them; None where that is nothing."""
    there = store.shows() if query.shows else ()
    shows = tuple(show.name for show in there if _named(show.name, show.slug, query.shows))
    if query.shows and not shows:
        known = ", ".join(show.name for show in there[:8]) or "none yet"
        remark = f"no show is called {' or '.join(query.shows)} (there are: {known})"
        return replace(query, remarks=(*query.remarks, remark)), None
    if query.after and query.before and query.after >= query.before:
        remark = f"no day is both after {query.after} and before {query.before}"
        return replace(query, remarks=(*query.remarks, remark)), None
    return query, Filters(
        shows=shows,
        speakers=query.speakers,
        after=query.after,
        before=query.before,
        kind=query.kind,
    )


def _named(name: str, slug: str, asked: Sequence[str]) -> bool:
    """Whether one of the names asked for is this show's, or the beginning of it."""
    keys = {fold(name), fold(slug)}
    return any(key.startswith(fold(want)) for want in asked for key in keys if fold(want))


# --- ranking ------------------------------------------------------------------------------------------------------


def _ranked(sources: Sources, query: Query, filters: Filters, mode: SearchMode) -> list[Scored]:
    if mode == "lexical":
        words, blocks = _by_words(sources.lexical, query, filters)
        meaning: dict[int, float] = {}
    else:
        assert sources.embedder is not None
        vector = sources.embedder.encode_query(query.text)
        words, blocks = _by_words(sources.lexical, query, filters)
        meaning = _by_meaning(sources, vector, filters, words)
    if query.phrases:  # an exact phrase must be there, whatever else is near
        meaning = {i: cosine for i, cosine in meaning.items() if i in words}
    if mode == "semantic":
        words, blocks = {}, []
    return rank(words, blocks, meaning, sum(sources.lexical.rarity(query.words).values()))


def _by_words(lexical: LexicalIndex, query: Query, filters: Filters) -> tuple[dict[int, float], list[Block]]:
    found = lexical.passages(query.words, query.phrases, filters, CANDIDATES)
    blocks = [Block(*block) for block in lexical.blocks(query.words, filters, CANDIDATES)]
    return found, blocks


def _by_meaning(
    sources: Sources, vector: NDArray[np.float32], filters: Filters, also: Mapping[int, float]
) -> dict[int, float]:
    """Cosines of the nearest passages, and of those that the words found."""
    import numpy as np

    assert sources.vectors is not None
    allowed: Ids | None = sources.store.passage_ids(filters) if filters else None
    ids, scores = sources.vectors.search(vector, CANDIDATES, allowed)
    known = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    missing = np.array(sorted(i for i in also if i not in known), np.int64)
    return known | dict(zip(missing.tolist(), sources.vectors.scores(vector, missing).tolist(), strict=True))


# --- hits ---------------------------------------------------------------------------------------------------------


def _hits(sources: Sources, query: Query, ranked: Sequence[Scored], limit: int) -> tuple[Hit, ...]:
    found: list[tuple[Scored, Passage]] = []
    batch = limit + (limit + 1) // 2  # of ten or so, two or three collapse
    for at in range(0, min(len(ranked), limit * SPARE), batch):
        best = ranked[at : at + batch]
        passages = sources.store.passages([scored.id for scored in best])
        found = collapse([*found, *((scored, passages[scored.id]) for scored in best if scored.id in passages)], limit)
        if len(found) == limit:
            break
    rarity = telling(sources.lexical, query.words)
    initials = frozenset(letter for stem in rarity for letter in (stem[0], stem[0].upper()))
    reading = _Reading(sources.lexical, rarity, initials, query.speakers)
    return tuple(reading.hit(number, scored, passage) for number, (scored, passage) in enumerate(found, start=1))


def telling(lexical: LexicalIndex, words: Sequence[str]) -> dict[str, float]:
    """The stems that say what a query is about, with their rarity; all of them where it is made of asking alone."""
    return lexical.rarity([word for word in words if word.lower() not in ASKING]) or lexical.rarity(words)


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a found passage is read: by what the query is about, ``rarity`` of each stem, and who is asked for.

    ``initials`` are the first letters of the stems, small and capital.
    """

    lexical: LexicalIndex
    rarity: Mapping[str, float]
    initials: frozenset[str]
    speakers: Sequence[str]

    def hit(self, number: int, scored: Scored, passage: Passage) -> Hit:
        words = self.lexical.distinct_words(passage.text)
        # No stemmer takes away a word's first letter, where that is a plain one: most words need not be stemmed.
        stems = {word: self.lexical.stem(word) for word in words if word[0] in self.initials or not word[0].isascii()}
        asked_for = {word: stem for word, stem in stems.items() if stem in self.rarity}
        sentence = self.moment(passage, asked_for)
        moment_s = sentence.start_s if sentence else passage.start_s
        return Hit(
            rank=number,
            score=round(scored.score, 6),
            passage=passage,
            moment_s=moment_s,
            speaker=sentence.speaker if sentence else "",
            sentence=sentence.text if sentence else "",
            url=deep_link(passage.episode.url, passage.episode.video_id, moment_s),
            matched=tuple(asked_for),
        )

    def moment(self, passage: Passage, asked_for: Mapping[str, str]) -> Sentence | None:
        """The sentence that answers best, said by whom was asked for where the query names speakers.

        ``asked_for`` maps those words of the passage that the query asks for to their stems.
        """
        wanted = [name_words(name) for name in self.speakers]
        said = [s for s in passage.sentences if any(name <= name_words(s.speaker) for name in wanted)]
        sentences = said or passage.sentences
        if not sentences:
            return None
        stems = [self._stems_in(sentence.text, asked_for) for sentence in sentences]
        return sentences[best_sentence(sentences, stems, self.rarity)]

    def _stems_in(self, text: str, asked_for: Mapping[str, str]) -> frozenset[str]:
        near = {word: stem for word, stem in asked_for.items() if word in text}  # spares most sentences the next line
        words = self.lexical.distinct_words(text) if near else ()
        return frozenset(near[word] for word in words if word in near)
