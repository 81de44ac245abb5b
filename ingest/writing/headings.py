"""A heading for each section: the one or two phrases that it has far more of than the rest of the episode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ingest.writing.concepts import Phrase, avoided, identity, names_a_thing, of_content, rest_rate, surprise, ties
from ingest.writing.reading import Reading
from ingest.writing.terms import EpisodeTerms, Lexicon
from kb.model import Episode

PHRASE, NAME = 1.5, 1.15
SECOND = 0.55  # a second phrase is named where it weighs so much of the first
SMOOTHING = 4.0  # chunks
ONCE = 0.25  # what is said in a single chunk is hardly what a section is about, however rare it is
TIE = 1 / ONCE  # ... but for a phrase that other episodes say too
USED = 0.5  # a phrase that heads another section already is rarely the one to head this

Counts = list[Counter[str]]


def count_sections(reading: Reading, starts: Sequence[int]) -> Counts:
    """For each section that begins at ``starts`` (the first is 0): in how many of its chunks each phrase is said."""
    section_of = [0] * reading.chunks
    for number, first in enumerate(starts):
        section_of[first:] = [number] * (reading.chunks - first)
    counts: Counts = [Counter() for _ in starts]
    for phrase, chunks in reading.places.items():
        for chunk in chunks:
            counts[section_of[chunk]][phrase] += 1
    return counts


def signature(
    counts: Counter[str], length: int, reading: Reading, own: EpisodeTerms, lexicon: Lexicon
) -> dict[str, float]:
    """How far each phrase of a section of ``length`` chunks stands out from the episode and the library."""
    found = {}
    rest = max(0, reading.chunks - length)
    for phrase, seen in counts.items():
        elsewhere = (len(reading.places[phrase]) - seen + 0.5) / (rest + SMOOTHING)
        expected = length * (rest_rate(phrase, own, lexicon) + elsewhere) / 2
        if weight := surprise(seen, expected):
            found[phrase] = weight * (1.0 if seen > 1 else ONCE)
    return found


def choose_headings(
    signatures: Sequence[dict[str, float]], episode: Episode, own: EpisodeTerms, lexicon: Lexicon
) -> tuple[tuple[Phrase, ...], ...]:
    """The one or two phrases that head each section, none where nothing stands out; rarely the same for two."""
    names = avoided(episode)
    liked = {phrase: TIE if own.terms[phrase].chunks == 1 else 1.0 for phrase in ties(own, lexicon)}
    used: dict[str, float] = {}
    headings = []
    for weights in signatures:
        left = {phrase: weight * used.get(phrase, 1.0) for phrase, weight in weights.items()}
        ranked = _ranked(left, names, liked, own, lexicon)
        parts = _parts(ranked)
        used.update((part.key, USED) for part in parts)
        headings.append(tuple(parts))
    return tuple(headings)


def _parts(ranked: Sequence[Phrase]) -> list[Phrase]:
    """The strongest phrase, and a second that has no word of the first and weighs enough beside it."""
    parts = list(ranked[:1])
    for phrase in ranked[1:]:
        if phrase.weight < SECOND * parts[0].weight:
            break
        if set(parts[0].key.split(" ")).isdisjoint(phrase.key.split(" ")):
            return [*parts, phrase]
    return parts


def _ranked(
    weights: Mapping[str, float],
    names: tuple[set[str], str],
    liked: Mapping[str, float],
    own: EpisodeTerms,
    lexicon: Lexicon,
) -> list[Phrase]:
    people, show = names
    found = []
    for phrase, weight in weights.items():
        term = own.terms.get(phrase)
        if term is None or not term.form or not people.isdisjoint(phrase.split(" ")) or identity(phrase) == show:
            continue
        if phrase not in liked and (term.chunks < 2 or not of_content(phrase)):
            continue
        if not names_a_thing(phrase, own, lexicon):
            continue
        liking = (
            liked.get(phrase, 1.0)
            * (PHRASE if " " in phrase else 1.0)
            * (NAME if any(c.isupper() for c in term.form) else 1.0)
        )
        found.append(Phrase(phrase, weight * liking, term.form))
    return sorted(found, key=lambda p: (-p.weight, p.key))


def heading_text(parts: Sequence[Phrase], *, english: bool) -> str:
    """A heading as it is shown."""
    return capitalised((" and " if english else ", ").join(part.form for part in parts))


def capitalised(text: str) -> str:
    """With a capital first letter, but for names that have theirs inside, as npm's cousin iOS has."""
    first = text.split(" ", 1)[0]
    return text if any(c.isupper() or c.isdigit() for c in first[1:]) else text[:1].upper() + text[1:]
