"""What a note says: sentences that stand for themselves, concepts, headings, links."""

from __future__ import annotations

import numpy as np
import pytest
from fakes.embedder import HashEmbedder
from fakes.talks import GREETING, lines_about

from ingest.writing.carrying import carrying
from ingest.writing.concepts import Phrase, candidates, choose_concepts, identity, standing_out, ties
from ingest.writing.digest import Concept, Digest, pack_digest, unpack_digest
from ingest.writing.extractive import digest_episode, is_a_name
from ingest.writing.fitness import fitness
from ingest.writing.reading import read_chunks
from ingest.writing.render import linked, render_note
from ingest.writing.terms import (
    SHORT,
    EpisodeTerms,
    Lexicon,
    Term,
    episode_terms,
    pack_terms,
    shingles,
    unpack_terms,
)
from ingest.writing.words import words
from kb.model import Chunk, Episode, Segment, Sentence, Transcript
from kb.notes.notefile import parse_note
from kb.transcripts.passages import transcript_chunks

YEAST = Concept("wildyeast", "wild_yeast", "wild yeast")


def talk(*subjects: str, name: str = "talk") -> tuple[Episode, tuple[Chunk, ...]]:
    said = lines_about(*subjects)
    segments = tuple(Segment(at * 6.0, at * 6.0 + 6, text, who) for at, (who, text) in enumerate(said))
    episode = Episode(id=name, title=" and ".join(subjects), show="The Lamp Post", speakers=("Ada Quill", "Bo Marsh"))
    return episode, transcript_chunks(Transcript(episode, segments))


def library(*talks: tuple[Episode, tuple[Chunk, ...]]) -> tuple[Lexicon, list[EpisodeTerms]]:
    lexicon, all_terms = Lexicon(), [episode_terms(chunks) for _, chunks in talks]
    for terms in all_terms:
        lexicon.add(terms)
    return lexicon, all_terms


def digest_of(*talks: tuple[Episode, tuple[Chunk, ...]]) -> Digest:
    """The digest of the first of a library of talks."""
    lexicon, all_terms = library(*talks)
    (episode, chunks), own = talks[0], all_terms[0]
    found = candidates(standing_out(episode, own, lexicon), own)
    chosen = {p.key for p in choose_concepts(found, own, {}, len(talks))}
    concepts = [(p, Concept(identity(p.key), p.form.replace(" ", "_"), p.form), p.key in chosen) for p in found]
    vectors = HashEmbedder().encode([chunk.text for chunk in chunks])
    return digest_episode(
        episode, "0" * 64, chunks, vectors, own=own, lexicon=lexicon, recurring=frozenset(), candidates=concepts
    )


# --- sentences ---


@pytest.mark.parametrize(
    "sentence",
    [
        "And then the baker feeds the sourdough starter twice a day with fresh flour.",
        "It keeps for centuries because nothing at all can live in so much sugar.",
        "Does the baker feed the sourdough starter twice a day with fresh flour?",
        "the baker feeds the sourdough starter twice a day with fresh",
        "Thanks to everybody who sent the bakery a letter about sourdough and wild yeast.",
        "When the baker feeds the sourdough starter twice a day with some fresh flour.",
        "Flour.",
        "Flour in a bag, a jar of sourdough starter, the yeast of a week, the salt.",
        "The the baker, you know, um, kind of feeds, like, the the starter and stuff.",
    ],
)
def test_a_sentence_that_cannot_stand_alone_is_worth_less(sentence: str) -> None:
    whole = "The baker feeds the sourdough starter twice a day with fresh flour from the mill."
    good = fitness(whole, [word.key for word in words(whole)], english=True)
    assert fitness(sentence, [word.key for word in words(sentence)], english=True) < 0.4 * good


def test_sentences_come_in_the_order_in_which_they_were_said_and_never_twice() -> None:
    episode, chunks = talk("bread")
    terms = episode_terms(chunks)
    reading = read_chunks(chunks, terms, frozenset())
    chosen = carrying(reading.spoken, dict.fromkeys(terms.terms, 1.0), 4)
    assert len(chosen) == 4
    assert [one.sentence.start_s for one in chosen] == sorted(one.sentence.start_s for one in chosen)
    assert len({one.sentence.text for one in chosen}) == 4, "every sentence of the talk is said twice"
    assert episode.speakers


def test_a_greeting_that_recurs_is_not_quoted() -> None:
    lines = [GREETING, GREETING, GREETING]
    _, chunks = talk("bread")
    greeting = Chunk(" ".join(lines), 0.0, 18.0, tuple(chunks[0].sentences[:1]) * 3)
    reading = read_chunks([greeting], episode_terms([greeting]), frozenset(shingles(lines)))
    assert all(one.formula for one in reading.spoken)
    assert carrying(reading.spoken, {"lamp": 1.0, "sleep": 1.0}, 2) == ()


# --- concepts ---


def test_concepts_are_what_an_episode_has_more_of_than_the_rest() -> None:
    talks = [talk("bread", "clocks", name="a"), talk("bees", "clocks", name="b"), talk("clocks", "bread", name="c")]
    lexicon, all_terms = library(*talks)
    found = [p.key for p in candidates(standing_out(talks[1][0], all_terms[1], lexicon), all_terms[1])]
    assert {"hive", "bee"} & set(found[:4])
    assert not {"ada", "quill", "marsh"} & set(found)


def test_no_concept_is_a_part_of_another() -> None:
    episode, chunks = talk("bread")
    lexicon, (own,) = library((episode, chunks))
    found = [p.key for p in candidates(standing_out(episode, own, lexicon), own)]
    assert "wild yeast" in found
    assert "yeast" not in found
    assert len({identity(key) for key in found}) == len(found)


def test_an_episode_has_at_most_eight_concepts_and_what_others_speak_of_comes_first() -> None:
    own = EpisodeTerms(400, True, {f"word{at:02d}": Term(9) for at in range(12)} | {"brief": Term(2)})
    found = [Phrase(key, 30.0 - at, key) for at, key in enumerate(own.terms)]
    chosen = choose_concepts(found, own, {identity(found[11].key): 2}, 100)
    assert len(chosen) == 8
    assert chosen[0] == found[11]
    assert "brief" not in {phrase.key for phrase in chosen}, "a link to it would lead nowhere"


def test_where_there_is_little_even_the_brief_is_a_concept() -> None:
    own = EpisodeTerms(2, True, {"brief": Term(2)})
    assert choose_concepts([Phrase("brief", 1.0, "brief")], own, {}, 1)


TERM_TALKS = (
    ("The forgetting curve falls like a stone.", "People keep cats in the garden.", "A cat sleeps on the wall."),
    (
        "Listeners know about the forgetting curve.",
        "Ships carried two clocks.",
        "The wall is green and the wall is old.",
    ),
    ("What fades is on a forgetting curve again.", "Ships carried two clocks.", "A wall needs stones."),
    ("He has a working memory of seven words.", "A green wall was sold by Ann."),
    ("They test working memory with numbers.", "Bread is baked in an oven."),
)


def term_library() -> tuple[Lexicon, list[EpisodeTerms]]:
    """Short talks, each line a chunk of its own."""
    lines = [[Sentence(at * 30.0, at * 30.0 + 9, text) for at, text in enumerate(said)] for said in TERM_TALKS]
    chunks = [[Chunk(s.text, s.start_s, s.start_s + 9, (s,)) for s in said] for said in lines]
    all_terms = [episode_terms(said) for said in chunks]
    lexicon = Lexicon()
    for terms in all_terms:
        lexicon.add(terms)
    return lexicon, all_terms


def test_a_term_that_several_short_talks_say_ties_them_though_each_says_it_once() -> None:
    lexicon, all_terms = term_library()
    assert [set(ties(own, lexicon)) for own in all_terms[1:4:2]] == [{"forgetting curve"}, {"working memory"}]
    episode = Episode(id="x", title="Untitled", show="Show")
    found = candidates(standing_out(episode, all_terms[0], lexicon), all_terms[0])
    assert found[0].key == "forgetting curve"
    assert found[0].tie


def test_a_sentence_that_recurs_and_a_phrase_of_one_talk_tie_nothing() -> None:
    lexicon, all_terms = term_library()
    bound = {phrase for own in all_terms for phrase in ties(own, lexicon)}
    assert "ship carried" in lexicon.in_chunks
    assert bound == {"forgetting curve", "working memory"}


def test_a_long_episode_keeps_of_its_phrases_those_said_twice() -> None:
    sentence = Sentence(0.0, 9.0, "The forgetting curve falls.")
    chunk, other = Chunk(sentence.text, 0.0, 9.0, (sentence,)), Chunk("", 9.0, 18.0, ())
    assert "forgetting curve" in episode_terms([chunk, *[other] * (SHORT - 2)]).terms
    assert "forgetting curve" not in episode_terms([chunk, *[other] * (SHORT - 1)]).terms
    assert "forgetting curve" in episode_terms([chunk, chunk, *[other] * (SHORT - 2)]).terms


def test_what_is_added_to_a_lexicon_can_be_taken_out() -> None:
    lexicon, all_terms = term_library()
    for own in all_terms:
        lexicon.add(unpack_terms(pack_terms(own)) or own, -1)
    assert lexicon == Lexicon()


def test_front_end_is_one_concept_however_it_is_spelt() -> None:
    assert len({identity(key) for key in ("front end", "front-end", "frontend")}) == 1


# --- digests and notes ---


def test_a_digest_quotes_verbatim_with_speaker_and_second() -> None:
    episode_and_chunks = talk("bread", "clocks")
    digest = digest_of(episode_and_chunks, talk("bees", name="b"))
    said = {(s.text, s.speaker, s.start_s) for chunk in episode_and_chunks[1] for s in chunk.sentences}
    quotes = [q for part in digest.sections for q in part.quotes] + list(digest.about)
    assert len(quotes) >= 6
    assert {(q.text, q.speaker, q.start_s) for q in quotes} <= said
    assert len({q.text for q in quotes}) == len(quotes), "nothing is said twice"
    assert unpack_digest(pack_digest(digest)) == digest
    assert unpack_digest("damaged") is None


def test_a_note_says_what_it_is_about_before_its_sections() -> None:
    text = render_note(digest_of(talk("bread", "clocks"), talk("bees", name="b")), "the_lamp_post")
    note = parse_note("the_lamp_post/x.md", text)
    assert note.findings == ()
    assert note.front.speakers == ("Ada Quill", "Bo Marsh")
    assert text.index("What it is about") < text.index("Concepts: ") < text.index("\n## ")
    assert "From: [[the_lamp_post | The Lamp Post]] <br/>" in text


def test_a_transcript_of_one_word_gives_a_note_all_the_same() -> None:
    episode = Episode(id="one", title="One", show="S")
    chunks = transcript_chunks(Transcript(episode, (Segment(0.0, 1.0, "Hello"),)))
    terms = episode_terms(chunks)
    lexicon = Lexicon()
    lexicon.add(terms)
    for some in (chunks, ()):
        vectors = np.ones((len(some), 4), np.float32) / 2
        digest = digest_episode(
            episode, "0" * 64, some, vectors, own=terms, lexicon=lexicon, recurring=frozenset(), candidates=[]
        )
        assert parse_note("s/one.md", render_note(digest, "s")).findings == ()


def test_the_first_mention_is_linked_as_whole_words() -> None:
    left = {YEAST.identity: YEAST}
    assert linked("Wild yeast [is] slow; wild yeast waits.", left) == (
        "[[concepts/wild_yeast | Wild yeast]] \\[is\\] slow; wild yeast waits."
    )
    assert left == {}
    assert linked("Wild yeast again.", left) == "Wild yeast again."


@pytest.mark.parametrize("text", ["wildyeastly nothing", "A wild, yeasty smell", "wild and yeast"])
def test_what_is_not_the_phrase_is_not_linked(text: str) -> None:
    assert "[[" not in linked(text, {YEAST.identity: YEAST})


@pytest.mark.parametrize(("name", "named"), [("Ada", True), ("Speaker 1", False), ("SPEAKER_00", False), ("", False)])
def test_names_that_a_machine_gave_are_no_names(name: str, named: bool) -> None:
    assert is_a_name(name) is named
