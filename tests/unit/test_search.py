"""Search and answers over a small library of our own talks, with an embedder that needs no model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.library import Library, create_library
from kb.model import Episode, FrontMatter, Segment, Transcript
from kb.notes.notefile import compose_note
from kb.transcripts.webvtt import render_webvtt
from tests.fakes.embedder import HashEmbedder

HARBOUR = (
    ("Ada Moor", "Welcome to the harbour, where we talk about ropes and weather."),
    ("Teo Lind", "Why does a bowline hold when the rope is wet?"),
    ("Ada Moor", "A wet bowline holds because the loop grips its own end harder."),
    ("Teo Lind", "My grandfather tied his boat with a clove hitch and lost it twice."),
)
KITCHEN = (
    ("Ilo Brandt", "Sourdough wants a warm corner and a patient cook."),
    ("Ada Moor", "Feed the starter in the evening, and bake when it has doubled."),
    ("Ilo Brandt", "A wet dough gives the bread its large holes."),
)


def talk(key: str, show: str, date: str, said: tuple[tuple[str, str], ...], gap: float = 10.0) -> Transcript:
    episode = Episode(
        id=key, title=f"Talk {key}", show=show, date=dt.date.fromisoformat(date), url=f"https://example.org/{key}"
    )
    cues = tuple(Segment(n * gap, n * gap + gap - 1, text, who) for n, (who, text) in enumerate(said))
    return Transcript(episode, cues)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    root = tmp_path_factory.mktemp("library")
    made = create_library(root, "tests", embedder=HashEmbedder())
    for transcript in (
        talk("harbour", "Nine Lanterns", "2024-05-01", HARBOUR),
        talk("kitchen", "Long Table", "2025-02-01", KITCHEN),
    ):
        path = root / "transcripts" / "talks" / f"{transcript.episode.id}.vtt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(render_webvtt(transcript), encoding="utf-8")
    note = compose_note(FrontMatter(title="On moorings"), "Salt keeps the barnacles off a mooring.\n")
    (root / "notes" / "own").mkdir()
    (root / "notes" / "own" / "moorings.md").write_text(
        compose_note(FrontMatter(title="On moorings"), note), encoding="utf-8"
    )
    with made, made.lock():
        made.refresh()
        yield made


def found(library: Library, query: str, **options: object) -> list[str]:
    return [hit.passage.episode.title for hit in library.search(query, **options).hits]  # type: ignore[arg-type]


def test_the_moment_is_the_sentence_that_answers(library: Library) -> None:
    hit = library.search("why does a wet bowline hold").hits[0]
    assert hit.passage.episode.id == "harbour"
    assert (hit.speaker, hit.moment_s) == ("Ada Moor", 20.0)
    assert hit.url == "https://example.org/harbour#t=20"
    assert set(hit.matched) >= {"bowline", "wet", "holds"}
    assert "why" not in {word.lower() for word in hit.matched}


def test_filters_leave_only_what_they_name(library: Library) -> None:
    assert set(found(library, "wet show:nine")) == {"Talk harbour"}
    assert set(found(library, 'wet show:"Long Table"')) == {"Talk kitchen"}
    assert set(found(library, "wet after:2025")) == {"Talk kitchen"}
    assert set(found(library, "wet before:2025")) == {"Talk harbour"}
    assert set(found(library, "mooring kind:note")) == {"On moorings"}
    assert "On moorings" not in found(library, "mooring harbour kind:quote")


def test_who_is_asked_for_says_the_moment(library: Library) -> None:
    hits = library.search("wet speaker:ilo").hits
    assert {hit.passage.episode.id for hit in hits} == {"kitchen"}
    assert all(hit.speaker == "Ilo Brandt" for hit in hits)


def test_an_exact_phrase_must_be_there(library: Library) -> None:
    assert set(found(library, '"clove hitch"')) == {"Talk harbour"}
    result = library.search('"hitch clove"')
    assert any("nothing says exactly" in remark for remark in result.remarks)
    assert result.hits[0].passage.episode.id == "harbour"


@pytest.mark.parametrize(
    ("query", "remark"),
    [
        ("", "nothing to search for"),
        ("?!", "nothing to search for"),
        ("wet show:nowhere", "no show is called nowhere (there are: Long Table, Nine Lanterns"),
        ("wet after:2025 before:2024", "no day is both"),
    ],
)
def test_what_finds_nothing_says_why(library: Library, query: str, remark: str) -> None:
    result = library.search(query)
    assert result.hits == ()
    assert any(remark in line for line in result.remarks)


@pytest.mark.parametrize(
    "query", ['wet "rope', "kind:foo wet", "'; DROP TABLE chunks; --", "wet OR (", "the of and", "湿"]
)
def test_no_query_breaks_the_search(library: Library, query: str) -> None:
    for mode in ("hybrid", "semantic", "lexical"):
        library.search(query, mode=mode)  # type: ignore[arg-type]


def test_the_same_query_gives_the_same_order(library: Library) -> None:
    orders = {tuple(hit.passage.id for hit in library.search("wet rope bread", limit=20).hits) for _ in range(5)}
    assert len(orders) == 1
    assert [hit.rank for hit in library.search("wet").hits] == list(range(1, len(library.search("wet").hits) + 1))


def test_a_limit_is_kept(library: Library) -> None:
    assert len(library.search("wet harbour bread rope", limit=2).hits) == 2


def test_an_answer_is_what_was_said_and_not_the_question(library: Library) -> None:
    answer = library.answer("why does a wet bowline hold")
    assert answer.supported
    quote = answer.groups[0].quotes[0]
    assert quote.text == "A wet bowline holds because the loop grips its own end harder."
    assert (quote.speaker, quote.start_s) == ("Ada Moor", 20.0)
    assert not any(q.text.endswith("?") for group in answer.groups for q in group.quotes)


def test_what_the_library_does_not_know_is_not_answered(library: Library) -> None:
    answer = library.answer("who discovered the moons of Jupiter")
    assert not answer.supported
    assert answer.groups == ()
    assert answer.nearest


def test_a_library_without_vectors_is_searched_by_words(tmp_path: Path) -> None:
    with create_library(tmp_path / "empty", embedder=HashEmbedder()) as empty:
        result = empty.search("anything")
    assert (result.hits, result.mode) == ((), "lexical")
    assert any("no vectors" in remark for remark in result.remarks)
