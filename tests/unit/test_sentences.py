from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.model import Episode, FrontMatter, Note, NoteBlock, NoteKind, Segment, Transcript, WikiLink
from kb.transcripts.passages import CHUNK_S, LONGEST_CHUNK, note_chunks, transcript_chunks
from kb.transcripts.sentences import LONGEST_SENTENCE, sentences

EPISODE = Episode(id="e", title="E", language="en")


def transcript(*segments: Segment) -> Transcript:
    return Transcript(EPISODE, segments)


def test_a_sentence_cut_across_cues_is_whole_and_timed_by_its_ends() -> None:
    found = sentences(
        transcript(
            Segment(0, 4, "The tide came in. Nobody had", "Ada"),
            Segment(4, 8, "moved the boats. They floated.", "Ada"),
        )
    )
    assert [s.text for s in found] == ["The tide came in.", "Nobody had moved the boats.", "They floated."]
    assert found[0].start_s == 0
    assert 2 < found[1].start_s < 3
    assert 5 < found[1].end_s < 7
    assert found[2].end_s == 8


def test_a_sentence_never_crosses_a_speaker_or_a_long_pause() -> None:
    found = sentences(
        transcript(
            Segment(0, 2, "I think that", "Ada"), Segment(2, 4, "it rains", "Bo"), Segment(30, 32, "again", "Bo")
        )
    )
    assert [(s.speaker, s.text) for s in found] == [("Ada", "I think that"), ("Bo", "it rains"), ("Bo", "again")]


def test_speech_without_punctuation_is_cut_at_cues() -> None:
    cues = [Segment(n * 3, n * 3 + 3, f"word{n} " * 12) for n in range(40)]
    found = sentences(transcript(*cues))
    assert max(len(s.text) for s in found) <= LONGEST_SENTENCE
    assert {s.start_s % 3 for s in found} == {0}


segments = st.builds(
    lambda start, length, text, who: Segment(float(start), float(start + length), text, who),
    st.integers(0, 5000),
    st.integers(0, 90),
    st.text(max_size=200),
    st.sampled_from(["", "Ada", "Bo"]),
)


@settings(max_examples=200)
@given(st.lists(segments, max_size=12))
def test_no_letter_is_lost_and_times_stay_inside(cues: list[Segment]) -> None:
    cues.sort(key=lambda s: s.start_s)
    found = sentences(transcript(*cues))
    said = "".join("".join(s.text.split()) for s in cues)
    assert "".join("".join(s.text.split()) for s in found) == said
    for sentence in found:
        assert sentence.text.strip()
        assert cues[0].start_s <= sentence.start_s <= sentence.end_s <= max(s.end_s for s in cues)


@settings(max_examples=100)
@given(st.lists(segments, max_size=12))
def test_chunks_hold_every_sentence_once_in_order(cues: list[Segment]) -> None:
    cues.sort(key=lambda s: s.start_s)
    talk = transcript(*cues)
    chunks = transcript_chunks(talk)
    assert tuple(s for chunk in chunks for s in chunk.sentences) == sentences(talk)
    for chunk in chunks:
        assert len(chunk.sentences) == 1 or len(chunk.text) <= LONGEST_CHUNK + LONGEST_SENTENCE


def test_chunks_come_near_half_a_minute() -> None:
    cues = [Segment(n * 7.0, n * 7.0 + 7, "A sentence of seven seconds.", "Ada") for n in range(60)]
    lengths = [chunk.end_s - chunk.start_s for chunk in transcript_chunks(transcript(*cues))]  # type: ignore[operator]
    assert all(length == pytest.approx(CHUNK_S, abs=4) for length in lengths[:-1])


def gathered(kind: NoteKind, *texts: str) -> Note:
    front = FrontMatter(title="Tide", kind=kind, generated=(("writer", "extractive"),))
    blocks = tuple(NoteBlock(text, "", (), line) for line, text in enumerate(texts, start=1))
    return Note("concepts/tide.md", "", front, blocks)


def test_of_a_gathered_page_only_what_a_person_wrote_is_searched() -> None:
    quoted = "Ada Moor: the tide comes in twice a day, and twice a day the harbour goes out to meet it. 00:01:02"
    own = "I keep coming back to this page when I plan the next walk along the shore with the children."
    page = gathered("concept", quoted, own, "Near it: " + ", ".join(["harmonic analysis"] * 6))
    links = tuple(WikiLink("concepts/harmonic_analysis", "harmonic analysis", line=3) for _ in range(6))
    assert [c.text for c in note_chunks(replace(page, links=links))] == [own]
    assert note_chunks(gathered("show", quoted, own)) == ()
    assert len(note_chunks(gathered("episode", quoted))) == 1
