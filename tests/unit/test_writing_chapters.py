"""A publisher's chapters as sections."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.writing.chapters import LONGEST, chapter_starts
from ingest.writing.digest import Digest
from ingest.writing.extractive import OPENING, digest_episode
from ingest.writing.render import render_note
from ingest.writing.terms import Lexicon, episode_terms
from kb.model import Chapter, Chunk, Episode, Sentence
from kb.notes.notefile import parse_note

SAID = (
    "The baker feeds the sourdough starter twice a day with fresh flour.",
    "Wild yeast works slowly, and the slow work gives the bread its taste.",
    "A honey bee visits about a thousand flowers before the stomach is full.",
    "The waggle dance tells the other bees how far away the flowers are.",
    "A balance wheel swings five times a second in an ordinary watch.",
    "The escapement lets one tooth of the wheel pass with every beat.",
    "Rye flour takes up more water than wheat flour and makes a heavier dough.",
    "Railways gave every town the same time, and the town clocks had to obey.",
)


def chunks(count: int = 8) -> list[Chunk]:
    """Half a minute each, a sentence every ten seconds."""
    made = []
    for at in range(count):
        said = tuple(
            Sentence(at * 30.0 + 10 * n, at * 30.0 + 10 * n + 9, SAID[(3 * at + n) % len(SAID)]) for n in range(3)
        )
        made.append(Chunk(" ".join(s.text for s in said), at * 30.0, at * 30.0 + 29, said))
    return made


def digest(chapters: list[Chapter], count: int = 8) -> Digest:
    made = chunks(count)
    terms = episode_terms(made)
    lexicon = Lexicon()
    lexicon.add(terms)
    vectors = np.full((count, 4), 0.5, np.float32)
    return digest_episode(
        Episode(id="x", title="X", show="S"),
        "0" * 64,
        made,
        vectors,
        own=terms,
        lexicon=lexicon,
        recurring=frozenset(),
        candidates=[],
        chapters=chapters,
    )


def test_a_chapter_begins_with_the_nearest_chunk() -> None:
    found = chapter_starts([Chapter(0.0, "A"), Chapter(50.0, "B"), Chapter(130.0, "C")], chunks())
    assert {at: chapter.title for at, chapter in found.items()} == {0: "A", 2: "B", 4: "C"}


def test_of_two_chapters_in_one_chunk_the_last_counts() -> None:
    found = chapter_starts([Chapter(0.0, "Jingle"), Chapter(8.0, "Bread"), Chapter(90.0, "Bees")], chunks())
    assert [chapter.title for chapter in found.values()] == ["Bread", "Bees"]


def test_less_than_two_chapters_part_nothing() -> None:
    for few in (
        [],
        [Chapter(0.0, "All of it")],
        [Chapter(0.0, "A"), Chapter(90.0, " ")],
        [Chapter(0.0, "A"), Chapter(9000.0, "After the end")],
        [Chapter(0.0, "A"), Chapter(float("nan"), "At no time")],
        [Chapter(0.0, "A"), Chapter(-5.0, "Before")],
    ):
        assert chapter_starts(few, chunks()) == {}
        assert digest(few) == digest([])
    assert chapter_starts([Chapter(0.0, "A"), Chapter(9.0, "B")], []) == {}


def test_sections_are_the_chapters_and_each_quotes_what_was_said_in_it() -> None:
    found = digest([Chapter(45.0, "Bread & water"), Chapter(125.0, "Bees")]).sections
    assert [part.heading for part in found] == [OPENING, "Bread & water", "Bees"]
    assert [part.start_s for part in found] == [0.0, 45.0, 125.0]
    for part, (first, end) in zip(found, pairwise([0.0, 45.0, 125.0, 999.0]), strict=True):
        assert part.quotes
        assert all(first <= quote.start_s + 4.5 < end for quote in part.quotes)


def test_chapters_may_come_in_any_order() -> None:
    chapters = [Chapter(125.0, "Bees"), Chapter(0.0, "Bread")]
    assert digest(chapters) == digest(chapters[::-1])


TITLES = st.one_of(
    st.text(max_size=40), st.sampled_from(["# A #", "[[x | y]]", "<b>", "1. One", "a\nb", "C#", "$x$", "^a"])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(Chapter, st.floats(-10, 300) | st.just(float("nan")), TITLES), max_size=8))
def test_any_chapters_give_a_well_formed_note_with_their_titles(chapters: list[Chapter]) -> None:
    found = digest(chapters)
    note = parse_note("s/x.md", render_note(found, "s").encode("utf-8", "replace"))
    assert [finding.rule for finding in note.findings] == []
    assert all(len(part.heading) <= LONGEST for part in found.sections)
    assert {part.heading for part in found.sections} <= {block.heading for block in note.blocks} | {""}
