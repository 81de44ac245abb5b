"""What strangers wrote does nothing to the terminal, and lines are laid out for people and for pipes."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
from collections.abc import Callable

import pytest
from rich.console import Console

from interfaces.cli import hits, output
from interfaces.cli import progress as shown
from interfaces.cli.progress import ShownProgress, duration
from interfaces.rendering import answer_document, search_document, to_json
from kb.model import Answer, Episode, EpisodeQuotes, Hit, Passage, Quote, SearchResult

TALK = Episode(
    id="lantern-07",
    title="Ropes, knots and \x1b]0;owned\x07 [red]markup[/red]",
    show="Nine Lanterns",
    date=dt.date(2024, 3, 5),
    url="https://talks.example/lantern-07",
)


def a_hit(**changes: object) -> Hit:
    passage = Passage(
        id=1,
        kind="quote",
        file="transcripts/nine-lanterns/ropes.vtt",
        episode=TALK,
        note="nine-lanterns/ropes.md",
        heading="",
        text="Start with the bowline. A bowline\x9b2J holds when the rope is wet.",
        start_s=180.0,
        end_s=241.5,
    )
    values: dict[str, object] = {
        "rank": 1,
        "score": 0.1234567891,
        "passage": passage,
        "moment_s": 190.25,
        "speaker": "Ada\u202eMoor",
        "sentence": "A bowline holds when the rope is wet.",
        "url": "https://talks.example/lantern-07#t=190",
        "matched": ("bowline", "rope"),
    }
    return Hit(**(values | changes))  # type: ignore[arg-type]  # one dictionary of values of several types


def a_result(*found: Hit) -> SearchResult:
    return SearchResult(query="bowline rope", hits=found, took_ms=12.34, mode="hybrid")


def printed(monkeypatch: pytest.MonkeyPatch, result: SearchResult, *, terminal: bool, width: int = 60) -> str:
    screen = io.StringIO()
    console = Console(
        file=screen, force_terminal=terminal, width=width, markup=False, emoji=False, highlight=False,
        color_system="standard" if terminal else None, legacy_windows=False,
    )  # fmt: skip
    monkeypatch.setattr(hits, "new_console", lambda: console)
    monkeypatch.setattr("sys.stdout", screen)
    hits.print_result(result)
    return screen.getvalue()


# --- safe text -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x9b2J", "\x07", "\x00", "\u202e", "\u2066", "\x7f", "\x08", "\ufeff"])
def test_controls_never_reach_the_terminal(hostile: str) -> None:
    assert not set(hostile) & set("\x1b\x9b\x07\x00\u202e\u2066\x7f\x08\ufeff") & set(output.one_line(f"a{hostile}b"))
    assert hostile not in output.many_lines(f"a{hostile}b")


def test_one_line_is_one_line() -> None:
    assert output.one_line("a\r\nb\tc\u2028d") == "a  b c\N{REPLACEMENT CHARACTER}d"
    assert output.many_lines("a\r\nb\tc\rd") == "a\nb\tc d"


def test_ordinary_text_is_untouched() -> None:
    text = "Zażółć gęślą jaźń, 日本語, 👩\u200d🚀 – “quoted” [red]x[/red]"
    assert output.one_line(text) == text


def test_json_escapes_what_a_terminal_obeys() -> None:
    text = to_json({"title": "a\x1b\x9b\u202e\ud800é😀"})
    assert text == '{"title": "a\\u001b\\u009b\\u202e\\ud800é😀"}'
    assert json.loads(text)["title"] == "a\x1b\x9b\u202e\ud800é😀"
    text.encode()


# --- hits for people ------------------------------------------------------------------------------------------------


def test_a_hit_in_a_pipe_is_whole_lines_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, a_result(a_hit(sentence="wet " * 60)), terminal=False).splitlines()
    assert lines[0].startswith(" 1  Nine Lanterns · 2024-03-05 · Ropes, knots and ")
    assert lines[1] == "    00:03:10  Ada\N{REPLACEMENT CHARACTER}Moor"
    assert lines[2] == f"    “{('wet ' * 60).strip()}”"
    assert lines[3] == "    https://talks.example/lantern-07#t=190"
    assert "\x1b" not in "".join(lines)
    assert "[red]markup[/red]" in lines[0]


def test_a_hit_on_a_terminal_is_folded_and_highlighted(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = printed(monkeypatch, a_result(a_hit(sentence="A bowline and a ropewalk, and rope. " * 5)), terminal=True)
    assert "\x1b[1;33mbowline\x1b[0m" in screen
    assert "\x1b[1;33mrope\x1b[0m." in screen
    assert "\x1b[1;33mrope\x1b[0mwalk" not in screen
    assert "]0;owned" in screen
    assert "\x1b]0;" not in screen
    assert "[red]markup" in " ".join(screen.split())
    from rich.text import Text

    assert max(len(line.rstrip()) for line in Text.from_ansi(screen).plain.splitlines()) <= 60


def test_a_link_is_never_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://talks.example/" + "x" * 200
    assert url in printed(monkeypatch, a_result(a_hit(url=url)), terminal=True)


def test_without_an_address_the_moment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "    lantern-07@00:03:10\n" in printed(monkeypatch, a_result(a_hit(url="")), terminal=False)


def test_nothing_found_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, a_result(), terminal=False) == "Nothing found for: bowline rope\n"


# --- documents --------------------------------------------------------------------------------------------------------


def test_the_search_document_has_the_agreed_keys_in_order() -> None:
    document = search_document(a_result(a_hit()))
    assert list(document) == ["query", "took_ms", "hits"]
    assert list(document["hits"][0]) == [
        *("rank", "score", "kind", "show", "episode_id", "episode_title", "date", "speaker"),
        *("start_s", "end_s", "moment_s", "timestamp", "text", "url", "note"),
    ]
    assert document["hits"][0]["score"] == 0.123457
    assert document["hits"][0]["date"] == "2024-03-05"
    assert (document["hits"][0]["moment_s"], document["hits"][0]["timestamp"]) == (190.25, "00:03:10")


def test_what_is_not_known_is_null_or_empty() -> None:
    document = search_document(a_result(a_hit(moment_s=None, speaker="", url="")))
    assert (document["hits"][0]["moment_s"], document["hits"][0]["timestamp"]) == (None, "")


def test_the_answer_document() -> None:
    quote = Quote("A bowline holds.", "Ada Moor", 190.25, "https://talks.example/lantern-07#t=190", 0.5)
    answer = Answer(question="Which knot?", supported=True, groups=(EpisodeQuotes(TALK, (quote,)),), took_ms=3.0)
    document = answer_document(answer)
    assert list(document) == ["question", "supported", "took_ms", "episodes", "nearest"]
    assert document["episodes"][0]["quotes"][0]["timestamp"] == "00:03:10"
    unanswered = Answer(question="Why?", supported=False, groups=(), took_ms=3.0, nearest=(a_hit(),))
    assert answer_document(unanswered)["nearest"][0]["rank"] == 1


# --- progress ---------------------------------------------------------------------------------------------------------


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_quick_stays_quiet() -> None:
    screen, clock = io.StringIO(), Clock()
    with ShownProgress(screen, clock) as progress:
        for done in range(20):
            clock.now += 0.1
            progress("reading", done, 20)
    assert screen.getvalue() == ""


def test_without_a_terminal_a_line_now_and_then_with_the_time_left() -> None:
    screen, clock = io.StringIO(), Clock()
    with ShownProgress(screen, clock) as progress:
        for done in range(101):
            progress("embedding \x1b[2J", done, 100)
            clock.now += 1
    lines = screen.getvalue().splitlines()
    assert lines[0] == "hark: embedding \N{REPLACEMENT CHARACTER}[2J, 2 of 100, 2 min left"
    assert len(lines) == 4


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_even_where_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "QUIET_S", 0.01)
    screen = Screen()
    with ShownProgress(screen) as progress:
        progress("reading [red]talks[/red]", 1, 3)
        wait_for(lambda: "1/3" in screen.getvalue())
        progress("embedding", 4, 9)
        wait_for(lambda: "4/9" in screen.getvalue())
    assert "[red]talks[/red]" in screen.getvalue()


def test_on_a_terminal_what_is_quick_stays_quiet() -> None:
    screen = Screen()
    with ShownProgress(screen) as progress:
        progress("reading", 1, 3)
    assert screen.getvalue() == ""


def wait_for(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("seconds", "text"), [(40, "40 s"), (180, "3 min"), (7500, "2 h 05 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
