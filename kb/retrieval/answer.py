"""Question -> the sentences that answer it best, verbatim, by episode; or that nothing does.

Nothing is written anew: an answer is made of quotations. Each sentence of the passages found is weighed by the share
of the question's words that it covers, by its nearness in meaning, and by what its passage is worth.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log10

import sentencex

from kb.model import Answer, Episode, EpisodeQuotes, Hit, Quote, Sentence
from kb.retrieval.search import Sources, search, telling
from kb.timecode import deep_link

PASSAGES = 12
WEIGHED = 48  # sentences whose meaning is compared
FEWEST_WORDS = 5  # a shorter sentence says nothing by itself
PER_EPISODE = 3
REPLY = 0.9  # what a question's words are worth to the statement that follows it
# The least that the best passage must score in a library of a hundred passages, and how much more in one ten times as
# large: the best of many that have nothing to do with a question comes nearer to it than the best of a few.
ENOUGH, ENOUGH_MORE = 0.45, 0.13
BY_WORDS_ALONE = 0.25  # what is missing in a score without meaning
GOOD = 0.7  # other sentences must be worth this share of the best one


@dataclass(frozen=True, slots=True)
class _Candidate:
    hit: Hit
    sentence: Sentence
    covered: float  # share of the question's words, by rarity
    worth: float = 0.0


def answer(sources: Sources, question: str, *, limit: int = 4) -> Answer:
    """What up to ``limit`` episodes say to a question; ``supported`` is False where nothing is close enough."""
    started = time.perf_counter()
    found = search(sources, question, limit=PASSAGES)
    best = _weighed(sources, question, _candidates(sources, question, found.hits))
    supported = bool(best) and found.hits[0].score >= _enough(sources)
    return Answer(
        question=question,
        supported=supported,
        groups=_groups(best, limit) if supported else (),
        nearest=() if supported else found.hits[:3],
        took_ms=(time.perf_counter() - started) * 1000,
        remarks=found.remarks,
    )


def _enough(sources: Sources) -> float:
    """The score from which the best passage answers."""
    more = ENOUGH_MORE * max(0.0, log10(max(1, len(sources.lexical)) / 100))
    return ENOUGH + more - (BY_WORDS_ALONE if sources.embedder is None else 0.0)


def _candidates(sources: Sources, question: str, hits: Sequence[Hit]) -> list[_Candidate]:
    """The statements of the passages found that cover most of the question."""
    rarity = telling(sources.lexical, sources.lexical.distinct_words(question))
    candidates = [candidate for hit in hits for candidate in _statements(sources, hit, rarity)]
    order = sorted(range(len(candidates)), key=lambda at: (-candidates[at].covered, candidates[at].hit.rank, at))
    return [candidates[at] for at in order[:WEIGHED]]


def _statements(sources: Sources, hit: Hit, rarity: Mapping[str, float]) -> Iterator[_Candidate]:
    """What is said in a passage but for its questions: the words of a question count for the one that answers it."""
    asked = 0.0
    for sentence in _sentences(hit):
        covered = _coverage(sources, sentence, rarity)
        if sentence.text.endswith("?"):
            asked = max(asked, covered)
        elif len(sentence.text.split()) >= FEWEST_WORDS:
            yield _Candidate(hit, sentence, max(covered, REPLY * asked))
            asked = 0.0


def _sentences(hit: Hit) -> Sequence[Sentence]:
    """What was said; of a note its sentences, at the time that the note gives."""
    passage = hit.passage
    if passage.sentences or passage.start_s is None:
        return passage.sentences
    parts = (part.strip() for line in passage.text.splitlines() for part in sentencex.segment("en", line))
    return [Sentence(passage.start_s, passage.end_s or passage.start_s, part) for part in parts if part]


def _coverage(sources: Sources, sentence: Sentence, rarity: Mapping[str, float]) -> float:
    stems = set(sources.lexical.stems(sentence.text))
    return sum(weight for stem, weight in rarity.items() if stem in stems) / (sum(rarity.values()) or 1.0)


def _weighed(sources: Sources, question: str, candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The candidates with their worth, the best first."""
    if not candidates:
        return []
    if sources.embedder is None:
        cosines = [0.0] * len(candidates)
    else:
        vectors = sources.embedder.encode([c.sentence.text for c in candidates])
        cosines = (vectors @ sources.embedder.encode_query(question)).tolist()
    weighed = [
        replace(c, worth=(c.covered + cosine) / 2 + 0.1 * min(1.0, c.hit.score))
        for c, cosine in zip(candidates, cosines, strict=True)
    ]
    return sorted(weighed, key=lambda c: (-round(c.worth, 6), c.hit.rank, c.sentence.start_s))


def _groups(best: Sequence[_Candidate], limit: int) -> tuple[EpisodeQuotes, ...]:
    groups: dict[str, tuple[Episode, list[_Candidate]]] = {}
    said: set[str] = set()
    for candidate in best:
        episode = candidate.hit.passage.episode
        if candidate.worth < GOOD * best[0].worth or candidate.sentence.text in said:
            continue
        _, quotes = groups.setdefault(episode.id, (episode, []))
        if len(quotes) < PER_EPISODE:
            quotes.append(candidate)
            said.add(candidate.sentence.text)
    chosen = list(groups.values())[:limit]
    return tuple(EpisodeQuotes(episode, tuple(map(_quote, quotes))) for episode, quotes in chosen)


def _quote(candidate: _Candidate) -> Quote:
    episode, sentence = candidate.hit.passage.episode, candidate.sentence
    url = deep_link(episode.url, episode.video_id, sentence.start_s)
    return Quote(sentence.text, sentence.speaker, sentence.start_s, url, round(candidate.worth, 6))
