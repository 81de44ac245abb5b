"""The words of the library, ranked by BM25: of passages, and of the four-minute blocks around them.

A passage is scored by the chunk at its beginning, the place it is played from; a phrase is looked for in all of it.
A block is eight chunks of one file. The two are indexes of their own: how rare a word is, and how long a text usually
is, differ between them. Queries are built of terms, never parsed from text, so no character of a query means anything
but itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.index.stems import Stems, words_of
from kb.index.tantivy_index import TantivyIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kb.index.catalogue import Filters
    from kb.index.passage_table import PassageText
    from kb.ports import Ids

FEW_ALLOWED = 0.1  # of all passages: so many ids are looked up as terms; more are sieved out of what was found
BLOCK_PASSAGES = 8  # about four minutes
BLOCK_STRIDE = 4

TEXT, TITLE, HEADING, SPEAKER, EXACT, COUNT = "text", "title", "heading", "speaker", "exact", "count"
BY_TEXT: Mapping[str, float] = {TEXT: 1.0}


class LexicalIndex:
    """Two of tantivy's indexes in ``folder``, for passages and for blocks.

    ``allowed_ids`` says which passages a filter lets through; without it a filter is an error of the caller.
    """

    def __init__(
        self, folder: Path, language: str = "en", *, allowed_ids: Callable[[Filters], Ids] | None = None
    ) -> None:
        """Opens the index, or makes an empty one. Raises LibraryDamagedError."""
        self._words = Stems(language)
        fields = (TEXT, TITLE, HEADING, SPEAKER)
        self._passages = TantivyIndex(folder / "passages", self._words, fields, verbatim=(EXACT,))
        self._blocks = TantivyIndex(folder / "blocks", self._words, (TEXT,), numbers=(COUNT,))
        self._allowed_ids = allowed_ids

    def __len__(self) -> int:
        """The number of passages."""
        return len(self._passages)

    def update(self, added: Iterable[PassageText], removed: Iterable[int] = ()) -> None:
        """Removes and adds passages. Those of one file come and go together, added in order of id."""
        gone = list(removed)
        blocks: list[dict[str, int | str]] = []
        self._passages.update(_passage_documents(added, blocks), gone)
        self._blocks.update(blocks, gone)

    # --- words ---

    def stems(self, text: str) -> list[str]:
        """The words of a text as the index knows them: stemmed, without stop words, in order."""
        return self._words.stems(text)

    def stem(self, word: str) -> str:
        """The stem of one word; empty for a stop word."""
        return self._words.stem(word)

    def distinct_words(self, text: str) -> tuple[str, ...]:
        """The words of a text as they stand there, each spelling once, in order."""
        return words_of(text)

    def rarity(self, words: Iterable[str]) -> dict[str, float]:
        """The stem of each word but the stop words, and how rare it is: BM25's inverse document frequency."""
        stems = dict.fromkeys(self.stems(" ".join(words)))
        total = len(self)
        return {stem: _idf(min(self._passages.having(TEXT, stem), total), total) for stem in stems}

    # --- finding ---

    def passages(
        self,
        words: Sequence[str],
        phrases: Sequence[str] = (),
        filters: Filters | None = None,
        k: int = 200,
        *,
        boosts: Mapping[str, float] = BY_TEXT,
    ) -> dict[int, float]:
        """The ``k`` passages with the highest BM25, best first, ties by id: id to score.

        Any of the ``words`` counts, every one of the ``phrases`` must be there, as it stands but for case and accents.
        ``boosts`` are the weights of the fields ``text``, ``title``, ``heading`` and ``speaker``.
        """
        clauses = self._clauses(words, phrases, boosts)
        if not filters:
            ids, scores, _ = self._passages.best(clauses, k)
        else:
            ids, scores = self._filtered(clauses, k, self._allowed(filters))
        return dict(zip(ids.tolist(), scores.tolist(), strict=True))

    def blocks(
        self, words: Sequence[str], filters: Filters | None = None, k: int = 200
    ) -> tuple[tuple[int, int, float], ...]:
        """The ``k`` best blocks, best first: the id of the first passage, how many there are, and the score.

        With ``filters`` those that hold a passage which they let through.
        """
        clauses = self._blocks.any_of(dict.fromkeys(self.stems(" ".join(words))), BY_TEXT)
        allowed = self._allowed(filters) if filters else None
        asked = k if allowed is None else 4 * k
        while True:
            ids, scores, addresses = self._blocks.best(clauses, asked)
            counts = self._blocks.numbers(COUNT, addresses)
            found = list(zip(ids.tolist(), counts, scores.tolist(), strict=True))
            if allowed is not None:
                found = [block for block in found if _holds_any(block[0], block[1], allowed)]
            if len(found) >= k or len(ids) < asked:
                return tuple(found[:k])
            asked *= 4

    def _allowed(self, filters: Filters) -> Ids:
        if self._allowed_ids is None:
            raise ValueError("this index was opened without what its filters need")
        return self._allowed_ids(filters)

    def _clauses(self, words: Sequence[str], phrases: Sequence[str], boosts: Mapping[str, float]) -> list[Any]:
        text = " ".join(words)
        clauses = self._passages.any_of(dict.fromkeys(self.stems(text)), boosts)
        if not clauses and not phrases:  # nothing but stop words was asked for
            clauses = self._passages.any_of(dict.fromkeys(self._words.verbatim_words(text)), {EXACT: 1.0})
        required = (self._words.verbatim_words(phrase) for phrase in phrases)
        return clauses + [self._passages.phrase(EXACT, phrase) for phrase in required if phrase]

    def _filtered(self, clauses: list[Any], k: int, allowed: Ids) -> tuple[Ids, NDArray[np.float32]]:
        """Looks a few ids up as terms; takes many out of ever more results, until there are enough or no more."""
        if not len(allowed) or not clauses:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        if len(allowed) <= FEW_ALLOWED * len(self):
            ids, scores, _ = self._passages.best(self._passages.required(clauses, allowed), k)
            return ids, scores
        asked = 4 * k
        while True:
            ids, scores, _ = self._passages.best(clauses, asked)
            kept = np.isin(ids, allowed)
            if kept.sum() >= k or len(ids) < asked:
                return ids[kept][:k], scores[kept][:k]
            asked *= 4


def _idf(having: int, total: int) -> float:
    return math.log(1 + (total - having + 0.5) / (having + 0.5))


def _holds_any(first: int, count: int, allowed: Ids) -> bool:
    """Whether one of ``allowed``, in order, is among ``count`` ids from ``first`` on."""
    at = int(np.searchsorted(allowed, first))
    return at < len(allowed) and int(allowed[at]) < first + count


def _passage_documents(
    passages: Iterable[PassageText], blocks: list[dict[str, int | str]]
) -> Iterator[dict[str, int | str]]:
    """The documents of the passages; those of their blocks are put into ``blocks`` on the way."""
    for _, of_file in groupby(passages, key=lambda passage: passage.file):
        members = list(of_file)
        for passage in members:
            yield {
                "id": passage.id,
                TEXT: passage.beginning,
                EXACT: passage.text,
                TITLE: passage.title,
                HEADING: passage.heading,
                SPEAKER: "\n".join(passage.speakers),
            }
        blocks.extend(_block_documents(members))


def _block_documents(members: Sequence[PassageText]) -> Iterator[dict[str, int | str]]:
    for at in range(0, max(len(members) - BLOCK_STRIDE, 1), BLOCK_STRIDE):
        block = members[at : at + BLOCK_PASSAGES]
        yield {"id": block[0].id, COUNT: len(block), TEXT: " ".join(passage.beginning for passage in block)}
