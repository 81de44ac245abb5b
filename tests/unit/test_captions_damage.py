"""Captions that are too large, too deep or meant to hurt: one clear error, soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import srt

from ingest.hearing.captions import cues, parse_captions, read_captions
from ingest.hearing.captions.cues import MAX_BYTES
from kb.errors import CaptionError
from kb.model import Finding


def _error(data: bytes) -> str:
    with pytest.raises(CaptionError) as raised:
        parse_captions(data, name="talk.vtt")
    return str(raised.value)


def test_too_many_bytes(tmp_path: Path) -> None:
    large = tmp_path / "large.vtt"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(CaptionError, match="larger than 50 MB"):
        read_captions(large)
    assert "larger than 50 MB" in _error(bytes(MAX_BYTES + 1))


def test_too_many_cues(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cues.MAX_CUES == 200_000
    monkeypatch.setattr(cues, "MAX_CUES", 1_000)
    cue = b"00:01.000 --> 00:02.000\nx y\n\n"
    assert "more than 1,000 cues" in _error(b"WEBVTT\n\n" + cue * 1_001)
    assert len(parse_captions(b"WEBVTT\n\n" + cue * 1_000, name="talk.vtt").segments) == 1_000


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"segments":' * 100_000, b'{"segments": [' + b"[" * 100_000])
def test_deep_json(deep: bytes) -> None:
    assert "nested too deeply" in _error(deep)


def test_a_number_of_ten_thousand_digits() -> None:
    assert "number that cannot be read" in _error(b'{"segments": [{"start": ' + b"1" * 10_000 + b"}]}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaptionError, match=r"gone\.vtt: cannot be read"):
        read_captions(tmp_path / "gone.vtt")


def test_a_folder_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(CaptionError, match="cannot be read"):
        read_captions(tmp_path)


@pytest.mark.parametrize(
    "hostile",
    [
        b"<time>0:01</time>a b" + b"<div>" * 200_000,
        b"<time>0:01</time>" + b"<" * 1_000_000,
        b"<time>0:01</time>" + b"<!--" * 250_000,
        b"<time>0:01</time>" + b"<p a='" * 200_000,
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><time>0:01</time><p>" + b"&b;" * 300_000,
        b"[00:01] a b c\n" + b"**" * 500_000,
        b"[00:01] a b c\n" + b"[0:1" * 250_000,
        b"[00:01] a b c\n" + b"Ann " * 250_000,
        b"[00:01] a b c\n" + b"Ann\n" * 100_000,
        b"---\n" + b"[" * 19_000 + b"\n---\n[00:01] a b c\n[00:02] a b c\n",
        b"---\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\n[00:01] a b c\n[00:02] a b c\n",
        b"1\n00:00:01,000 --> 00:00:02,000\n" + b"{\\" * 500_000,
        b"1\n00:00:01,000 --> 00:00:02,000\n" + b">" * 1_000_000,
        b"1\n00:00:01,000 --> 00:00:02,000\n" + (b" " * 99 + b"\n") * 10_000,
    ],
    ids=range(14),
)
def test_time_grows_with_the_length_alone(hostile: bytes) -> None:
    began = time.perf_counter()
    try:
        parse_captions(hostile, name="x")
    except CaptionError as error:
        assert "no words" in str(error)  # noqa: PT017  # either is well
    assert time.perf_counter() - began < 5


def test_one_finding_a_kind_with_its_count_and_first_line() -> None:
    late = "".join(f"00:{at:02}.000 --> 00:{at - 1:02}.000\nwords that were said\n\n" for at in range(10, 20))
    captions = parse_captions(f"WEBVTT\n\n{late}".encode(), name="x")
    message = "cues end before they start; they end where they start (10)"
    assert captions.findings == (Finding("ends-before-start", message, 3),)


def test_what_another_program_composes_is_read() -> None:
    subtitles = "1\n00:00:01,000 --> 00:00:02,500\nWind it\nback.\n\n2\n00:00:02,500 --> 00:00:03,000\nNow.\n"
    composed = srt.compose(srt.parse(subtitles))
    captions = parse_captions(composed.encode(), name="x")
    assert [(s.start_s, s.end_s, s.text) for s in captions.segments] == [
        (1.0, 2.5, "Wind it back."),
        (2.5, 3.0, "Now."),
    ]
