"""What every vector index must do. An index's own test file names its class and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from kb.errors import LibraryDamagedError

DIMENSION = 24


def unit_vectors(count: int, seed: int = 7) -> np.ndarray:
    """Vectors near the unit sphere that half precision holds exactly, since some indexes keep no more."""
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def exact_answer(
    stored: dict[int, np.ndarray], query: np.ndarray, k: int, allowed: np.ndarray | None = None
) -> list[tuple[int, float]]:
    """Inner products in double precision, best first, ties by id."""
    chosen = stored.keys() if allowed is None else stored.keys() & set(allowed.tolist())
    scores = [(key, float(stored[key].astype(np.float64) @ query.astype(np.float64))) for key in chosen]
    return sorted(scores, key=lambda pair: (-pair[1], pair[0]))[:k]


class VectorIndexContract:
    index_class: ClassVar[Any]

    def file_of(self, saved: Path) -> Path:
        """The file that holds the vectors of an index that was saved."""
        return saved

    @pytest.fixture
    def index(self) -> Any:
        return self.index_class(DIMENSION)

    @pytest.fixture
    def filled(self, index: Any) -> tuple[Any, dict[int, np.ndarray]]:
        ids = np.array([5, 900_000, 17, 3, 88, 41, 250, 6, 1_000, 12, *range(2_000, 2_290)], np.int64)
        vectors = unit_vectors(len(ids))
        index.add(ids, vectors)
        return index, dict(zip(ids.tolist(), vectors, strict=True))

    def assert_same(self, found: tuple[np.ndarray, np.ndarray], expected: list[tuple[int, float]]) -> None:
        ids, scores = found
        assert ids.dtype == np.int64
        assert scores.dtype == np.float32
        assert ids.tolist() == [key for key, _ in expected]
        np.testing.assert_allclose(scores, [score for _, score in expected], atol=2e-6)

    @pytest.mark.parametrize("k", [1, 7, 299, 300, 5_000])
    def test_ids_and_scores_are_those_of_an_exact_search(self, filled: Any, k: int) -> None:
        index, stored = filled
        for query in unit_vectors(5, seed=k):
            self.assert_same(index.search(query, k), exact_answer(stored, query, k))

    def test_only_allowed_ids_are_found(self, filled: Any) -> None:
        index, stored = filled
        allowed = np.array([3, 900_000, 2_005, 2_100, 77_777], np.int64)  # the last is not there
        for query in unit_vectors(5, seed=1):
            self.assert_same(index.search(query, 3, allowed), exact_answer(stored, query, 3, allowed))
            self.assert_same(index.search(query, 50, allowed), exact_answer(stored, query, 50, allowed))

    def test_nothing_allowed_finds_nothing(self, filled: Any) -> None:
        ids, scores = filled[0].search(unit_vectors(1)[0], 5, np.empty(0, np.int64))
        assert (ids.tolist(), scores.tolist()) == ([], [])

    @pytest.mark.parametrize("k", [0, 1, 10])
    def test_an_empty_index_finds_nothing(self, index: Any, k: int) -> None:
        ids, scores = index.search(unit_vectors(1)[0], k)
        assert (len(index), ids.tolist(), scores.tolist()) == (0, [], [])

    def test_no_results_wanted_gives_none(self, filled: Any) -> None:
        assert filled[0].search(unit_vectors(1)[0], 0)[0].tolist() == []

    def test_adding_an_id_again_replaces_its_vector(self, filled: Any) -> None:
        index, stored = filled
        new = unit_vectors(2, seed=99)
        index.add(np.array([17, 123_456], np.int64), new)
        stored |= {17: new[0], 123_456: new[1]}
        assert len(index) == 301
        self.assert_same(index.search(new[0], 301), exact_answer(stored, new[0], 301))

    def test_of_an_id_given_twice_at_once_the_last_vector_counts(self, index: Any) -> None:
        vectors = unit_vectors(3)
        index.add(np.array([4, 9, 4], np.int64), vectors)
        self.assert_same(index.search(vectors[2], 3), exact_answer({4: vectors[2], 9: vectors[1]}, vectors[2], 3))

    def test_removed_ids_are_not_found_and_unknown_ones_are_passed_over(self, filled: Any) -> None:
        index, stored = filled
        gone = np.array([3, 2_007, 555, 900_000], np.int64)
        index.remove(gone)
        kept = {key: vector for key, vector in stored.items() if key not in gone}
        query = unit_vectors(1, seed=3)[0]
        assert len(index) == 297
        self.assert_same(index.search(query, 400), exact_answer(kept, query, 400))

    def test_everything_can_be_removed_and_added_again(self, filled: Any) -> None:
        index, stored = filled
        index.remove(np.array(list(stored), np.int64))
        assert len(index) == 0
        index.add(np.array([8], np.int64), unit_vectors(1))
        assert index.search(unit_vectors(1)[0], 3)[0].tolist() == [8]

    @pytest.mark.parametrize("k", [1, 5, 60, 120])
    def test_equal_scores_are_ordered_by_id_also_at_the_end(self, index: Any, k: int) -> None:
        same, other = unit_vectors(2)
        ids = np.random.default_rng(2).permutation(np.arange(1, 101)).astype(np.int64)
        index.add(ids, np.repeat(same[None], 100, axis=0))
        index.add(np.array([500], np.int64), other[None])
        found, _ = index.search(same, k)
        assert found.tolist() == [*range(1, 101), 500][:k]

    def test_scores_of_chosen_ids_come_in_their_order(self, filled: Any) -> None:
        index, stored = filled
        query = unit_vectors(1, seed=4)[0]
        chosen = np.array([88, 3, 2_288], np.int64)
        expected = [float(stored[int(key)] @ query) for key in chosen]
        np.testing.assert_allclose(index.scores(query, chosen), expected, atol=2e-6)
        assert index.scores(query, np.empty(0, np.int64)).shape == (0,)
        with pytest.raises(KeyError):
            index.scores(query, np.array([88, 4], np.int64))

    def test_vectors_of_another_dimension_are_refused(self, index: Any) -> None:
        with pytest.raises(ValueError, match="dimensions"):
            index.add(np.array([1], np.int64), np.ones((1, DIMENSION + 1), np.float32))

    def test_saved_and_loaded_it_answers_the_same(self, filled: Any, tmp_path: Path) -> None:
        index, stored = filled
        index.save(tmp_path / "index")
        loaded = self.index_class.load(tmp_path / "index")
        query = unit_vectors(1, seed=5)[0]
        assert len(loaded) == 300
        self.assert_same(loaded.search(query, 20), exact_answer(stored, query, 20))
        loaded.remove(np.array([5], np.int64))
        loaded.add(np.array([6], np.int64), query[None])
        assert len(loaded) == 299
        assert loaded.search(query, 1)[0].tolist() == [6]

    def test_an_empty_one_can_be_saved(self, index: Any, tmp_path: Path) -> None:
        index.save(tmp_path / "index")
        assert len(self.index_class.load(tmp_path / "index")) == 0

    @pytest.mark.parametrize("keep", [0, 1, 40, 2_000])
    def test_a_truncated_file_is_damage(self, filled: Any, tmp_path: Path, keep: int) -> None:
        filled[0].save(tmp_path / "index")
        file = self.file_of(tmp_path / "index")
        file.write_bytes(file.read_bytes()[:keep])
        with pytest.raises(LibraryDamagedError):
            self.index_class.load(tmp_path / "index")

    def test_a_file_that_is_not_there_is_damage(self, tmp_path: Path) -> None:
        with pytest.raises(LibraryDamagedError):
            self.index_class.load(tmp_path / "nothing")
