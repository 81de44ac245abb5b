import datetime as dt
from dataclasses import replace

import pytest

from kb.model import Episode, Passage, PassageKind, Sentence
from kb.retrieval.ranking import MEANING, SATURATION, Block, Scored, best_sentence, collapse, rank


def passage(key: int, start: float, end: float, kind: PassageKind = "quote", episode: str = "e") -> Passage:
    talk = Episode(id=episode, title="T", date=dt.date(2024, 1, 1))
    return Passage(id=key, kind=kind, file="f", episode=talk, note="", heading="", text="x", start_s=start, end_s=end)


def test_the_score_is_words_in_their_block_and_meaning() -> None:
    ranked = rank({1: 4.4, 2: 2.2}, [Block(1, 1, 1.1), Block(2, 8, 4.4)], {2: 0.5, 9: 1.0}, rarity=2.0)
    scores = {s.id: s.score for s in ranked}
    assert scores[1] == pytest.approx((4.4 + 1.1) / (SATURATION * 2))
    assert scores[2] == pytest.approx((2.2 + 4.4) / (SATURATION * 2) + MEANING * 0.5)
    assert scores[9] == pytest.approx(4.4 / (SATURATION * 2) + MEANING)
    assert [s.id for s in ranked] == sorted(scores, key=lambda i: -scores[i])


def test_the_better_of_two_blocks_counts_once() -> None:
    ranked = rank({5: 1.0}, [Block(1, 8, 3.0), Block(5, 8, 7.0)], {}, rarity=1.0)
    assert ranked[0].score == pytest.approx(8.0 / SATURATION)


def test_ties_are_broken_by_id() -> None:
    assert [s.id for s in rank({7: 1.0, 3: 1.0, 5: 1.0}, [], {}, rarity=1.0)] == [3, 5, 7]


def test_overlapping_passages_collapse_to_the_best() -> None:
    ranked = [(Scored(n, 1.0 - n / 10), passage(n, 30.0 * n, 30.0 * n + 60)) for n in (1, 2, 3, 6)]
    assert [p.id for _, p in collapse(ranked, 10)] == [1, 3, 6]
    assert [p.id for _, p in collapse(ranked, 2)] == [1, 3]


def test_other_episodes_never_collapse() -> None:
    ranked = [(Scored(1, 1.0), passage(1, 0, 60)), (Scored(2, 0.9), passage(2, 0, 60, episode="f"))]
    assert len(collapse(ranked, 10)) == 2


def test_a_note_gives_way_to_the_quotation_it_holds() -> None:
    said = Sentence(40, 44, "The harbour goes out to meet the tide.")
    quoting = replace(passage(1, 10, 50, "note"), text=f"Ada: {said.text} 00:00:40")
    telling = replace(passage(3, 10, 50, "note"), text="How the harbour and the tide meet.")
    quote = replace(passage(2, 30, 90), sentences=(said,))
    kept = collapse([(Scored(1, 1.0), quoting), (Scored(2, 0.9), quote), (Scored(3, 0.8), telling)], 10)
    assert [(s.score, p.id) for s, p in kept] == [(1.0, 2), (0.8, 3)]
    assert [p.id for _, p in collapse([(Scored(2, 0.9), quote), (Scored(1, 0.8), quoting)], 10)] == [2]


def test_the_moment_is_the_sentence_that_covers_most() -> None:
    said = [
        Sentence(0, 1, "It is the tide and the moon."),
        Sentence(1, 2, "The tide comes in at noon."),
        Sentence(2, 3, "The tide and the moon are here again."),
    ]
    stems = [frozenset({"tide", "moon"}), frozenset({"tide"}), frozenset({"tide", "moon", "again"})]
    assert best_sentence(said, stems, {"tide": 1.0, "moon": 3.0}) == 0
    assert best_sentence(said, stems, {"again": 5.0}) == 2
    assert best_sentence(said, stems, {"nothing": 1.0}) == 0
    assert best_sentence(said, stems, {}) == 0


def test_a_statement_is_a_better_answer_than_a_question_or_a_scrap() -> None:
    said = [
        Sentence(0, 1, "Why do the tides turn twice?"),
        Sentence(1, 2, "Tides turn."),
        Sentence(2, 3, "Tides turn with the moon."),
    ]
    both = frozenset({"tide", "turn"})
    assert best_sentence(said, [both] * 3, {"tide": 1.0, "turn": 1.0}) == 2


def test_the_passage_begins_where_no_sentence_tells_enough() -> None:
    said = [Sentence(0, 1, "Tides."), Sentence(1, 2, "Why?")]
    rarity = {"tide": 3.0, "moon": 3.0, "gravity": 3.0, "why": 1.0}
    assert best_sentence(said, [frozenset(), frozenset({"why"})], rarity) == 0
