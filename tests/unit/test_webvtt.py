"""WebVTT as people and their editors leave it."""

from __future__ import annotations

import datetime as dt
import time

import pytest
import webvtt

from kb.errors import CaptionError
from kb.model import Chapter, Episode, Segment, Transcript
from kb.transcripts.webvtt import normalise_text, parse_timing, parse_webvtt, render_webvtt

_EPISODE = Episode(
    id="yt:abcdefghijk",
    title="Q&A: wax --> tape",
    show="Leader Tape",
    date=dt.date(2024, 6, 5),
    duration_s=280.301,
    url="https://example.org/watch?v=1&lt=2",
    language="en",
    speakers=("Ann Vane", "Bo"),
)
_TALK = Transcript(
    _EPISODE, (Segment(0.5, 2.0, "Tape & wax: 2 < 3 --> yes.", "Ann Vane"), Segment(2.0, 3600.001, "No.", "Bo"))
)


def test_the_canonical_form() -> None:
    assert render_webvtt(_TALK).split("\n") == [
        "WEBVTT",
        "",
        "NOTE hark",
        "id: yt:abcdefghijk",
        "title: Q&amp;A: wax --&gt; tape",
        "show: Leader Tape",
        "date: 2024-06-05",
        "duration: 00:04:40.301",
        "url: https://example.org/watch?v=1&amp;lt=2",
        "language: en",
        "speaker: Ann Vane",
        "speaker: Bo",
        "",
        "00:00:00.500 --> 00:00:02.000",
        "<v Ann Vane>Tape &amp; wax: 2 &lt; 3 --&gt; yes.",
        "",
        "00:00:02.000 --> 01:00:00.001",
        "<v Bo>No.",
        "",
    ]


def test_an_address_stays_readable_where_it_can() -> None:
    episode = Episode(id="a", title="Q&A", url="https://example.org/?a=1&b=2")
    text = render_webvtt(Transcript(episode, ()))
    assert "title: Q&A\n" in text
    assert "url: https://example.org/?a=1&b=2\n" in text
    assert parse_webvtt(text).episode == episode


def test_another_program_reads_what_we_write() -> None:
    captions = webvtt.from_string(render_webvtt(_TALK))
    assert [(cue.start, cue.end, cue.voice) for cue in captions] == [
        ("00:00:00.500", "00:00:02.000", "Ann Vane"),
        ("00:00:02.000", "01:00:00.001", "Bo"),
    ]


def test_what_another_program_writes_of_it_is_read() -> None:
    captions = webvtt.from_string(render_webvtt(_TALK))
    assert parse_webvtt(captions.content).segments == _TALK.segments


def test_an_edited_file() -> None:
    edited = (
        "\ufeffWEBVTT - edited\r\nKind: captions\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\nREGION\r\nid:a\r\n\r\n"
        "1\r\n00:01.500 --> 00:03.000 line:0 region:a\r\n<v Ann>Wind\r\nit <i>back</i>.\r\n\r\n"
        "NOTE to do\r\n00:04.000 --> 00:05.000\r\n\r\n"
        "second\r\n00:00:03,000 --> 00:00:04,000\r\nAll of it\r\n"
    )
    transcript = parse_webvtt(edited)
    assert transcript.segments == (Segment(1.5, 3.0, "Wind it back.", "Ann"), Segment(3.0, 4.0, "All of it"))
    assert transcript.episode == Episode(id="", title="")


@pytest.mark.parametrize(
    ("line", "field"), [("date: soon", "date"), ("duration: long", "duration_s"), ("no colon", "language")]
)
def test_a_changed_note_keeps_what_can_be_read(line: str, field: str) -> None:
    episode = parse_webvtt(f"WEBVTT\n\nNOTE hark\nid: a\n{line}\ntitle: b\nTITLE: c\n\n").episode
    assert (episode.id, episode.title) == ("a", "b")
    assert not getattr(episode, field)


def test_cues_are_sorted_and_none_ends_before_it_starts() -> None:
    text = "WEBVTT\n\n00:05.000 --> 00:04.000\nlate\n\n00:01.000 --> 00:02.000\nearly\n"
    assert parse_webvtt(text).segments == (Segment(1.0, 2.0, "early"), Segment(5.0, 5.0, "late"))


def test_no_cues_is_a_transcript_and_no_webvtt_is_none() -> None:
    assert parse_webvtt("WEBVTT").segments == ()
    with pytest.raises(CaptionError, match=r"talk\.vtt: is not WebVTT"):
        parse_webvtt("# A note", where="talk.vtt")


@pytest.mark.parametrize("line", ["00:60.000 --> 00:61.000", "00:99:00.000 --> 01:00:00.000", "a --> b", "00:01.000"])
def test_no_times(line: str) -> None:
    assert parse_timing(line) is None


def test_characters_that_are_no_text() -> None:
    assert normalise_text(" a\x00b\u202e\tc\r\n\u2028d\ud800 e\u0301 ") == "ab c d é"


@pytest.mark.parametrize("hostile", ["<v ", "<v" + " " * 9, "<c.", "&", "&#" + "1" * 5000 + ";", "<1:", "1:", "-->"])
def test_time_grows_with_the_length_alone(hostile: str) -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n" + hostile * (1_000_000 // len(hostile))
    began = time.perf_counter()
    parse_webvtt(text)
    assert time.perf_counter() - began < 5


def test_chapters_that_a_person_added_or_broke() -> None:
    lines = ["chapter: 02:03.5 Wax &amp; tape", "chapter: 00:00:01.000", "chapter: soon Later", "Chapter: 1:00 "]
    text = "\n".join(["WEBVTT", "", "NOTE hark", "id: a", *lines, ""])
    assert parse_webvtt(text).chapters == (Chapter(1.0, ""), Chapter(60.0, ""), Chapter(123.5, "Wax & tape"))
    assert parse_webvtt(text.replace("NOTE hark", "NOTE mine")).chapters == ()


def test_chapters_are_lines_of_the_note() -> None:
    hostile = Chapter(3661.5, "a --> b ]] | <script>")
    text = render_webvtt(Transcript(Episode(id="a", title="b"), (), (Chapter(0.0, "Q&A"), hostile)))
    assert "chapter: 00:00:00.000 Q&A\nchapter: 01:01:01.500 a --&gt; b ]] | &lt;script&gt;\n" in text
