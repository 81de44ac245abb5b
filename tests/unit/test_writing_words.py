"""Words, terms and names."""

from __future__ import annotations

import pytest

from ingest.writing.naming import LONGEST, free_slug, slug
from ingest.writing.terms import (
    Lexicon,
    episode_terms,
    pack_shingles,
    pack_terms,
    shingles,
    unpack_shingles,
    unpack_terms,
)
from ingest.writing.words import word_key, words
from kb.model import Chunk, Sentence


def chunk(*texts: str) -> Chunk:
    sentences = tuple(Sentence(float(at), at + 1.0, text) for at, text in enumerate(texts))
    return Chunk(" ".join(texts), 0.0, float(len(texts)), sentences)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Bees", "bee"), ("berries", "berry"), ("boxes", "box"), ("baker's", "baker"), ("CSS", "css"), ("glass", "Glass")],
)
def test_forms_of_one_word_have_one_key(one: str, other: str) -> None:
    assert word_key(one) == word_key(other)


@pytest.mark.parametrize("word", ["C++", "Node.js", "front-end", "don't", "Straße", "世界", "naïve"])
def test_a_word_with_marks_inside_is_one_word(word: str) -> None:
    (found,) = words(word)
    assert (found.start, found.end) == (0, len(word))


def test_punctuation_parts_a_phrase() -> None:
    assert [word.joined for word in words("wild yeast, flour and water")] == [False, True, False, True, True]


def test_a_phrase_counts_once_a_chunk() -> None:
    terms = episode_terms([chunk("The wild yeast eats. Wild yeast, wild yeast!"), chunk("A wild yeast works.")])
    assert terms.terms["wild yeast"].chunks == 2
    assert terms.terms["wild yeast"].form == "wild yeast"
    assert "the" not in terms.terms
    assert terms.english


def test_the_usual_form_does_not_take_its_capital_from_the_start_of_a_sentence() -> None:
    terms = episode_terms([chunk("Yeast works.", "Use yeast."), chunk("Yeast works.", "Yeast sleeps.")])
    assert terms.terms["yeast"].form == "yeast"


def test_terms_are_kept_and_read_again() -> None:
    terms = episode_terms([chunk("The wild yeast works."), chunk("A wild yeast sleeps.")])
    assert unpack_terms(pack_terms(terms)) == terms
    assert unpack_terms("broken") is None
    assert unpack_terms("") is None


def test_a_lexicon_forgets_what_is_taken_out_of_it() -> None:
    one, two = (episode_terms([chunk(f"The {w} works."), chunk(f"A {w} sleeps.")]) for w in ("yeast", "clock"))
    lexicon, alone = Lexicon(), Lexicon()
    lexicon.add(one)
    lexicon.add(two)
    lexicon.add(one, -1)
    alone.add(two)
    assert lexicon == alone


def test_shingles_know_a_text_again() -> None:
    text = "Welcome back to the Lamp Post, the show for people who cannot sleep at night."
    found = shingles([text])
    assert found == shingles([text.upper()])
    assert not found & shingles(["The balance wheel of an ordinary watch swings about five times in every second."])
    assert set(unpack_shingles(pack_shingles(found))) == found


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("What a wax cylinder remembers", "what_a_wax_cylinder_remembers"),
        ("Don't panic!", "dont_panic"),
        ("../../etc/passwd", "etc_passwd"),
        ("日本語のお話", "日本語のお話"),
        ("Привет, МИР", "привет_мир"),
        ("CON", "con_"),
        ("com1", "com1_"),
        ("...", ""),
        ("🎈", ""),
    ],
)
def test_titles_become_names(title: str, expected: str) -> None:
    assert slug(title) == expected


def test_a_long_title_is_cut_at_a_word() -> None:
    name = slug("word " * 100)
    assert len(name) <= LONGEST
    assert name.endswith("word")


def test_names_are_given_once() -> None:
    taken: set[str] = set()
    for identity in ("a", "b", "b", "b"):
        taken.add(free_slug("Title", identity, taken))
    assert len(taken) == 4
    assert {"title", "title_b"} <= taken
    assert free_slug("", "", set(), otherwise="episode") == "episode"
