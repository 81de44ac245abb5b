import numpy as np
import pytest

from benchmarks.baselines import Span, fuse, sums_of_halves
from benchmarks.retrieval import Query, ranks_of
from benchmarks.statistics import at_rank, estimate

QUERY = Query("tide", "a", 100.0, 160.0, "question")


@pytest.mark.parametrize(
    ("span", "answers"),
    [
        (Span("a", 100, 160), True),
        (Span("a", 70, 130), True),  # half of it lies inside
        (Span("a", 69, 129), False),
        (Span("a", 40, 400), False),  # holds the whole span, and too much beside
        (Span("b", 100, 160), False),
        (Span("a", 120, 120), True),
        (Span("a", 90, 90), False),
    ],
)
def test_a_hit_lies_at_least_half_in_the_span(span: Span, answers: bool) -> None:
    assert QUERY.is_answered_by(span) is answers


def test_ranks_count_from_one_and_unanswered_is_zero() -> None:
    wrong, right = Span("b", 0, 9), Span("a", 110, 120)
    found = {"x": [wrong, right], "y": [wrong], "z": [wrong] * 10 + [right]}
    queries = [Query(text, "a", 100, 160, "q") for text in found]
    assert ranks_of(queries, lambda text: found[text]).tolist() == [2, 0, 0]


def test_measures() -> None:
    ranks = np.array([1, 2, 0, 10])
    assert at_rank(ranks, "hit@1").tolist() == [1, 0, 0, 0]
    assert at_rank(ranks, "hit@10").tolist() == [1, 1, 0, 1]
    assert at_rank(ranks, "mrr@10").tolist() == [1, 0.5, 0, 0.1]


def test_an_interval_holds_its_mean_and_is_the_same_each_time() -> None:
    values = np.random.default_rng(1).random(200)
    found = estimate(values)
    assert found.value == pytest.approx(values.mean())
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 200**0.5, rel=0.15)
    assert found == estimate(values)


def test_fusion_prefers_what_both_have() -> None:
    assert fuse([[1, 2, 3], [3, 4, 1]])[:2] == [1, 3]
    assert fuse([[5], [6]]) == [5, 6]


def test_a_passage_is_the_sum_of_its_halves() -> None:
    episode = np.eye(3, dtype=np.float32)
    vectors = sums_of_halves([episode, episode[:1], episode[:0]])
    half = np.sqrt(np.float32(0.5))
    assert vectors == pytest.approx(np.array([[half, half, 0], [0, half, half], [1, 0, 0]]))
