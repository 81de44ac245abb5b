"""FAISS indexes that are searched as one: what is new comes into a small one, and the large ones stay as they are.

An index of a million vectors is a file of more than a gigabyte; to write it again for each new episode would cost what
the library costs. So a folder holds several, each with vectors of higher ids than the one before:

    000001.faiss       the segment numbered 1
    000001.gone.npy    the ids in it that are not there any more, where there are such

A segment is at least ``GROWTH`` times as large as all after it together, as far as the order in which they came allows:
there are never more than a few, and each vector is written again only a few times, however many come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from kb.errors import LibraryDamagedError
from kb.index.schema import REMEDY
from kb.index.vectors import Among, FaissIndex, best, checked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kb.index.generations import VectorSegment
    from kb.ports import Ids, Vectors

GROWTH = 4
MOST_GONE = 4  # a segment of which more than one in so many is gone is written again
SPARE = 16  # asked for beyond k in a segment of which some are gone

Found = tuple["Ids", "NDArray[np.float32]"]


def kept_segments(segments: Sequence[VectorSegment], added: int) -> int:
    """How many segments, from the first on, stay as they are when so many vectors are added."""
    spoilt = (at for at, one in enumerate(segments) if one.gone * MOST_GONE > one.vectors)
    kept = next(spoilt, len(segments))
    tail = added + sum(one.vectors - one.gone for one in segments[kept:])
    while kept and segments[kept - 1].vectors - segments[kept - 1].gone < GROWTH * tail:
        kept -= 1
        tail += segments[kept].vectors - segments[kept].gone
    return kept


def vectors_file(number: int) -> str:
    """The name of a segment's vectors in its folder."""
    return f"{number:06}.faiss"


def gone_file(number: int) -> str:
    """The name of the list of a segment's ids that are gone."""
    return f"{number:06}.gone.npy"


def load_ids(path: Path) -> Ids:
    """Ids as ``numpy.save`` keeps them. Raises LibraryDamagedError."""
    try:
        ids: Ids = np.load(path, allow_pickle=False).astype(np.int64, casting="equiv")
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise LibraryDamagedError(
            "a part of the vector index cannot be read", where=str(path), remedy=REMEDY
        ) from error
    return ids


@dataclass(frozen=True, slots=True)
class _Segment:
    """An index with its ``ids`` and those of them that are ``gone``, both in order."""

    index: FaissIndex
    ids: Ids
    gone: Ids = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.ids) - len(self.gone)

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        return _among(ids, self.ids) & ~_among(ids, self.gone)

    def without(self, ids: Ids) -> Self:
        taken = ids[self.holds(ids)]
        return replace(self, gone=np.union1d(self.gone, taken)) if len(taken) else self

    def search(self, query: NDArray[np.float32], k: int, among: Among | None) -> Found:
        if not len(self.gone):
            return self.index.search_among(query, k, among)
        asked = k + SPARE
        while True:
            ids, scores = self.index.search_among(query, asked, among)
            there = ~_among(ids, self.gone)
            if there.sum() >= k or len(ids) < asked:
                return ids[there][:k], scores[there][:k]
            asked *= 2


class SegmentedIndex:
    """Implements ``kb.ports.VectorIndex``, and gives what one ``FaissIndex`` of all the vectors would give."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._segments: list[_Segment] = []

    def __len__(self) -> int:
        return sum(map(len, self._segments))

    def add(self, ids: Ids, vectors: Vectors) -> None:
        ids, vectors = checked(ids, vectors, self._dimension)
        self.remove(ids)
        if len(ids):
            order = np.argsort(ids)
            index = FaissIndex(self._dimension)
            index.append(ids[order], vectors[order])
            self._segments.append(_Segment(index, ids[order]))

    def remove(self, ids: Ids) -> None:
        left = (segment.without(np.unique(ids)) for segment in self._segments)
        self._segments = [segment for segment in left if len(segment)]

    def search(self, query: NDArray[np.float32], k: int, allowed: Ids | None = None) -> Found:
        among = None if allowed is None else Among(allowed)
        found = [segment.search(query, k, among) for segment in self._segments]
        if len(found) == 1:
            return found[0]
        ids = [np.empty(0, np.int64), *(ids for ids, _ in found)]
        scores = [np.empty(0, np.float32), *(scores for _, scores in found)]
        return best(np.concatenate(ids), np.concatenate(scores), k)

    def scores(self, query: NDArray[np.float32], ids: Ids) -> NDArray[np.float32]:
        """The inner products of these ids, in their order. Raises KeyError for one that is not there."""
        # One product of all: computed in parts it could differ in the last bit.
        vectors = np.empty((len(ids), self._dimension), np.float32)
        missing = np.ones(len(ids), np.bool_)
        for segment in self._segments:
            held = segment.holds(ids) & missing
            vectors[held] = segment.index.vectors(ids[held])
            missing &= ~held
        if missing.any():
            raise KeyError("no vector has one of these ids")
        scores: NDArray[np.float32] = vectors @ np.asarray(query, np.float32)
        return scores

    def save(self, folder: Path) -> None:
        """Fills a folder that is not there yet."""
        folder.mkdir()
        segments = self._segments or [_Segment(FaissIndex(self._dimension), np.empty(0, np.int64))]
        for number, segment in enumerate(segments, start=1):
            segment.index.save(folder / vectors_file(number))
            if len(segment.gone):
                np.save(folder / gone_file(number), segment.gone)

    @classmethod
    def load(cls, folder: Path, numbers: Iterable[int] | None = None) -> Self:
        """The segments of these ``numbers``, or all. Raises LibraryDamagedError; verify the files' hashes before."""
        if numbers is None:
            numbers = sorted(int(path.stem) for path in folder.glob("*.faiss"))
        segments = [_load(folder, number) for number in numbers]
        if not segments:
            raise LibraryDamagedError("the vector index is not there", where=str(folder), remedy=REMEDY)
        loaded = cls(segments[0].index.dimension)
        loaded._segments = [segment for segment in segments if len(segment)]
        return loaded


def _load(folder: Path, number: int) -> _Segment:
    index = FaissIndex.load(folder / vectors_file(number))
    gone = folder / gone_file(number)
    return _Segment(index, index.ids, load_ids(gone)) if gone.exists() else _Segment(index, index.ids)


def _among(ids: Ids, ordered: Ids) -> NDArray[np.bool_]:
    """Which of ``ids`` are among others that are in order."""
    if not len(ordered):
        return np.zeros(len(ids), np.bool_)
    places = np.minimum(np.searchsorted(ordered, ids), len(ordered) - 1)
    found: NDArray[np.bool_] = ordered[places] == ids
    return found
