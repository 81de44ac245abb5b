"""Whatever a title or a talk is made of: names stay inside, quotes stay verbatim, notes stay well formed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pathvalidate import is_valid_filename

from ingest.writing.carrying import carrying
from ingest.writing.digest import Concept
from ingest.writing.extractive import digest_episode
from ingest.writing.naming import LONGEST, free_slug, slug
from ingest.writing.reading import read_chunks
from ingest.writing.render import linked, render_note
from ingest.writing.sections import boundaries
from ingest.writing.terms import Lexicon, episode_terms, pack_terms, unpack_terms
from kb.model import Chunk, Episode, Segment, Transcript
from kb.notes.notefile import parse_note
from kb.transcripts.passages import transcript_chunks

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=200)
SEGMENTS = st.lists(st.tuples(TEXTS, st.sampled_from(["", "Ada", "Bo | [x]"])), max_size=12)


@given(st.text(max_size=400), st.text(max_size=40))
def test_a_slug_is_a_file_name_and_never_a_path(title: str, identity: str) -> None:
    for name in (slug(title), free_slug(title, identity, set())):
        assert len(name.encode("utf-8")) <= LONGEST + 20
        assert not name or is_valid_filename(f"{name}.md", platform="universal")
        assert not set(name) & set('/\\:*?"<>|[]#^\0\n .')
        assert slug(name) == name or name.endswith("_")


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=5)), max_size=12))
def test_names_never_meet(titles: list[tuple[str, str]]) -> None:
    taken: set[str] = set()
    for title, identity in titles:
        name = free_slug(title, identity, taken)
        assert name
        assert name not in taken
        taken.add(name)


def chunks_of(lines: list[tuple[str, str]]) -> tuple[Chunk, ...]:
    segments = tuple(Segment(at * 10.0, at * 10.0 + 9, text, who) for at, (text, who) in enumerate(lines))
    return transcript_chunks(Transcript(Episode(id="x", title="X"), segments))


@settings(max_examples=60, deadline=None)
@given(SEGMENTS, TEXTS, st.integers(0, 2**32 - 1))
def test_any_talk_gives_a_well_formed_note_of_verbatim_quotes(
    lines: list[tuple[str, str]], title: str, seed: int
) -> None:
    chunks = chunks_of(lines)
    terms = episode_terms(chunks)
    assert unpack_terms(pack_terms(terms)) == terms
    lexicon = Lexicon()
    lexicon.add(terms)
    vectors = np.random.default_rng(seed).standard_normal((len(chunks), 8)).astype(np.float32)
    digest = digest_episode(
        Episode(id="x", title=title, show=title),
        "0" * 64,
        chunks,
        vectors,
        own=terms,
        lexicon=lexicon,
        recurring=frozenset(),
        candidates=[],
    )
    said = {(s.text, s.speaker, s.start_s) for chunk in chunks for s in chunk.sentences}
    assert {(q.text, q.speaker, q.start_s) for part in digest.sections for q in part.quotes} <= said
    note = parse_note("s/x.md", render_note(digest, "s"))
    assert [finding.rule for finding in note.findings] == []
    assert note.front.id == "x"


@settings(deadline=None)
@given(TEXTS.filter(str.strip), st.lists(st.sampled_from(["wild yeast", "Wild  Yeast", "wild-yeasts"]), max_size=3))
def test_linking_changes_nothing_that_is_read(text: str, phrases: list[str]) -> None:
    whole = " ".join(f"{text} {' and '.join(phrases)}".split())
    shown = linked(whole, {"wildyeast": Concept("wildyeast", "wild_yeast", "wild yeast")})
    (block,) = parse_note("s/x.md", f"**A**: {shown}\n").blocks
    assert block.text == f"A: {whole}"


@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_boundaries_are_inside_and_ascending(count: int, seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((count, 6))
    vectors = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    found = boundaries(vectors, [Chunk("x", at * 30.0, at * 30.0 + 30) for at in range(count)])
    assert list(found) == sorted(set(found))
    assert all(2 <= at <= count - 2 for at in found)


@settings(max_examples=40, deadline=None)
@given(SEGMENTS, st.integers(1, 5))
def test_what_carries_is_never_more_than_was_asked_for(lines: list[tuple[str, str]], count: int) -> None:
    chunks = chunks_of(lines)
    terms = episode_terms(chunks)
    reading = read_chunks(chunks, terms, frozenset())
    assert len(carrying(reading.spoken, dict.fromkeys(terms.terms, 1.0), count)) <= count
