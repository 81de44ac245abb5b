"""The canonical form loses nothing, whatever the text."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from kb.model import Chapter, Episode, Segment, Transcript
from kb.transcripts.webvtt import normalise_text, parse_webvtt, render_webvtt, scan_webvtt

_FRAGMENTS = st.sampled_from(
    ["&", "<", ">", "-->", "\n", "\r\n", "\r", "\n\n", "NOTE", "NOTE hark", "WEBVTT", "\u2028", "\u2029", "\x85", " ",
     "\t", "&amp;", "&lt;", "&#10;", "&notit;", "<v Ann>", "</v>", "<c>", "<00:01.000>", "00:01.000 --> 00:02.000",
     "STYLE", "id: 7", "1", "\ufeff", "\x0b", "\x1c", "e\u0301", "word", "Name: word", "\u202e"]
)  # fmt: skip
_TEXT = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30),
    st.lists(_FRAGMENTS, max_size=8).map("".join),
)
_MS = st.integers(0, 400_000_000)


@st.composite
def _segments(draw: st.DrawFn) -> tuple[Segment, ...]:
    starts = sorted(draw(st.lists(_MS, max_size=6)))
    return tuple(
        Segment(start / 1000, (start + draw(st.integers(0, 10_000_000))) / 1000, draw(_TEXT), draw(_TEXT))
        for start in starts
    )


_EPISODES = st.builds(
    Episode,
    id=_TEXT,
    title=_TEXT,
    show=_TEXT,
    date=st.none() | st.dates(),
    duration_s=st.none() | _MS.map(lambda ms: ms / 1000),
    url=_TEXT,
    video_id=_TEXT,
    media=_TEXT,
    language=_TEXT,
    speakers=st.lists(_TEXT, max_size=3).map(tuple),
)
_CHAPTERS = st.lists(st.builds(Chapter, _MS.map(lambda ms: ms / 1000), _TEXT), max_size=4).map(
    lambda chapters: tuple(sorted(chapters, key=lambda chapter: chapter.start_s))
)
_TRANSCRIPTS = st.builds(Transcript, _EPISODES, _segments(), _CHAPTERS)


@given(_TRANSCRIPTS)
def test_what_was_written_is_read(transcript: Transcript) -> None:
    assert parse_webvtt(render_webvtt(transcript)) == transcript


@given(_TRANSCRIPTS)
def test_line_endings_and_a_byte_order_mark_change_nothing(transcript: Transcript) -> None:
    text = "\ufeff" + render_webvtt(transcript).replace("\n", "\r\n")
    assert parse_webvtt(text) == transcript


@given(_TRANSCRIPTS)
def test_no_line_of_text_can_be_taken_for_a_cue(transcript: Transcript) -> None:
    lines = render_webvtt(transcript).split("\n")
    assert sum("-->" in line for line in lines) == len(transcript.segments)


@given(_TEXT)
def test_normalised_text_is_one_line_and_stays_as_it_is(text: str) -> None:
    plain = normalise_text(text)
    assert normalise_text(plain) == plain
    assert plain == plain.strip()
    assert len(plain.splitlines()) <= 1


@given(st.lists(_FRAGMENTS | st.sampled_from(["00:03.000 --> 00:01.000\n", "\nNOTE\n", "-->"]), max_size=20))
def test_any_text_can_be_taken_apart(fragments: list[str]) -> None:
    raw = scan_webvtt("".join(fragments))
    assert all(cue.line >= 1 for cue in raw.cues)


def test_a_description_is_not_kept() -> None:
    episode = Episode(id="a", title="b", date=dt.date(2024, 3, 5), description="long")
    assert parse_webvtt(render_webvtt(Transcript(episode, ()))).episode.description == ""
