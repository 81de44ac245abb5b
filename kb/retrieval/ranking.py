"""How passages are ranked: pure arithmetic over what the lexical and the vector index found.

A passage is worth what the half minute at its beginning says, read in the light of the minutes around it:

    score = (bm25(chunk) + bm25(block)) / most + 0.6 cos(chunk)

``chunk`` is the first half of the passage, ``block`` the best of the four-minute windows that hold it, and ``most``
what BM25 could give a text made of the query's words alone, 2.2 times the sum of their rarities (Robertson and
Zaragoza, The Probabilistic Relevance Framework, 2009): so words count by the share of the query that they cover, and
a score means the same in every library. Scoring by the first half places a passage where its subject begins; fusing
scores keeps what fusing ranks throws away, by how much the best is better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kb.model import Passage, Sentence

SATURATION = 2.2  # BM25's k1 + 1: the most that one word gives, over its rarity
MEANING = 0.6  # what a cosine of one adds
SHORTEST_QUOTE = 24  # characters: what is shorter says little, and may stand in a note by chance
NO_ANSWER = 0.7  # what the words of a question, or of a scrap, are worth beside a statement's
TELLING = 0.25  # the share of a query that a sentence must cover to be told from the others


@dataclass(frozen=True, slots=True)
class Block:
    """A block found: the passages from id ``first`` on, ``count`` of them, and its BM25 score."""

    first: int
    count: int
    score: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage's id and its score."""

    id: int
    score: float


def rank(
    words: Mapping[int, float], blocks: Iterable[Block], meaning: Mapping[int, float], rarity: float
) -> list[Scored]:
    """The passages found by words or by meaning, best first, ties by id.

    ``words`` and ``meaning`` map passage ids to BM25 scores and cosines, ``rarity`` is the sum of the inverse document
    frequencies of the query's words.
    """
    around = _best_block(blocks)
    most = SATURATION * rarity or 1.0
    scored = [
        (-round((words.get(i, 0.0) + around.get(i, 0.0)) / most + MEANING * meaning.get(i, 0.0), 9), i)
        for i in words.keys() | meaning.keys()
    ]
    return [Scored(i, -score) for score, i in sorted(scored)]


def _best_block(blocks: Iterable[Block]) -> dict[int, float]:
    best: dict[int, float] = {}
    for block in sorted(blocks, key=lambda b: b.score):  # a better one overwrites
        best.update(dict.fromkeys(range(block.first, block.first + block.count), block.score))
    return best


def collapse(ranked: Sequence[tuple[Scored, Passage]], limit: int) -> list[tuple[Scored, Passage]]:
    """The first ``limit`` that say something of their own.

    Of quotations of one episode that overlap the best stays; a note's passage gives way to one that it quotes from.
    """
    kept: list[tuple[Scored, Passage]] = []
    for scored, passage in ranked:
        rivals = [at for at, (_, other) in enumerate(kept) if _overlap(other, passage)]
        if not rivals:
            if len(kept) < limit:
                kept.append((scored, passage))
        elif passage.kind == "quote" and all(kept[at][1].kind == "note" for at in rivals):
            kept[rivals[0]] = (kept[rivals[0]][0], passage)
            for at in reversed(rivals[1:]):
                del kept[at]
    return kept


def _overlap(one: Passage, other: Passage) -> bool:
    """Whether two passages say the same: quotations of one stretch, or a note's passage that quotes the other."""
    if one.episode.id != other.episode.id or one.kind == other.kind == "note":
        return one.id == other.id
    if one.kind != other.kind:
        note, quote = (one, other) if one.kind == "note" else (other, one)
        return any(len(said.text) > SHORTEST_QUOTE and said.text in note.text for said in quote.sentences)
    if one.start_s is None or other.start_s is None or one.end_s is None or other.end_s is None:
        return False
    return one.start_s < other.end_s and other.start_s < one.end_s


def best_sentence(sentences: Sequence[Sentence], stems: Sequence[frozenset[str]], rarity: Mapping[str, float]) -> int:
    """The index of the sentence that answers best: it covers most of the query, by rarity; the first of equals.

    ``stems`` are the stemmed words of each sentence, ``rarity`` maps the query's stems to their inverse document
    frequency. A question or a scrap is no answer, and counts for less; where no sentence covers enough to be told
    from the others, the first is taken: there the passage's subject begins. Of equals the shorter one is taken.
    """
    total = sum(rarity.values()) or 1.0

    def worth(at: int) -> float:
        covered = sum(weight for stem, weight in rarity.items() if stem in stems[at]) / total
        text = sentences[at].text
        covered *= NO_ANSWER if text.endswith("?") or len(text) < SHORTEST_QUOTE else 1.0
        return covered - len(text) / 20_000 if covered >= TELLING else -1.0

    return max(range(len(sentences)), key=lambda at: (worth(at), -at))
