"""Vector indexes: an exact one in numpy, and FAISS. Both implement ``kb.ports.VectorIndex``.

FAISS searches flat, all vectors, kept in half precision: a cosine is then off by a few ten-thousandths at the most,
half as many bytes are read, and at 40,000 passages a search takes two to three milliseconds.
Equal scores are ordered by id; the order of ties alone can move what a ranking measures.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zipfile import BadZipFile

import numpy as np

from kb.errors import LibraryDamagedError
from kb.index.schema import REMEDY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kb.ports import Ids, Vectors

SPARE = 16  # asked for beyond k, so that ties at the end can be put in order


class ExactIndex:
    """A matrix. For small libraries, and the answer that other indexes are compared with."""

    def __init__(self, dimension: int) -> None:
        self._ids: Ids = np.empty(0, np.int64)
        self._vectors: Vectors = np.empty((0, dimension), np.float32)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        ids, vectors = checked(ids, vectors, self._vectors.shape[1])
        self.remove(ids)
        self._ids = np.concatenate([self._ids, ids])
        self._vectors = np.concatenate([self._vectors, vectors])

    def remove(self, ids: Ids) -> None:
        kept = ~np.isin(self._ids, ids)
        self._ids, self._vectors = self._ids[kept], self._vectors[kept]

    def search(self, query: NDArray[np.float32], k: int, allowed: Ids | None = None) -> tuple[Ids, NDArray[np.float32]]:
        ids, vectors = self._ids, self._vectors
        if allowed is not None:
            chosen = np.isin(ids, allowed)
            ids, vectors = ids[chosen], vectors[chosen]
        return best(ids, vectors @ np.asarray(query, np.float32), k)

    def scores(self, query: NDArray[np.float32], ids: Ids) -> NDArray[np.float32]:
        """The inner products of these ids, in their order. Raises KeyError for one that is not there."""
        place = {int(key): row for row, key in enumerate(self._ids)}
        scores: NDArray[np.float32] = self._vectors[[place[int(key)] for key in ids]] @ np.asarray(query, np.float32)
        return scores

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, ids=self._ids, vectors=self._vectors)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises LibraryDamagedError."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                index = cls(stored["vectors"].shape[1])
                index.add(stored["ids"], stored["vectors"])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise LibraryDamagedError("the vector index cannot be read", where=str(path), remedy=REMEDY) from error
        return index


class FaissIndex:
    """FAISS's flat index of inner products under explicit ids, its vectors in half precision."""

    def __init__(self, dimension: int) -> None:
        faiss = _faiss()
        halves = faiss.ScalarQuantizer.QT_fp16
        self._index: Any = faiss.IndexIDMap2(faiss.IndexScalarQuantizer(dimension, halves, faiss.METRIC_INNER_PRODUCT))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        ids, vectors = checked(ids, vectors, self._index.d)
        self.remove(ids)
        self.append(ids, vectors)

    def append(self, ids: Ids, vectors: Vectors) -> None:
        """Adds what the caller knows not to be there, without looking for it."""
        if len(ids):
            self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.ascontiguousarray(ids, np.int64))

    def remove(self, ids: Ids) -> None:
        if len(ids) and len(self):
            self._index.remove_ids(_faiss().IDSelectorBatch(np.ascontiguousarray(ids, np.int64)))

    def search(self, query: NDArray[np.float32], k: int, allowed: Ids | None = None) -> tuple[Ids, NDArray[np.float32]]:
        return self.search_among(query, k, None if allowed is None else Among(allowed))

    def search_among(self, query: NDArray[np.float32], k: int, among: Among | None) -> tuple[Ids, NDArray[np.float32]]:
        """As ``search``; what is made of the ids that are allowed serves for several indexes."""
        total = len(self) if among is None else min(len(self), among.count)
        wanted = min(k, total)
        asked = min(wanted + SPARE, total)
        while True:
            ids, scores = self._nearest(query, asked, among)
            # What ties with the last one wanted may reach beyond what was asked for.
            tied_to_the_end = 0 < wanted < len(scores) == asked and scores[-1] == scores[wanted - 1]
            if not tied_to_the_end or asked == total:
                return best(ids, scores, wanted)
            asked = min(asked * 2, total)

    def _nearest(self, query: NDArray[np.float32], k: int, among: Among | None) -> tuple[Ids, NDArray[np.float32]]:
        if k <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        row = np.ascontiguousarray(query, np.float32).reshape(1, -1)
        scores, ids = self._index.search(row, k, params=among and among.parameters)
        found = ids[0] >= 0  # FAISS fills up with -1
        return ids[0][found], scores[0][found]

    def scores(self, query: NDArray[np.float32], ids: Ids) -> NDArray[np.float32]:
        """The inner products of these ids, in their order. Raises KeyError for one that is not there."""
        scores: NDArray[np.float32] = self.vectors(ids) @ np.asarray(query, np.float32)
        return scores

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors of these ids, in their order. Raises KeyError for one that is not there."""
        if not len(ids):
            return np.empty((0, self._index.d), np.float32)
        try:
            vectors: Vectors = self._index.reconstruct_batch(np.ascontiguousarray(ids, np.int64))
        except RuntimeError as error:
            raise KeyError("no vector has one of these ids") from error
        return vectors

    @property
    def ids(self) -> Ids:
        """All ids, in the order in which they were added."""
        ids: Ids = _faiss().vector_to_array(self._index.id_map)
        return ids

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def save(self, path: Path) -> None:
        _faiss().write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises LibraryDamagedError. Bits that were flipped often go unnoticed: verify the file's hash before."""
        faiss = _faiss()
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise LibraryDamagedError("the vector index cannot be read", where=str(path), remedy=REMEDY) from error
        if not isinstance(index, faiss.IndexIDMap2):
            raise LibraryDamagedError("the vector index is of another kind", where=str(path), remedy=REMEDY)
        loaded = cls.__new__(cls)
        loaded._index = index
        return loaded


class Among:
    """Ids that a search is restricted to, as FAISS takes them; ``count`` of them."""

    def __init__(self, allowed: Ids) -> None:
        faiss = _faiss()
        self.count = len(allowed)
        self._selector: Any = faiss.IDSelectorBitmap(_bitmap(allowed))  # not every FAISS keeps it with its parameters
        self.parameters: Any = faiss.SearchParameters(sel=self._selector)


def _faiss() -> Any:  # its stubs do not know what its Python side adds
    """FAISS with one thread: a query reads each vector once, and threads that wait for each other only cost time.

    On two busy cores 44,000 vectors took 6 ms with one thread and 38 ms with two.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    return faiss


def checked(ids: Ids, vectors: Vectors, dimension: int) -> tuple[Ids, Vectors]:
    """Contiguous arrays that belong together; of an id that is given twice the last vector counts."""
    ids, vectors = np.ascontiguousarray(ids, np.int64), np.ascontiguousarray(vectors, np.float32)
    if vectors.shape != (len(ids), dimension) and len(ids):
        raise ValueError(f"{len(ids)} ids of {dimension} dimensions do not go with vectors of shape {vectors.shape}")
    _, last = np.unique(ids[::-1], return_index=True)
    if len(last) < len(ids):
        kept = np.sort(len(ids) - 1 - last)
        ids, vectors = ids[kept], vectors[kept]
    return ids, vectors.reshape(len(ids), dimension)


def best(ids: Ids, scores: NDArray[np.float32], k: int) -> tuple[Ids, NDArray[np.float32]]:
    """The ``k`` best, ties by id."""
    order = np.lexsort((ids, -scores))[: max(k, 0)]
    return ids[order], scores[order]


def _bitmap(allowed: Ids) -> NDArray[np.uint8]:
    """One bit per id, as FAISS's IDSelectorBitmap reads it: the lowest id in the lowest bit."""
    flags = np.zeros((int(allowed.max()) // 8 + 1) * 8 if len(allowed) else 8, np.bool_)
    flags[allowed] = True
    return np.packbits(flags, bitorder="little")
