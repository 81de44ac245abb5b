from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kb.errors import DiskFullError, LibraryDamagedError
from kb.index.catalogue import Filters
from kb.index.lexical import LexicalIndex
from kb.index.passage_table import PassageText
from kb.index.stems import _STEMS, Stems, words_of
from kb.index.tantivy_index import _understood

SAID = (
    "The wax cylinder remembers every groove.",
    "A mill turns as long as the water runs.",
    "She was running along the river, and the river ran with her.",
    "To be or not to be, that is what he asked.",
    "The café by the mill sells C++ books and a book on C#.",
    "Nothing of note was said here.",
)


def passage(key: int, text: str, *, file: int = 1, title: str = "", speakers: tuple[str, ...] = ()) -> PassageText:
    return PassageText(key, file, title, "", text, text, speakers)


@pytest.fixture
def index(tmp_path: Path) -> LexicalIndex:
    opened = LexicalIndex(tmp_path / "lexical")
    opened.update(passage(at, text, title="Of mills" if at == 6 else "") for at, text in enumerate(SAID, start=1))
    return opened


def found(index: LexicalIndex, *words: str, **options: object) -> list[int]:
    return list(index.passages(words, **options))  # type: ignore[arg-type]


def test_any_word_finds_and_more_and_rarer_words_rank_higher(index: LexicalIndex) -> None:
    assert found(index, "water", "mill") == [2, 5]
    assert found(index, "cylinder") == [1]
    assert found(index, "zeppelin") == []
    assert found(index) == []


def test_words_are_stemmed_and_lose_case_and_accents(index: LexicalIndex) -> None:
    assert sorted(found(index, "RUN")) == sorted(found(index, "RUNS")) == [2, 3]
    assert found(index, "cylinders") == [1]
    assert found(index, "cafe") == found(index, "CAFÉ") == [5]


def test_stop_words_do_not_count_beside_others_but_do_alone(index: LexicalIndex) -> None:
    assert found(index, "the", "and", "cylinder") == [1]
    assert found(index, "to", "be")[0] == 4


def test_a_phrase_is_required_as_it_stands(index: LexicalIndex) -> None:
    assert found(index, phrases=["water runs"]) == [2]
    assert found(index, phrases=["runs water"]) == found(index, phrases=["water run"]) == []
    assert found(index, phrases=["to be or not to be"]) == [4]
    assert found(index, "mill", phrases=["CAFE by the"]) == [5]
    assert found(index, "mill", phrases=["the river", "river ran"]) == [3]
    assert found(index, phrases=["mill"]) == [2, 5]
    assert found(index, "mill", phrases=["", "?!"]) == [2, 5]


def test_a_phrase_adds_nothing_to_a_score(index: LexicalIndex) -> None:
    assert index.passages(["mill"], ["the mill"])[5] == pytest.approx(index.passages(["mill"])[5])


@pytest.mark.parametrize(
    "hostile",
    [
        '"',
        "c++",
        "(",
        "AND OR NOT",
        "text:mill",
        "*",
        "mill*",
        "\x00",
        "a" * 10_000,
        "ми́р",
        "🦀",
        "-mill",
        "[1 TO 2]",
        "\\",
    ],
)
def test_no_character_has_a_meaning_of_its_own(index: LexicalIndex, hostile: str) -> None:
    index.passages([hostile], [hostile])
    index.blocks([hostile])
    index.rarity([hostile])
    assert found(index, hostile, "cylinder")[0] in (1, 2, 5)


def test_other_fields_count_by_their_boosts(index: LexicalIndex) -> None:
    assert found(index, "mill") == [2, 5]
    boosted = index.passages(["mill"], boosts={"text": 1.0, "title": 0.5})
    assert set(boosted) == {2, 5, 6}
    assert boosted[2] == pytest.approx(index.passages(["mill"])[2])
    index.update([passage(9, "Nothing.", file=3, speakers=("Ada Moor", "Bo Lind"))])
    assert found(index, "moor", boosts={"speaker": 1.0}) == [9]


def test_equal_scores_are_ordered_by_id_also_at_the_end(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path)
    for key in (7, 3, 9, 1, 5):  # one segment each, so that tantivy's own order is that of writing
        index.update([passage(key, "the same words", file=key)])
    assert found(index, "words") == [1, 3, 5, 7, 9]
    assert found(index, "words", k=2) == [1, 3]


def test_removed_passages_are_not_found_and_added_ones_are(index: LexicalIndex) -> None:
    index.update([passage(20, "A windmill and a mill.", file=2)], [2, 999])
    assert sorted(found(index, "mill")) == [5, 20]
    assert len(index) == 6
    assert found(index, "water") == []


@pytest.mark.parametrize("count", [3, 400])
def test_filters_find_what_is_allowed_among_few_and_among_many(tmp_path: Path, count: int) -> None:
    allowed = np.arange(2, 2 + count, dtype=np.int64)
    index = LexicalIndex(tmp_path, allowed_ids=lambda filters: allowed)
    index.update(passage(key, f"words and more {'words ' * (key % 7)}", file=key) for key in range(1, 501))
    everything = index.passages(["words"], k=500)
    expected = {key: score for key, score in everything.items() if 2 <= key < 2 + count}
    some = index.passages(["words"], filters=Filters(kind="quote"), k=50)
    assert list(some) == list(expected)[:50]
    assert list(some.values()) == pytest.approx(list(expected.values())[:50])
    blocks = index.blocks(["words"], Filters(kind="quote"), k=1_000)
    assert sorted(first for first, _, _ in blocks) == allowed.tolist()


def test_a_filter_that_lets_nothing_through_finds_nothing(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path, allowed_ids=lambda filters: np.empty(0, np.int64))
    index.update([passage(1, "words")])
    assert index.passages(["words"], filters=Filters(kind="note")) == {}
    assert index.blocks(["words"], Filters(kind="note")) == ()


@pytest.mark.parametrize(
    ("passages", "expected"),
    [(1, [(1, 1)]), (4, [(1, 4)]), (5, [(1, 5)]), (8, [(1, 8)]), (9, [(1, 8), (5, 5)]), (13, [(1, 8), (5, 8), (9, 5)])],
)
def test_blocks_cover_a_file_and_overlap_by_half(
    tmp_path: Path, passages: int, expected: list[tuple[int, int]]
) -> None:
    index = LexicalIndex(tmp_path)
    index.update(passage(key, "words", file=1) for key in range(1, passages + 1))
    assert sorted((first, count) for first, count, _ in index.blocks(["words"])) == expected


def test_blocks_never_cross_files_and_go_with_them(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path)
    index.update(passage(key, "words", file=key // 4) for key in range(4, 12))
    assert {(first, count) for first, count, _ in index.blocks(["words"])} == {(4, 4), (8, 4)}
    index.update([], range(4, 8))
    assert [(first, count) for first, count, _ in index.blocks(["words"])] == [(8, 4)]


def test_rarity_is_of_stems_and_rare_words_have_more(index: LexicalIndex) -> None:
    rarity = index.rarity(["the", "Running", "mill", "zeppelins", "mills"])
    assert list(rarity) == ["run", "mill", "zeppelin"]
    assert rarity["zeppelin"] > rarity["mill"] > 0
    assert rarity["mill"] == pytest.approx(np.log(1 + (6 - 2 + 0.5) / (2 + 0.5)))


def test_words_and_stems_of_a_text(index: LexicalIndex) -> None:
    assert index.stems("The mills of the RUNNING water") == ["mill", "run", "water"]
    assert (index.stem("cylinders"), index.stem("the"), index.stem("")) == ("cylind", "", "")
    assert index.distinct_words("A café, a Café — and a_b") == ("A", "café", "a", "Café", "and", "b")
    assert words_of("") == ()


@pytest.mark.parametrize("language", [*_STEMS, "nb", "en-GB", "pt_BR", "ja", "", "xx-nonsense"])
def test_every_language_can_be_indexed(tmp_path: Path, language: str) -> None:
    index = LexicalIndex(tmp_path, language)
    index.update([passage(1, "zwölf Boxkämpfer jagen"), passage(2, "молоко и вода"), passage(3, "μήλο")])
    assert found(index, "Boxkampfer") == [1]
    assert found(index, "молоко") == [2]


def test_stems_are_those_of_the_language() -> None:
    assert Stems("de").stems("die Mühlen") == ["muhl"]
    assert Stems("en").stems("die Mühlen") == ["die", "muhlen"]


def test_what_was_written_is_there_when_opened_again(index: LexicalIndex, tmp_path: Path) -> None:
    assert found(LexicalIndex(tmp_path / "lexical"), "water", "mill") == [2, 5]


def test_equal_input_gives_equal_answers(tmp_path: Path) -> None:
    texts = [" ".join(SAID[at % 6 : at % 6 + 2]) for at in range(60)]
    answers = []
    for name in ("one", "two"):
        index = LexicalIndex(tmp_path / name)
        index.update(passage(key, text, file=key // 10) for key, text in enumerate(texts, start=1))
        answers.append((index.passages(["mill", "river"]), index.blocks(["mill", "river"])))
    assert answers[0] == answers[1]


def test_a_damaged_folder_is_said_to_be_one(index: LexicalIndex, tmp_path: Path) -> None:
    (tmp_path / "lexical" / "passages" / "meta.json").write_text("{")
    with pytest.raises(LibraryDamagedError, match="rebuild"):
        LexicalIndex(tmp_path / "lexical")


def test_a_full_disk_is_told_from_damage(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError), _understood(tmp_path):
        raise ValueError("An IO error occurred: 'No space left on device (os error 28)'")
