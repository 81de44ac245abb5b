"""What merging holds for, whatever the three texts are."""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.writing.merge import blocks_of, merge_note
from ingest.writing.merge_front import cut_front

LINES = st.sampled_from(
    [
        "", "", "", "a", "b", "c d e f", "c d e g", "# H", "## H", "## I", "- a", "- b", "  - c", "1. x", "> q", "> r",
        "```", "~~~", "| x |", "---", "title: a", "title: b", "aliases: [x]", "aliases: [y]", "key:", "  deep", "\t",
        "<<<<<<<", "[[x]]", "\u2028", "\r", "...",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.builds("".join, st.lists(st.tuples(LINES, st.sampled_from(["\n", "\n\n", "\r\n"])).map("".join), max_size=14)),
    st.text(max_size=40),
)
WORDS = [f"{word} {word}" for word in ("one", "two", "three", "four", "five", "six")]
PARAGRAPHS = st.lists(st.sampled_from(WORDS), max_size=8)
MANY = settings(max_examples=int(os.environ.get("HARK_EXAMPLES", "150")), deadline=None)


@MANY
@given(TEXTS, TEXTS)
def test_where_the_person_changed_nothing_it_is_the_new_text(base: str, new: str) -> None:
    assert merge_note(base, new, base).text == new


@MANY
@given(TEXTS, TEXTS)
def test_where_nothing_is_new_it_is_the_persons_text(base: str, mine: str) -> None:
    assert merge_note(base, base, mine).text == mine


@MANY
@given(TEXTS, TEXTS, TEXTS)
def test_no_line_that_the_person_wrote_is_lost(base: str, new: str, mine: str) -> None:
    for both in (False, True):
        merged = merge_note(base, new, mine, both=both)
        written = Counter(lines(mine)) - Counter(lines(base))
        # generated: and lists may be written anew; each key's own line is looked at in the tests of the head
        lost = {line for line in written if line not in lines(merged.text) and not line.startswith("aliases:")}
        assert not lost


@MANY
@given(TEXTS, TEXTS, TEXTS)
def test_there_is_never_a_mark_of_a_conflict(base: str, new: str, mine: str) -> None:
    marks = ("<<<<<<<", "=======", ">>>>>>>")
    text = merge_note(base, new, mine).text
    for mark in marks:
        assert text.count(mark) <= base.count(mark) + new.count(mark) + mine.count(mark)


def text_of(blocks: list[str]) -> str:
    return "\n\n".join(blocks) + "\n"


@MANY
@given(PARAGRAPHS, PARAGRAPHS, PARAGRAPHS)
def test_every_block_of_the_person_is_a_block_of_the_result(base: list[str], new: list[str], mine: list[str]) -> None:
    merged = merge_note(text_of(base), text_of(new), text_of(mine))
    written = Counter(mine) - Counter(base)
    assert not {block for block in written if block not in blocks_of(merged.text)}


@MANY
@given(PARAGRAPHS, PARAGRAPHS, PARAGRAPHS)
def test_what_neither_has_is_not_there(base: list[str], new: list[str], mine: list[str]) -> None:
    result = blocks_of(merge_note(text_of(base), text_of(new), text_of(mine)).text)
    assert set(result) <= set(new) | set(mine)


@MANY
@given(PARAGRAPHS, PARAGRAPHS, PARAGRAPHS)
def test_the_proposal_taken_leaves_nothing_to_propose(base: list[str], new: list[str], mine: list[str]) -> None:
    merged = merge_note(text_of(base), text_of(new), text_of(mine))
    assert not merge_note(text_of(new), text_of(new), merged.proposed).conflicts
    assert bool(merged.conflicts) == (merged.text != merged.proposed)


def lines(text: str) -> list[str]:
    """The lines with words on them, without their ends and without the mark at the beginning."""
    head, body = cut_front(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    return [line.strip("\r") for line in (head + body).split("\n") if line.strip() and line not in ("---", "...")]


UNIQUE = st.lists(st.sampled_from(WORDS), unique=True)


@MANY
@given(UNIQUE, UNIQUE, st.lists(st.integers(0, 6), max_size=3))
def test_what_is_only_added_never_meets_with_a_conflict(base: list[str], new: list[str], places: list[int]) -> None:
    mine = list(base)
    for number, place in enumerate(places):
        mine.insert(min(place, len(mine)), f"my thought {number}")
    merged = merge_note(text_of(base), text_of(new), text_of(mine))
    assert not merged.conflicts
    result = blocks_of(merged.text)
    assert [block for block in result if block not in mine or block in base] == new
    assert len(result) == len(new) + len(places)
    assert merge_note(text_of(base), text_of(new), merged.text).text == merged.text
