"""Where the topic turns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ingest.writing.sections import SHORTEST_S, boundaries
from kb.model import Chunk


def chunks(count: int, seconds: float = 30.0) -> list[Chunk]:
    return [Chunk("x", at * seconds, (at + 1) * seconds) for at in range(count)]


def topics(*lengths: int, noise: float = 0.3, seed: int = 7) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Unit vectors about one direction a topic, each with a little noise."""
    rng = np.random.default_rng(seed)
    centres = np.eye(len(lengths), 64)
    rows = np.concatenate([np.repeat(centres[at][None], n, 0) for at, n in enumerate(lengths)])
    rows = rows + noise * rng.standard_normal(rows.shape) / 8
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_it_finds_where_the_topic_turns() -> None:
    assert boundaries(topics(15, 20, 12), chunks(47)) == (15, 35)


def test_one_topic_is_not_parted_into_short_ones() -> None:
    found = boundaries(topics(28), chunks(28))
    edges = [0.0, *(at * 30.0 for at in found), 28 * 30.0]
    assert all(b - a >= SHORTEST_S for a, b in pairwise(edges))


def test_what_is_too_long_is_parted() -> None:
    found = boundaries(topics(100, noise=0.01), chunks(100))
    edges = [0, *found, 100]
    assert max(b - a for a, b in pairwise(edges)) <= 30


def test_too_little_is_one_section() -> None:
    assert boundaries(np.zeros((0, 8), np.float32), []) == ()
    assert boundaries(topics(1), chunks(1)) == ()
    assert boundaries(topics(2, 1), chunks(3)) == ()


def test_equal_chunks_have_no_boundary() -> None:
    assert boundaries(np.ones((10, 4), np.float32) / 2, chunks(10)) == ()


def test_a_vector_too_few_is_no_section() -> None:
    assert boundaries(topics(5, 5)[:-1], chunks(10)) == ()
