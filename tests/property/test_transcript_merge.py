"""A transcript that a person edited and that is written anew: nothing of the person's is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.merging import merge_transcript
from kb.model import Episode, Segment, Transcript
from kb.transcripts.webvtt import parse_webvtt, render_webvtt

_WORDS = st.lists(st.sampled_from(["wax", "tape", "Edda", "and", "hum", "A"]), min_size=1, max_size=5).map(" ".join)


def _text(lines: list[str]) -> str:
    segments = tuple(Segment(float(at), at + 1.0, line, "Edda") for at, line in enumerate(lines))
    return render_webvtt(Transcript(Episode(id="a", title="Wax"), segments))


_TALKS = st.lists(_WORDS, min_size=1, max_size=8)
_TEXTS = _TALKS.map(_text) | st.lists(
    st.sampled_from(["a", "b", "\n", "\n\n", "c d", " ", "WEBVTT", "00:01.000 --> 00:02.000"]), max_size=12
).map("".join)


@given(_TEXTS, _TEXTS)
def test_one_side_alone_is_taken_as_it_is(base: str, other: str) -> None:
    assert merge_transcript(base, other, base).text == other
    assert merge_transcript(base, base, other).text == other
    assert merge_transcript(base, other, other).text == other


@given(_TEXTS, _TEXTS, _TEXTS)
def test_what_a_person_wrote_is_there_and_no_marker_is(base: str, new: str, mine: str) -> None:
    found = merge_transcript(base, new, mine)
    assert set(mine.split()) - set(base.split()) <= set(found.text.split())
    assert set(found.text.split()) <= set(base.split()) | set(new.split()) | set(mine.split())


@given(_TALKS, st.data())
def test_changes_to_different_cues_are_both_there(lines: list[str], data: st.DataObject) -> None:
    here, there = data.draw(st.permutations(range(len(lines))))[:1], data.draw(st.integers(0, len(lines) - 1))
    new, mine = list(lines), list(lines)
    new[there] = "corrected"
    for at in here:
        if abs(at - there) > 1:
            mine[at] = "edited"
    both = [mine[at] if mine[at] != lines[at] else new[at] for at in range(len(lines))]
    found = merge_transcript(_text(lines), _text(new), _text(mine))
    assert found.conflicts == 0
    assert [segment.text for segment in parse_webvtt(found.text).segments] == both


def test_a_word_each_in_one_cue() -> None:
    base, new, mine = (
        _text([line]) for line in ("Here is Lynskey again", "Here is Tolinski again", "Hear: is Lynskey again")
    )
    assert "Hear: is Tolinski again" in merge_transcript(base, new, mine).text


def test_the_same_word_is_the_persons() -> None:
    base, new, mine = (_text([line, "And on."]) for line in ("Lynskey", "Tolinski", "Lipinski"))
    found = merge_transcript(base, new, mine)
    assert (found.text, found.conflicts) == (mine, 1)


def test_line_ends_comments_and_the_byte_order_mark_stay_as_they_are() -> None:
    base, new = _text(["one", "two", "three"]), _text(["one", "two", "3"])
    mine = "\ufeff" + base.replace("00:00:01.000 -->", "NOTE my own\n\n00:00:01.000 -->").replace("\n", "\r\n")
    found = merge_transcript(base, new, mine)
    assert found.conflicts == 0
    assert found.text == mine.replace("three", "3")


def test_a_talk_with_new_times_throughout_is_one_conflict_and_quick() -> None:
    lines = [f"line {n} of the talk" for n in range(3000)]
    base, mine = _text(lines), _text(["edited", *lines[1:]])
    new = base.replace(".000 ", ".500 ")
    found = merge_transcript(base, new, mine)
    assert (found.text, found.conflicts) == (mine, 1)


@given(_TALKS, _TALKS, _TALKS)
def test_of_two_texts_of_one_person_no_cue_is_lost(base: list[str], one: list[str], other: list[str]) -> None:
    found = merge_transcript(_text(base), _text(one), _text(other), both=True).text
    words = " ".join(segment.text for segment in parse_webvtt(found).segments).split()
    assert (set(" ".join(one + other).split()) - set(" ".join(base).split())) <= set(words)


def test_two_texts_of_one_person_both_stand_where_they_meet() -> None:
    base, one, other = (_text([line, "And on."]) for line in ("Lynskey", "Tolinski", "Lipinski"))
    found = parse_webvtt(merge_transcript(base, one, other, both=True).text)
    assert [segment.text for segment in found.segments] == ["Lipinski", "Tolinski", "And on."]


def test_line_ends_of_an_editor_are_no_conflict() -> None:
    base, new, mine = (_text(lines) for lines in (["one", "two", "three"], ["one", "two", "3"], ["1", "two", "three"]))
    dressed = ["\ufeff" + text.replace("\n", "\r\n") for text in (base, new, mine)]
    found = merge_transcript(*dressed)
    assert found.conflicts == 0
    assert found.text == "\ufeff" + _text(["1", "two", "3"]).replace("\n", "\r\n")
