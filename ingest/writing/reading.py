"""One transcript taken apart for writing: its sentences as words, and in which chunks each phrase is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.writing.english import ADVERT_CUES
from ingest.writing.fitness import fitness
from ingest.writing.terms import EpisodeTerms, shingles
from ingest.writing.words import Word, is_content, may_belong, words
from kb.model import Chunk, Sentence

FORMULA_SHARE = 0.25  # of a chunk's shingles are said in other episodes of the show too: a greeting, a fixed text
FORMULA_LEAST = 6  # shingles, below which a share says nothing


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence, its words, its chunk, how well it stands for itself, and whether its chunk is a formula."""

    sentence: Sentence
    words: tuple[Word, ...]
    content: frozenset[str]  # keys
    chunk: int
    fit: float = 1.0
    formula: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """``places`` names for each phrase the chunks that have it, ascending."""

    spoken: tuple[Spoken, ...]
    places: dict[str, tuple[int, ...]]
    chunks: int


def read_chunks(chunks: Sequence[Chunk], terms: EpisodeTerms, recurring: frozenset[int]) -> Reading:
    """Reads a transcript's chunks; ``recurring`` are the shingles that other episodes of the show have too."""
    spoken: list[Spoken] = []
    places: dict[str, list[int]] = {}
    for number, chunk in enumerate(chunks):
        formula = is_formula(chunk, recurring)
        for sentence in chunk.sentences:
            found = tuple(words(sentence.text))
            content = frozenset(word.key for word in found if is_content(word.key))
            fit = fitness(sentence.text, [word.key for word in found], english=terms.english) if content else 0.0
            spoken.append(Spoken(sentence, found, content, number, fit, formula))
            for phrase, _, _ in phrases(found):
                if phrase not in terms.terms:
                    continue
                where = places.setdefault(phrase, [])
                if not where or where[-1] != number:
                    where.append(number)
    return Reading(tuple(spoken), {p: tuple(at) for p, at in places.items()}, len(chunks))


def phrases(found: Sequence[Word]) -> Iterator[tuple[str, int, int]]:
    """The phrases of one to three words that begin with one that may stand in a term: key, first and last word."""
    for at, word in enumerate(found):
        if not may_belong(word.key):
            continue
        phrase = word.key
        yield phrase, at, at
        for end in range(at + 1, min(at + 3, len(found))):
            if not found[end].joined:
                break
            phrase = f"{phrase} {found[end].key}"
            yield phrase, at, end


def is_formula(chunk: Chunk, recurring: frozenset[int]) -> bool:
    """Whether a chunk is said in much the same words elsewhere, or is full of an advertisement's words."""
    text = chunk.text.casefold()
    if sum(cue in text for cue in ADVERT_CUES) > 1:
        return True
    own = shingles([chunk.text])
    return len(own) >= FORMULA_LEAST and len(own & recurring) >= FORMULA_SHARE * len(own)
