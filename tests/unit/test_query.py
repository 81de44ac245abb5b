import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.retrieval.query import LONGEST_QUERY, MOST_WORDS, parse_query


def test_words_phrases_and_filters_are_told_apart() -> None:
    query = parse_query('why "wax cylinder" show:leader speaker:"Ada Moor" after:2024-03 before:2025 kind:quote Why')
    assert query.text == "why wax cylinder Why"
    assert query.words == ("why", "wax", "cylinder")
    assert query.phrases == ("wax cylinder",)
    assert (query.shows, query.speakers, query.kind) == (("leader",), ("Ada Moor",), "quote")
    assert (query.after, query.before) == (dt.date(2024, 3, 1), dt.date(2025, 1, 1))
    assert query.remarks == ()


@pytest.mark.parametrize(
    ("typed", "words", "remark"),
    [
        ('wax "cylinder', ("wax", "cylinder"), "not closed"),
        ("kind:foo wax", ("kind", "foo", "wax"), "no filter"),
        ("after:2024-13-01", ("after", "2024", "13", "01"), "no filter"),
        ("before:", ("before",), None),
        ("show:", ("show",), None),
    ],
)
def test_what_is_malformed_is_searched_as_words(typed: str, words: tuple[str, ...], remark: str | None) -> None:
    query = parse_query(typed)
    assert query.words == words
    assert query.kind is None
    assert query.after is None
    assert not query.shows
    if remark:
        assert any(remark in line for line in query.remarks)


def test_other_words_with_a_colon_are_words() -> None:
    assert parse_query("re:mind https://a.example").words == ("re", "mind", "https", "a", "example")


@pytest.mark.parametrize("typed", ["", "   ", "?!", '""', "show:x", "\x00\x1b"])
def test_nothing_to_search_for(typed: str) -> None:
    assert parse_query(typed).is_empty


def test_a_long_query_is_cut_and_says_so() -> None:
    query = parse_query(" ".join(f"w{n}" for n in range(5000)))
    assert len(query.words) == MOST_WORDS
    assert len(query.raw) <= LONGEST_QUERY
    assert len(query.remarks) == 2


@given(st.text(max_size=200))
def test_no_query_raises(typed: str) -> None:
    query = parse_query(typed)
    assert all(word == word.lower() and word.isalnum() for word in query.words)
