from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract.vector_index import DIMENSION, VectorIndexContract, unit_vectors

from kb.errors import LibraryDamagedError
from kb.index.generations import VectorSegment
from kb.index.segments import GROWTH, SegmentedIndex, kept_segments
from kb.index.vectors import FaissIndex


class TestSegmentedIndex(VectorIndexContract):
    index_class = SegmentedIndex

    def file_of(self, saved: Path) -> Path:
        return saved / "000001.faiss"


class TestSegmentedIndexOfMany(TestSegmentedIndex):
    """What the contract adds at once comes in parts here, each a segment of its own."""

    class index_class(SegmentedIndex):  # noqa: N801  # the contract's name
        def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
            if len(ids) < 8 or vectors.shape != (len(ids), DIMENSION):
                super().add(ids, vectors)
                return
            for part in np.array_split(np.arange(len(ids)), 7):
                super().add(ids[part], vectors[part])


@pytest.mark.parametrize("seed", range(6))
def test_it_gives_bit_for_bit_what_one_index_gives(seed: int) -> None:
    draw = np.random.default_rng(seed)
    one, many = FaissIndex(DIMENSION), SegmentedIndex(DIMENSION)
    first = 1
    for size in (400, 90, 30, 7, 1):
        ids = np.arange(first, first + size, dtype=np.int64)
        vectors = unit_vectors(size, seed=seed * 100 + size)
        vectors[::5] = unit_vectors(1, seed=3)  # ties, across segments
        gone = draw.choice(np.arange(1, first + size), size // 3, replace=False).astype(np.int64)
        for index in (one, many):
            index.add(ids, vectors)
            index.remove(gone)
        first += size
    assert len(one) == len(many)
    allowed = draw.choice(np.arange(1, first), 150, replace=False).astype(np.int64)
    for query in (*unit_vectors(4, seed=seed), unit_vectors(1, seed=3)[0]):
        for k in (1, 3, 60, 1000):
            for among in (None, allowed):
                found, expected = many.search(query, k, among), one.search(query, k, among)
                assert found[0].tolist() == expected[0].tolist()
                assert found[1].tobytes() == expected[1].tobytes()
        ids = draw.permutation(one.ids)[:50]
        assert many.scores(query, ids).tobytes() == one.scores(query, ids).tobytes()


def test_what_is_gone_is_kept_beside_a_segment_and_read_again(tmp_path: Path) -> None:
    index = SegmentedIndex(DIMENSION)
    vectors = unit_vectors(9)
    index.add(np.arange(1, 6, dtype=np.int64), vectors[:5])
    index.add(np.arange(6, 10, dtype=np.int64), vectors[5:])
    index.remove(np.array([2, 5], np.int64))
    index.save(tmp_path / "index")
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == [
        "000001.faiss",
        "000001.gone.npy",
        "000002.faiss",
    ]
    loaded = SegmentedIndex.load(tmp_path / "index")
    assert sorted(loaded.search(vectors[1], 9)[0].tolist()) == [1, 3, 4, 6, 7, 8, 9]
    with pytest.raises(KeyError):
        loaded.scores(vectors[1], np.array([1, 2], np.int64))
    (tmp_path / "index" / "000001.gone.npy").write_bytes(b"\x93NUMPY rubbish")
    with pytest.raises(LibraryDamagedError):
        SegmentedIndex.load(tmp_path / "index")


def segments(*sizes: int | tuple[int, int]) -> list[VectorSegment]:
    pairs = [size if isinstance(size, tuple) else (size, 0) for size in sizes]
    return [VectorSegment(number, number * 1000, *pair) for number, pair in enumerate(pairs, start=1)]


@pytest.mark.parametrize(
    ("sizes", "added", "kept"),
    [
        ([], 10, 0),
        ([1000], 10, 1),
        ([1000, 10], 10, 1),
        ([1000, 100, 20], 3, 3),
        ([1000, 200, 20], 6, 2),
        ([1000, 100, 20], 6, 1),
        ([2000, 200, 40], 45, 1),
        ([1000, 200], 0, 2),
        ([(1000, 250)], 0, 1),
        ([(1000, 251)], 0, 0),
        ([1000, (40, 20), 4], 0, 1),
        ([(1000, 200), 190], 49, 0),
    ],
)
def test_a_segment_stays_while_it_is_much_larger_than_what_comes_after_it(
    sizes: list[int | tuple[int, int]], added: int, kept: int
) -> None:
    assert kept_segments(segments(*sizes), added) == kept


def test_segments_stay_few_and_each_vector_is_written_a_few_times() -> None:
    there, written, most = segments(), 0, 0
    for number in range(1, 3001):
        kept = kept_segments(there, 7)
        tail = 7 + sum(segment.vectors for segment in there[kept:])
        there = [*there[:kept], VectorSegment(number, number, tail, 0)]
        written, most = written + tail, max(most, len(there))
    total = sum(segment.vectors for segment in there)
    assert total == 21_000
    assert most <= np.log(3000) / np.log(GROWTH) + 2
    assert written / total < 20
