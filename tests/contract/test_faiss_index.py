import numpy as np
from contract.vector_index import VectorIndexContract

from kb.index.vectors import FaissIndex


class TestFaissIndex(VectorIndexContract):
    index_class = FaissIndex


def test_half_precision_moves_a_cosine_by_less_than_a_thousandth() -> None:
    vectors = np.random.default_rng(3).standard_normal((2_000, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = FaissIndex(384)
    index.add(np.arange(len(vectors)), vectors)
    ids, scores = index.search(vectors[7], len(vectors))
    exact = vectors @ vectors[7]
    assert np.abs(scores - exact[ids]).max() < 1e-3
    assert np.abs(index.scores(vectors[7], ids) - exact[ids]).max() < 1e-3
    assert ids[0] == 7
