"""Captions from outside: anything gives segments in order or a CaptionError, and our own form comes back."""

from __future__ import annotations

import contextlib
import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.hearing.captions import Captions, parse_captions
from kb.errors import CaptionError
from kb.model import Episode, Segment, Transcript
from kb.transcripts.webvtt import normalise_text, render_webvtt

_PIECES = st.sampled_from(
    ["WEBVTT\n\n", "1\n", "00:00:01,000 --> 00:00:02,000\n", "00:02.000 --> 00:01.000\n", "\n", "Ann: yes\n", "no\n",
     "[00:01] ", "**Bo:** ", "\\[00:07\\] ", "Ann: 00:00:03\n", "<cite>Ann:</cite>", "<time>0:05</time>", "<p>", "</p>",
     "---\n", "title: x\n", "NOTE hark\n", "<v Ann>", "<00:00:01.500><c>", "&#x110000;", "&#" + "1" * 5000 + ";",
     "\x00"]
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["segments", "start", "end", "text", "body", "startTime", "speaker", "events", "segs", "utf8",
                         "tStartMs", "dDurationMs", "transcription", "offsets", "from", "language", "result"]),
        inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


def _read(data: bytes) -> Captions | None:
    with contextlib.suppress(CaptionError):
        return parse_captions(data, name="x")
    return None


def _is_in_order(captions: Captions) -> bool:
    segments = captions.segments
    return all(0 <= s.start_s <= s.end_s and s.text == normalise_text(s.text) != "" for s in segments) and all(
        before.start_s <= after.start_s for before, after in pairwise(segments)
    )


@given(st.lists(_PIECES, max_size=25).map("".join))
def test_any_text(text: str) -> None:
    captions = _read(text.encode())
    assert captions is None or _is_in_order(captions)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    captions = _read(data)
    assert captions is None or _is_in_order(captions)


@given(_VALUES)
def test_any_json(value: object) -> None:
    captions = _read(json.dumps(value).encode())
    assert captions is None or _is_in_order(captions)


@given(st.lists(st.tuples(st.text(max_size=20), st.sampled_from(["", "Ann", "Bo Vane"])), min_size=1, max_size=8))
def test_our_own_form_comes_back(said: list[tuple[str, str]]) -> None:
    segments = [Segment(at / 1, at + 0.5, normalise_text(text), who) for at, (text, who) in enumerate(said)]
    kept = tuple(segment for segment in segments if segment.text)
    episode = Episode(id="yt:abcdefghijk", title="Wax")
    captions = _read(render_webvtt(Transcript(episode, tuple(segments))).encode())
    assert (captions.segments if captions else ()) == kept
    assert captions is None or captions.episode == episode
