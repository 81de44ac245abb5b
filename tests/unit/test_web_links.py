"""Addresses of views, and what is made of the parameters that come back."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.web.links import (
    LONGEST_PARAMETER,
    SearchForm,
    address,
    episode_address,
    read_search,
    read_seconds,
    read_text,
    seconds_text,
)
from interfaces.web.markup import clock, highlighted, length
from interfaces.web.recordings import MEDIA_TYPES
from kb.library import MEDIA
from kb.retrieval.query import parse_query


def parameters_of(href: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(href).query))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("754", 754.0), ("754.25", 754.25), ("12:34", 754.0), ("1:02:03", 3723.0), ("0", 0.0)],
)
def test_seconds_are_read(text: str, seconds: float) -> None:
    assert read_seconds({"t": text}) == seconds


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e99", "99:99:99", "x", "9" * 3000])
def test_what_is_no_second_is_none(text: str) -> None:
    assert read_seconds({"t": text}) is None


@given(st.floats(0, 200_000))
def test_a_second_survives_its_address_to_the_millisecond(t: float) -> None:
    read = read_seconds(parameters_of(episode_address("x", t)))
    assert read is not None
    assert abs(read - t) <= 0.0005


@given(st.text(), st.text())
def test_an_address_gives_back_what_was_put_in(episode_id: str, path: str) -> None:
    href = address("note", id=episode_id, path=path)
    assert href.startswith("note")
    got = dict(parse_qsl(urlsplit(href).query, keep_blank_values=True))
    assert got == {name: value for name, value in {"id": episode_id, "path": path}.items() if value}


@given(st.text(max_size=3 * LONGEST_PARAMETER))
def test_a_parameter_is_one_bounded_line(text: str) -> None:
    read = read_text({"q": text}, "q")
    assert len(read) <= LONGEST_PARAMETER
    assert read.isprintable()


@given(
    st.builds(
        SearchForm,
        q=st.text("abc def", min_size=1).map(str.strip).filter(bool),
        show=st.sampled_from(["", "harbour-talk"]),
        speaker=st.sampled_from(["", "Mara Voss"]),
        after=st.none() | st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)),
        before=st.none() | st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)),
        kind=st.sampled_from(["", "quote", "note"]),
        mode=st.sampled_from(["hybrid", "semantic", "lexical"]),
        n=st.integers(1, 100),
    )
)
def test_a_search_survives_its_address_and_is_understood(form: SearchForm) -> None:
    assert read_search(parameters_of(form.address())) == form
    query = parse_query(form.text())
    assert query.shows == ((form.show,) if form.show else ())
    assert query.speakers == ((form.speaker,) if form.speaker else ())
    assert (query.after, query.before, query.kind or "") == (form.after, form.before, form.kind)


@given(st.text(), st.lists(st.text(min_size=1), max_size=4))
def test_highlighting_adds_nothing_but_marks(text: str, words: list[str]) -> None:
    from html import unescape

    bare = highlighted(text, words).replace("<mark>", "").replace("</mark>", "")
    assert "<" not in bare
    assert unescape(bare) == unescape(highlighted(text, ()))


def test_whole_words_are_marked_in_any_case() -> None:
    assert highlighted("Tide & tides, TIDE", ["tide"]) == "<mark>Tide</mark> &amp; tides, <mark>TIDE</mark>"


def test_times_and_lengths_are_short() -> None:
    assert [clock(t) for t in (0, 65, 754.9, 3723, -1)] == ["0:00", "1:05", "12:34", "1:02:03", "0:00"]
    assert [length(t) for t in (None, 20, 280, 3720)] == ["", "1 min", "5 min", "1 h 02 min"]
    assert [seconds_text(t) for t in (None, 0.0, 12.0, 12.3456)] == ["", "0", "12", "12.346"]


def test_every_recording_that_the_library_knows_has_a_type() -> None:
    assert set(MEDIA_TYPES) == MEDIA
