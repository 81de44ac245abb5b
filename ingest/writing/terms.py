"""What one episode talks about in numbers, and what the whole library does.

The unit of counting is the chunk, about half a minute: a phrase counts once in each chunk that has it, so that saying
a word five times in a breath weighs no more than once. ``EpisodeTerms`` is computed once for a transcript and kept in
the journal; ``Lexicon`` adds those of all episodes together, of which ``ingest.lexicon`` keeps what is asked in memory.
"""

from __future__ import annotations

import base64
import json
import zlib
from array import array
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ingest.writing.english import NOUN_OPENERS, OTHER_OPENERS, STOP_WORDS
from ingest.writing.words import is_content, may_belong, tokens, word_key
from kb.model import Chunk

TERMS_VERSION = 2
LINKING_WORDS = frozenset(("of", "to", "de", "du", "des", "da", "von", "der", "del"))  # inside a phrase of three
SHORT = 30  # chunks, a quarter of an hour: in less, a term is said once and may still be what a talk is about
SHINGLE = 5  # words
ENGLISH_SHARE = 0.2  # of all words are stop words


@dataclass(frozen=True, slots=True)
class Term:
    """A phrase of one to three words in one episode."""

    chunks: int  # in how many it is said
    noun: int = 0  # ... after a word that opens a noun phrase
    other: int = 0  # ... after a word that opens a verb phrase or precedes an adjective
    ends: int = 0  # ... and then a phrase ends: an adjective's rarely does
    form: str = ""  # as it is spoken most often; only of a word that is said in two chunks or more, and of a phrase
    around: int = 0  # the sum of hashes of the words around a phrase of a short episode, one for each chunk


@dataclass(frozen=True, slots=True)
class EpisodeTerms:
    """The phrases of an episode by key: its words' keys joined by a space.

    Those of a short one are all here, with general words among theirs ("working memory"), and those words alone; of a
    longer one, those of two and three words that are said in two chunks or more.
    """

    chunks: int
    english: bool
    terms: dict[str, Term]

    @property
    def short(self) -> bool:
        """Whether a phrase said once counts."""
        return self.chunks < SHORT


class _Keys(dict[str, str]):
    """Token -> key, an empty key for what parts two phrases. Bounded by the words of the episodes read in one run."""

    def __missing__(self, token: str) -> str:
        key = word_key(token) if token[0].isalnum() else ""
        self[token] = key
        return key


class _Content(dict[str, bool]):
    def __missing__(self, key: str) -> bool:
        found = self[key] = bool(key) and is_content(key)
        return found


class _Open(dict[str, bool]):
    def __missing__(self, key: str) -> bool:
        found = self[key] = bool(key) and may_belong(key)
        return found


class _Hashes(dict[str, int]):
    def __missing__(self, key: str) -> int:
        found = self[key] = zlib.crc32(key.encode("utf-8", "surrogatepass"))
        return found


_KEYS, _CONTENT, _OPEN, _HASHES = _Keys(), _Content(), _Open(), _Hashes()


def episode_terms(chunks: Sequence[Chunk]) -> EpisodeTerms:
    """Counts one transcript. Takes time linear in its length."""
    spoken = [_spoken(chunk) for chunk in chunks]
    keys = [[_KEYS[token] for token in chunk] for chunk in spoken]
    short = len(chunks) < SHORT
    counts, triples = _Counts(_OPEN if short else _CONTENT), Counter[tuple[str, ...]]()
    for chunk in keys:
        counts.singles.update(key for key in set(chunk) if counts.carries[key])
        for triple in set(zip(chunk, chunk[1:], chunk[2:], strict=False)):
            if _is_triple(triple):
                triples[triple] += 1
            elif triple[0] in NOUN_OPENERS and counts.carries[triple[1]]:
                _count_noun(triple[1], triple[2], counts)
        for pair in set(pairwise(chunk)):
            _count_pair(pair, counts)
    chunks_with = dict(counts.singles)
    chunks_with |= {" ".join(phrase): n for phrase, n in (*counts.pairs.items(), *triples.items()) if short or n > 1}
    forms = _forms(spoken, {phrase for phrase, n in chunks_with.items() if n > 1 or " " in phrase}, counts.carries)
    around = _around(keys, chunks_with) if short else Counter[str]()
    terms = {
        p: Term(n, counts.nouns[p], counts.others[p], counts.ends[p], forms.get(p, ""), around[p])
        for p, n in chunks_with.items()
    }
    return EpisodeTerms(len(chunks), _is_english(keys), terms)


@dataclass(frozen=True, slots=True)
class _Counts:
    carries: dict[str, bool]  # whether a word may stand in a phrase
    singles: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, ...]] = field(default_factory=Counter)
    nouns: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)


def _count_noun(key: str, after: str, counts: _Counts) -> None:
    """Counts what stands after a word that opens a noun phrase: the yeast; the wild yeast; the question."""
    if _CONTENT[after]:
        counts.nouns[after] += 1
        return
    counts.nouns[key] += 1
    if counts.carries[after]:
        counts.nouns[after] += 1  # the reverberation time


def _count_pair(pair: tuple[str, str], counts: _Counts) -> None:
    before, key = pair
    if counts.carries[before] and not _CONTENT[key]:
        counts.ends[before] += 1
    if not counts.carries[key]:
        return
    if counts.carries[before]:
        if _CONTENT[key] or _CONTENT[before]:
            counts.pairs[pair] += 1
    elif before in OTHER_OPENERS:
        counts.others[key] += 1


def _spoken(chunk: Chunk) -> list[str]:
    """The tokens of a chunk, a full stop between two sentences."""
    found: list[str] = []
    for sentence in chunk.sentences:
        found.append(".")
        found.extend(tokens(sentence.text))
    return found


def _is_triple(phrase: tuple[str, str, str]) -> bool:
    first, middle, last = phrase
    return _CONTENT[first] and _CONTENT[last] and (_CONTENT[middle] or middle in LINKING_WORDS)


def _is_english(keys: Iterable[Sequence[str]]) -> bool:
    total = stops = 0
    for chunk in keys:
        total += sum(1 for key in chunk if key)
        stops += sum(1 for key in chunk if key in STOP_WORDS)
    return stops > ENGLISH_SHARE * total


def _forms(spoken: Sequence[Sequence[str]], wanted: set[str], carries: dict[str, bool]) -> dict[str, str]:
    """How each wanted phrase is most often spoken.

    The first word of a sentence has its capital from there, so such places count only where there is no other.
    """
    seen: dict[str, Counter[str]] = {}
    for chunk in spoken:
        keys = [_KEYS[token] for token in chunk]
        for at, key in enumerate(keys):
            if not carries[key]:
                continue
            phrase, form = key, chunk[at]
            weight = 1 if at == 0 or chunk[at - 1] not in ".?!" else 0
            for end in range(at, min(at + 3, len(keys))):
                if end > at:
                    if not keys[end]:
                        break
                    phrase, form = f"{phrase} {keys[end]}", f"{form} {chunk[end]}"
                if phrase in wanted:
                    seen.setdefault(phrase, Counter())[form] += weight
    found = {phrase: _usual(forms) for phrase, forms in seen.items()}
    if len(spoken) < SHORT:
        found |= {phrase: _without_capital(found[phrase]) for phrase, forms in seen.items() if not forms.total()}
    return found


def _without_capital(form: str) -> str:
    """A phrase that was only said at the beginning of sentences, as it goes in one; a single word may be a name."""
    return form[:1].lower() + form[1:] if " " in form and form[1:].islower() else form


def _around(keys: Iterable[Sequence[str]], wanted: Container[str]) -> Counter[str]:
    """For each phrase of two words or three the sum over its chunks of a hash of the words around its first mention."""
    found = Counter[str]()
    for chunk in keys:
        here: dict[str, int] = {}
        for at in range(len(chunk) - 1):
            for end in (at + 2, at + 3):
                phrase = " ".join(chunk[at:end])
                if phrase in wanted and phrase not in here:
                    here[phrase] = _HASHES[f"{' '.join(chunk[max(0, at - 1) : at])}|{' '.join(chunk[end : end + 1])}"]
        found.update(here)
    return found


def _usual(forms: Counter[str]) -> str:
    """The most frequent form without regard to case, in its most frequent case."""
    flat = Counter[str]()
    for form, count in forms.items():
        flat[form.casefold()] += count
    return min(forms, key=lambda form: (-flat[form.casefold()], form.casefold(), -forms[form], form.swapcase()))


def shingles(texts: Iterable[str]) -> set[int]:
    """Hashes of all runs of five words of the texts, of which half (the even ones) are kept: a text's fingerprint.

    Broder, "On the resemblance and containment of documents", 1997.
    """
    found: set[int] = set()
    for text in texts:
        hashes = [_HASHES[key] for token in tokens(text) if (key := _KEYS[token])]
        for at in range(len(hashes) - SHINGLE + 1):
            value = 0
            for one in hashes[at : at + SHINGLE]:
                value = (value * 0x9E3779B1 + one) & 0xFFFFFFFF
            value ^= value >> 15
            if not value & 1:
                found.add(value)
    return found


# --- kept in the journal ------------------------------------------------------------------------------------------


def pack_terms(terms: EpisodeTerms) -> str:
    """As text for the journal; ``unpack_terms`` reads it."""
    rows = {phrase: [t.chunks, t.noun, t.other, t.ends, t.form, t.around] for phrase, t in terms.terms.items()}
    return pack({"chunks": terms.chunks, "english": terms.english, "terms": rows})


def unpack_terms(text: str) -> EpisodeTerms | None:
    """What ``pack_terms`` kept, or None where it is damaged and has to be counted again."""
    try:
        table = unpack(text)
        rows = {phrase: Term(*row) for phrase, row in table["terms"].items()}
        return EpisodeTerms(int(table["chunks"]), bool(table["english"]), rows)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def pack_shingles(found: Iterable[int]) -> str:
    """Shingles as text, sorted."""
    return base64.b85encode(array("I", sorted(found)).tobytes()).decode("ascii")


def unpack_shingles(text: str) -> array[int]:
    """What ``pack_shingles`` kept; nothing where it is damaged."""
    found: array[int] = array("I")
    with suppress(ValueError):
        found.frombytes(base64.b85decode(text))
    return found


def pack(table: dict[str, Any]) -> str:
    """A JSON object, compressed, as ASCII."""
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 3)).decode("ascii")


def unpack(text: str) -> dict[str, Any]:
    """What ``pack`` made. Raises ValueError where it is damaged."""
    try:
        table = json.loads(zlib.decompress(base64.b85decode(text)))
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not isinstance(table, dict):
        raise ValueError("no JSON object")
    return table


# --- the library ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Lexicon:
    """All episodes added together: each phrase's chunks, and the episodes that have it in two chunks or more.

    Of a short episode one chunk is enough.

    Adding an episode and taking it out again changes nothing.
    """

    chunks: int = 0
    episodes: int = 0
    in_chunks: Counter[str] = field(default_factory=Counter)
    in_episodes: Counter[str] = field(default_factory=Counter)
    nouns: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    around: Counter[str] = field(default_factory=Counter)

    def add(self, episode: EpisodeTerms, sign: int = 1) -> None:
        """Adds an episode, or takes it out where ``sign`` is -1."""
        self.chunks += sign * episode.chunks
        self.episodes += sign
        for phrase, term in episode.terms.items():
            _count(self.in_episodes, phrase, sign if term.chunks > 1 or episode.short else 0)
            _count(self.in_chunks, phrase, sign * term.chunks)
            _count(self.nouns, phrase, sign * term.noun)
            _count(self.others, phrase, sign * term.other)
            _count(self.ends, phrase, sign * term.ends)
            _count(self.around, phrase, sign * term.around)


def _count(counter: Counter[str], phrase: str, by: int) -> None:
    if by and not (value := counter[phrase] + by):
        del counter[phrase]
    elif by:
        counter[phrase] = value
