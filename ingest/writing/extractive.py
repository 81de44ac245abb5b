"""The writer that needs no language model: every sentence of its notes was said, word for word, at its second."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.writing.carrying import carrying
from ingest.writing.chapters import chapter_starts
from ingest.writing.concepts import Phrase, identity, rest_rate, surprise, title_keys
from ingest.writing.digest import Concept, Digest, Mention, Moment, Section
from ingest.writing.english import ANNOUNCES
from ingest.writing.headings import choose_headings, count_sections, heading_text, signature
from ingest.writing.reading import Reading, Spoken, phrases, read_chunks
from ingest.writing.sections import boundaries
from ingest.writing.terms import EpisodeTerms, Lexicon
from kb.model import Chapter, Chunk, Episode

if TYPE_CHECKING:
    from kb.ports import Vectors

ABOUT = 2  # sentences at the top
ABOUT_CHUNKS = 20  # ten minutes: a longer episode opens with one sentence more
EARLY = 0.6  # what an episode is about is often said at its beginning
ANNOUNCED, BEGINNING = 1.8, 0.12  # "today we talk about": so much more, within so much of the episode
IN_TITLE = 1.6
HEADED = 2.0
HEADS = 1.5
CONCEPT_QUOTES = 2
UNNAMED = ("speaker", "unknown", "spk", "unidentified", "voice", "sprecher")  # as machines name people, with a number
OPENING = "Opening"


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an episode: its chunks from ``first``, what is said in it, and its publisher's ``title`` or nothing."""

    first: int
    length: int
    start_s: float
    title: str
    spoken: tuple[Spoken, ...]


def digest_episode(
    episode: Episode,
    transcript: str,
    chunks: Sequence[Chunk],
    vectors: Vectors,
    *,
    own: EpisodeTerms,
    lexicon: Lexicon,
    recurring: frozenset[int],
    candidates: Sequence[tuple[Phrase, Concept, bool]],
    chapters: Sequence[Chapter] = (),
) -> Digest:
    """Decides what the note of an episode says.

    ``transcript`` is its file's SHA-256, ``vectors`` those of ``chunks`` in their order, ``recurring`` the shingles
    that other episodes of the show have too; ``candidates`` its phrases with the concepts they stand for and whether
    the note links to them. The publisher's ``chapters``, where there are two or more, are its sections.
    """
    reading = read_chunks(chunks, own, recurring)
    about = _about(episode, reading, [phrase for phrase, _, _ in candidates], own, lexicon)
    parts = _by_chapters(chapters, chunks, reading) or _by_topics(vectors, chunks, reading)
    counts = count_sections(reading, [part.first for part in parts])
    signatures = [
        signature(count, part.length, reading, own, lexicon) for count, part in zip(counts, parts, strict=True)
    ]
    headings = choose_headings(signatures, episode, own, lexicon)
    sections = []
    for part, words, heading in zip(parts, signatures, headings, strict=True):
        count = _quotes_for(_seconds(chunks[part.first : part.first + part.length]))
        quotes = carrying(part.spoken, _section_words(words, heading, part.title), count, taken=about)
        if quotes:
            text = part.title or heading_text(heading, english=own.english)
            sections.append(Section(text, part.start_s, _moments(quotes)))
    weights = _weights(own, lexicon)
    mentions = tuple(_mention(candidate, reading, weights) for candidate in candidates)
    return Digest(
        episode, transcript, own.english, _speakers(reading.spoken), _moments(about), mentions, _merged(sections)
    )


def _by_topics(vectors: Vectors, chunks: Sequence[Chunk], reading: Reading) -> list[_Part]:
    """The parts of an episode, a new one where the topic turns."""
    starts = [0, *boundaries(vectors, chunks)]
    spoken: list[list[Spoken]] = [[] for _ in starts]
    for one in reading.spoken:
        spoken[bisect_right(starts, one.chunk) - 1].append(one)
    begin = [chunks[first].start_s or 0.0 if chunks else 0.0 for first in starts]
    return _parted(starts, len(chunks), begin, [""] * len(starts), spoken)


def _by_chapters(chapters: Sequence[Chapter], chunks: Sequence[Chunk], reading: Reading) -> list[_Part]:
    """The parts of an episode as its publisher has them, and what comes before the first; none where there are none.

    A sentence belongs to the chapter in which its middle is: a chunk may well lie in two.
    """
    marked = chapter_starts(chapters, chunks)
    if not marked:
        return []
    starts = [*([] if 0 in marked else [0]), *marked]
    begin = [marked[first].start_s if first in marked else 0.0 for first in starts]
    titles = [marked[first].title if first in marked else OPENING for first in starts]
    spoken: list[list[Spoken]] = [[] for _ in starts]
    for one in reading.spoken:
        middle = (one.sentence.start_s + one.sentence.end_s) / 2
        spoken[max(0, bisect_right(begin, middle) - 1)].append(one)
    return _parted(starts, len(chunks), begin, titles, spoken)


def _parted(
    starts: Sequence[int], chunks: int, begin: Sequence[float], titles: Sequence[str], spoken: Sequence[list[Spoken]]
) -> list[_Part]:
    lengths = [end - first for first, end in pairwise([*starts, chunks])]
    rows = zip(starts, lengths, begin, titles, spoken, strict=True)
    return [_Part(first, length, at, title, tuple(said)) for first, length, at, title, said in rows]


def _about(
    episode: Episode, reading: Reading, candidates: Sequence[Phrase], own: EpisodeTerms, lexicon: Lexicon
) -> tuple[Spoken, ...]:
    """The sentences that speak of most of what the episode is about, rather from its beginning than from its end."""
    title = title_keys(episode.title)
    weights: dict[str, float] = {}
    for phrase in candidates:
        for key in phrase.key.split(" "):
            meant = _meant(key, phrase.key, lexicon) if own.short else 1.0
            weights[key] = max(weights.get(key, 0.0), meant * phrase.weight * (IN_TITLE if key in title else 1.0))

    def liking(one: Spoken) -> float:
        at = one.chunk / max(1, reading.chunks)
        announced = own.english and at <= BEGINNING and any(word.key in ANNOUNCES for word in one.words)
        return (1 + EARLY * (1 - at)) * (ANNOUNCED if announced else 1.0)

    count = ABOUT + (reading.chunks > ABOUT_CHUNKS)
    return carrying(reading.spoken, weights, count, liking=liking)


def _meant(word: str, phrase: str, lexicon: Lexicon) -> float:
    """In how many of the chunks that say a word of a phrase the phrase is said: the room of a room's tone is any."""
    return min(1.0, lexicon.in_chunks[phrase] / max(1, lexicon.in_chunks[word]))


def _section_words(signature: Mapping[str, float], heading: Sequence[Phrase], title: str) -> dict[str, float]:
    """The weight of each word in a section; what its heading names should be spoken of."""
    headed = title_keys(title) if title else {key for phrase in heading for key in phrase.key.split(" ")}
    return {key: weight * (HEADED if key in headed else 1.0) for key, weight in signature.items() if " " not in key}


def _weights(own: EpisodeTerms, lexicon: Lexicon) -> dict[str, float]:
    """How far each word of an episode stands out from the library."""
    return {
        key: surprise(term.chunks, own.chunks * rest_rate(key, own, lexicon))
        for key, term in own.terms.items()
        if " " not in key
    }


def _seconds(chunks: Sequence[Chunk]) -> float:
    return (chunks[-1].end_s or 0.0) - (chunks[0].start_s or 0.0) if chunks else 0.0


def _quotes_for(seconds: float) -> int:
    """How many sentences a section of this length gets."""
    return 2 + (seconds > 150) + (seconds > 420)


def _merged(sections: Sequence[Section]) -> tuple[Section, ...]:
    """Without sections that have no heading of their own: they belong to the one before."""
    merged: list[Section] = []
    for section in sections:
        if merged and section.heading in {"", merged[-1].heading}:
            last = merged.pop()
            merged.append(Section(last.heading, last.start_s, last.quotes + section.quotes))
        else:
            merged.append(section if section.heading else Section(OPENING, section.start_s, section.quotes))
    return tuple(merged)


def _mention(candidate: tuple[Phrase, Concept, bool], reading: Reading, weights: Mapping[str, float]) -> Mention:
    """What is said about a concept: the sentences that name it and carry most of what the episode is about."""
    phrase, concept, chosen = candidate
    inside = [one for one in reading.spoken if _says(one, phrase.key, concept.identity)]
    quotes = carrying(inside, weights, CONCEPT_QUOTES, liking=lambda one: HEADS if _heads(one, phrase.key) else 1.0)
    return Mention(concept, phrase.key, chosen, len(reading.places.get(phrase.key, ())), _moments(quotes))


def _heads(one: Spoken, key: str) -> bool:
    """Whether a sentence begins with a phrase: then it says something of it, and does not just name it."""
    return any(phrase == key for phrase, first, _ in phrases(one.words[:6]) if first < 3)


def _says(one: Spoken, key: str, concept: str) -> bool:
    if " " not in key:
        return key in one.content
    return not one.content.isdisjoint(key.split(" ")) and any(
        identity(said) == concept for said, _, _ in phrases(one.words)
    )


def _moments(spoken: Iterable[Spoken]) -> tuple[Moment, ...]:
    return tuple(Moment(one.sentence.start_s, one.sentence.speaker, one.sentence.text) for one in spoken)


def _speakers(spoken: Iterable[Spoken]) -> tuple[str, ...]:
    """Who speaks, those who say most first, without the names that a machine gave."""
    said = Counter[str]()
    for one in spoken:
        said[one.sentence.speaker] += len(one.words)
    return tuple(name for name in sorted(said, key=lambda name: (-said[name], name)) if is_a_name(name))


def is_a_name(speaker: str) -> bool:
    """Whether a speaker is named, and not just told from others."""
    word = speaker.strip().casefold().rstrip("0123456789 _-#.")
    return bool(word) and len(word) > 1 and word not in UNNAMED
