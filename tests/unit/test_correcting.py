"""Words put right: which, where, and what stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.correcting import changed_places, correct, corrections_key, may_apply, rules_key
from kb.model import Chapter, Episode, Segment, Transcript
from kb.settings import Corrections, Rules
from kb.transcripts.webvtt import render_webvtt


def _talk(*texts: str, speakers: tuple[str, ...] = ()) -> Transcript:
    segments = tuple(Segment(float(at), at + 1.0, text, *speakers[:1]) for at, text in enumerate(texts))
    return Transcript(Episode(id="a", title="Lynskey", speakers=speakers), segments, (Chapter(0.0, "Lynskey"),))


def _put_right(text: str, *rules: tuple[str, str]) -> str:
    return correct(_talk(text), rules).transcript.segments[0].text


@pytest.mark.parametrize(
    ("text", "rules", "becomes"),
    [
        ("Here is Lynskey.", [("Lynskey", "Tolinski")], "Here is Tolinski."),
        ("Lynskey's tapes, Lynskey!", [("lynskey", "Tolinski")], "Tolinski's tapes, Tolinski!"),
        ("LYNSKEY", [("lynskey", "Tolinski")], "Tolinski"),
        ("the Lynskeys and Unlynskey", [("lynskey", "Tolinski")], "the Lynskeys and Unlynskey"),
        ("an apple from Apple", [("Apple", "Apfel")], "an apple from Apfel"),
        ("Wacks is wacks", [("wacks", "wax")], "Wax is wax"),
        ("Cuber  netties", [("cuber netties", "kubernetes")], "Kubernetes"),
        ("Ed wins, Ed Rowen too", [("Ed", "Edda"), ("Ed Rowen", "Edda Rowan")], "Edda wins, Edda Rowan too"),
        ("a b c", [("a", "b"), ("b", "c"), ("c", "a")], "b c a"),
        ("Tolinski met Brad Tolinski", [("Tolinski", "Brad Tolinski")], "Brad Tolinski met Brad Tolinski"),
        ("C+ and C++", [("C+", "C++")], "C++ and C++"),
        ("日本ごの本", [("日本ご", "日本語")], "日本語の本"),
        ("cafe\u0301 and cafe", [("cafe", "bar")], "cafe\u0301 and bar"),
        ("नमस्ते नमस", [("नमस", "x")], "नमस्ते x"),
        ("a.c abc", [("a.c", "x")], "x abc"),
        ("\\1 here", [("here", r"\1\g<0>")], r"\1 \1\g<0>"),
        ("ſt and St", [("st", "x")], "x and X"),
        ("", [("a", "b")], ""),
    ],
)
def test_what_becomes_of_a_text(text: str, rules: list[tuple[str, str]], becomes: str) -> None:
    assert _put_right(text, *rules) == becomes


def test_who_speaks_is_put_right_and_what_somebody_wrote_is_not() -> None:
    found = correct(_talk("Hello Lynskey.", speakers=("Lynskey", "Tolinski")), (("Lynskey", "Tolinski"),))
    assert found.transcript.segments[0].speaker == "Tolinski"
    assert found.transcript.episode.speakers == ("Tolinski",)
    assert found.transcript.episode.title == "Lynskey"
    assert found.transcript.chapters == (Chapter(0.0, "Lynskey"),)
    assert len(found.places) == 3


def test_nothing_to_put_right_is_the_same_transcript() -> None:
    talk = _talk("Hello.")
    assert correct(talk, (("a", "b"),)).transcript is talk
    assert correct(talk, ()).transcript is talk


def test_places_that_differ_are_counted_once() -> None:
    talk = _talk("a b a", "b")
    one, other = correct(talk, (("a", "x"),)).places, correct(talk, (("a", "y"), ("b", "z"))).places
    assert changed_places(one, one) == 0
    assert changed_places((), one) == changed_places(one, ()) == 2
    assert changed_places(one, other) == 4


_WORDS = st.sampled_from(["a", "A", "b", "ab", "a b", "b a", "B", "aB", "b a b", "C"])
_RULES = st.dictionaries(_WORDS, _WORDS, max_size=5).map(
    lambda table: tuple((heard, meant) for heard, meant in table.items() if heard != meant)
)
_TEXT = st.lists(st.sampled_from(["a", "A", "b", "B", "ab", "aB", "C", " ", " ", "  ", ", ", "'"]), max_size=12).map(
    "".join
)


@given(_TEXT, _RULES)
def test_the_rules_that_were_used_alone_give_the_same(text: str, rules: Rules) -> None:
    found = correct(_talk(text), rules)
    again = correct(_talk(text), found.used)
    assert again.transcript == found.transcript
    assert again.places == found.places
    assert bool(found.places) == (found.transcript != _talk(text))


@given(_TEXT, _RULES)
def test_where_nothing_may_apply_nothing_does(text: str, rules: Rules) -> None:
    talk = _talk(text)
    if not may_apply(rules, render_webvtt(talk)):
        assert correct(talk, rules).transcript is talk


@given(_TEXT, st.tuples(_WORDS, _WORDS).filter(lambda rule: rule[0] != rule[1]))
def test_one_rule_applied_twice_is_applied_once(text: str, rule: tuple[str, str]) -> None:
    once = correct(_talk(text), (rule,)).transcript
    assert correct(once, (rule,)).transcript == once or rule[0].casefold() in rule[1].casefold()


def test_keys_tell_corrections_apart() -> None:
    assert rules_key(()) == corrections_key(Corrections()) == ""
    assert len({rules_key((("a", "b"),)), rules_key((("a", "c"),)), rules_key((("a", "b"), ("c", "d"))), ""}) == 4
    assert corrections_key(Corrections((("a", "b"),))) != corrections_key(Corrections((), (("a", (("b", "c"),)),)))


def test_many_rules_for_a_long_talk_take_no_time() -> None:
    talk = _talk(*["some words of a talk that goes on and on for hours without an end"] * 2000)
    rules = tuple((f"word{n} and more", "x") for n in range(200))
    began = time.perf_counter()
    assert correct(talk, rules).places == frozenset()
    assert time.perf_counter() - began < 2.0
