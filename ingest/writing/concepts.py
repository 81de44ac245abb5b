"""What an episode is about: the phrases that it has far more of than the rest of the library.

Found by statistics alone. How far a phrase stands out is the log-likelihood of its number of chunks against the number
that the rest of the library lets one expect (Dunning, "Accurate methods for the statistics of surprise and
coincidence", 1993). A phrase has to end as things end, told by the words that stand before and after its last word
anywhere in the library: after "the", "of", "with" rather than "to", "we", "will", and at the end of a phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

from ingest.writing.terms import EpisodeTerms, Lexicon, Term
from ingest.writing.words import is_content, tokens, word_key
from kb.model import Episode

CANDIDATES = 16  # phrases of an episode that may become its concepts
AT_LEAST, FEWEST, MOST = 3, 4, 8  # concepts of an episode: at all, of a short one, of a long one
WITH_TIES = 6  # concepts of a short one, where those beyond the fewest tie it to others
CHUNKS_A_CONCEPT = 16  # one more for every eight minutes
PRIOR_CHUNKS = 200.0  # what a library of one episode is compared with: half a chunk in two hundred
NOUN_SHARE = 0.6
NOUN_LEAST = 0.08  # of its chunks have it where a noun phrase begins
END_SHARE = 0.3
RARE = (0.35, 0.35, 0.8)  # the weight of what no other episode says twice, and of what one other does
ALONE, ALONE_OF_FEW = 0.35, 0.65  # the weight of a concept that no other episode of a large, of a small library has
LARGE = 50  # episodes
COMMON_SHARE = 0.25  # of all chunks: in a language without a list, such words are its stop words
COMMON_LEAST = 20  # chunks, below which a share says nothing
IN_TITLE, PHRASE, NAME = 1.6, 1.25, 1.15
SEVERAL = 2  # episodes that say a phrase make it a tie
NEARLY_ALL, NEARLY_ALL_LEAST = 0.75, 4  # of the episodes, of at least so many: a greeting, a name of the show
ASSOCIATED = 0.3  # normalised pointwise mutual information: 0 where chance has two words in one chunk, 1 where one
# never is without the other
PROOFS = 5  # chunks: that two words belong together is no surer after more
CHUNK_WORDS = 75.0  # in half a minute of speech, about
_JOINTS = re.compile(r"[\s\-.'’_]+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that stands out: its key, how far, how it is spoken, and whether it ties its episode to others."""

    key: str
    weight: float
    form: str
    tie: bool = False


def identity(key: str) -> str:
    """What two spellings of one concept share: front end, front-end, frontend."""
    return _JOINTS.sub("", key)


def surprise(seen: float, expected: float) -> float:
    """The log-likelihood ratio of a Poisson count; 0 where no more is seen than expected."""
    return seen * log(seen / expected) - (seen - expected) if seen > expected else 0.0


def rest_rate(phrase: str, own: EpisodeTerms, lexicon: Lexicon) -> float:
    """The share of chunks that have the phrase in the rest of the library, never zero."""
    term = own.terms.get(phrase)
    elsewhere = max(0, lexicon.in_chunks[phrase] - (term.chunks if term else 0))
    return (elsewhere + 0.5) / (max(0, lexicon.chunks - own.chunks) + PRIOR_CHUNKS)


def names_a_thing(phrase: str, own: EpisodeTerms, lexicon: Lexicon) -> bool:
    """Whether a phrase can stand for itself as a heading or the name of a page."""
    words = phrase.split(" ")
    if not own.english:
        return all(not _is_common(word, own, lexicon) for word in (words[0], words[-1])) and len(phrase) > 3
    last = words[-1]
    if len(words) == 1 and not is_content(last):
        return False
    chunks, nouns, others = lexicon.in_chunks[last], lexicon.nouns[last], lexicon.others[last]
    if lexicon.ends[last] < END_SHARE * chunks:
        return False
    if len(words) == 1:
        return nouns >= NOUN_SHARE * (nouns + others + 1) and nouns >= NOUN_LEAST * chunks
    goes_before = lexicon.others[words[0]] <= max(2, 2 * lexicon.nouns[words[0]])
    return goes_before and nouns >= NOUN_SHARE * (nouns + others)


def _is_common(word: str, own: EpisodeTerms, lexicon: Lexicon) -> bool:
    term = own.terms.get(word)
    here = term is not None and own.chunks >= COMMON_LEAST and term.chunks > 1.5 * COMMON_SHARE * own.chunks
    return here or (lexicon.chunks >= COMMON_LEAST and lexicon.in_chunks[word] > COMMON_SHARE * lexicon.chunks)


def standing_out(episode: Episode, own: EpisodeTerms, lexicon: Lexicon) -> list[Phrase]:
    """All phrases that name a thing, those that say most about the episode first; people's names are left out."""
    title = title_keys(episode.title)
    people, show = avoided(episode)
    least = 2 if own.short else 3
    bound = ties(own, lexicon)
    found = []
    for phrase, term in own.terms.items():
        words = phrase.split(" ")
        if not people.isdisjoint(words) or identity(phrase) == show:
            continue
        if phrase not in bound and (term.chunks < least or not of_content(phrase)):
            continue
        weight = surprise(term.chunks, own.chunks * rest_rate(phrase, own, lexicon)) + bound.get(phrase, 0.0)
        if weight and names_a_thing(phrase, own, lexicon):
            weight *= _liking(phrase, term, lexicon) * (IN_TITLE if title.issuperset(words) else 1.0)
            found.append(Phrase(phrase, weight, term.form, phrase in bound))
    return sorted(found, key=lambda p: (-p.weight, p.key))


def ties(own: EpisodeTerms, lexicon: Lexicon) -> dict[str, float]:
    """The phrases of a short episode that tie it to others, and how far their words belong together.

    Several episodes say such a phrase, and its first and last word are in the same chunks far more often than chance
    would have them (Bouma, "Normalized (pointwise) mutual information in collocation extraction", 2009). A part of a
    longer one that is never said alone is none (Frantzi and Ananiadou, 1996).
    """
    if not own.short:
        return {}
    once = 1.0 - _weight_of_sharing(lexicon.episodes)  # much is said by the way that several of many episodes say
    found = {}
    for phrase, term in own.terms.items():
        weight = _association(phrase, lexicon) * (1.0 if term.chunks > 1 else once) if " " in phrase else 0.0
        if weight and not _by_rote(phrase, term, lexicon) and _may_end(phrase.split(" ")[-1], lexicon):
            found[phrase] = weight
    for phrase in sorted(found):
        words = phrase.split(" ")
        for part in (" ".join(words[:2]), " ".join(words[1:])) if len(words) > 2 else ():
            if lexicon.in_chunks[part] <= lexicon.in_chunks[phrase]:
                found.pop(part, None)
    return found


def _association(phrase: str, lexicon: Lexicon) -> float:
    """How surely the words of a phrase that several episodes say belong together; 0 where they may not."""
    episodes, together = lexicon.in_episodes[phrase], lexicon.in_chunks[phrase]
    if episodes < SEVERAL or (lexicon.episodes >= NEARLY_ALL_LEAST and episodes > NEARLY_ALL * lexicon.episodes):
        return 0.0
    first, *_, last = phrase.split(" ")
    by_chance = max(lexicon.in_chunks[first], together) * max(lexicon.in_chunks[last], together) / lexicon.chunks
    if together >= lexicon.chunks or log(together / by_chance) < ASSOCIATED * log(lexicon.chunks / together):
        return 0.0
    proofs = min(PROOFS, together)
    return surprise(proofs, proofs * by_chance / together / CHUNK_WORDS)


def _by_rote(phrase: str, term: Term, lexicon: Lexicon) -> bool:
    """Whether a phrase is only ever said between the same two words: as part of a sentence that recurs."""
    return term.around * lexicon.in_chunks[phrase] == lexicon.around[phrase] * term.chunks


def _may_end(word: str, lexicon: Lexicon) -> bool:
    """Whether a word may be the last of a tie: a general one only where it is a noun here."""
    return is_content(word) or lexicon.nouns[word] > lexicon.others[word]


def of_content(phrase: str) -> bool:
    """Whether a phrase begins and ends with a word of meaning; a general one is let pass only in a tie."""
    words = phrase.split(" ")
    return is_content(words[0]) and is_content(words[-1])


def title_keys(text: str) -> set[str]:
    """The keys of the words of a title or a name."""
    return set(title_keys_in_order(text))


def title_keys_in_order(text: str) -> list[str]:
    """The same as a list."""
    return [word_key(token) for token in tokens(text) if token[0].isalnum()]


def avoided(episode: Episode) -> tuple[set[str], str]:
    """What no concept or heading is made of: the words of the speakers' names, and (by identity) the show's name."""
    return title_keys(" ".join(episode.speakers)), identity(" ".join(title_keys_in_order(episode.show)))


def _liking(phrase: str, term: Term, lexicon: Lexicon) -> float:
    """Phrases before single words, names before words, and what other episodes speak of too before all else."""
    liking = PHRASE if " " in phrase else 1.0
    if any(c.isupper() for c in term.form):
        liking *= NAME
    if lexicon.in_episodes[phrase] < 3:
        liking *= RARE[lexicon.in_episodes[phrase]] ** _weight_of_sharing(lexicon.episodes)
    return liking


def _weight_of_sharing(episodes: int) -> float:
    """In a small library it says little that nobody else speaks of something, in a large one a lot: 0 to 1."""
    return min(1.0, episodes / LARGE)


def candidates(ranked: Iterable[Phrase], own: EpisodeTerms) -> tuple[Phrase, ...]:
    """The phrases that an episode is about, as far as it alone can tell."""
    return without_overlap(ranked, own, CANDIDATES)


def choose_concepts(
    found: Sequence[Phrase], own: EpisodeTerms, carriers: Mapping[str, int], episodes: int
) -> tuple[Phrase, ...]:
    """Four to eight of an episode's candidates, those that say most about it first.

    ``carriers`` says of how many of the library's ``episodes`` each, by identity, is a candidate: what two speak about
    comes before what only one does, because a concept ties a library together; a short episode with many such phrases
    has some more. What will have no page is taken only
    where there would be less than three.
    """
    alone = ALONE_OF_FEW + (ALONE - ALONE_OF_FEW) * _weight_of_sharing(episodes)
    shared = {phrase.key: carriers.get(identity(phrase.key), 1) for phrase in found}

    def order(phrase: Phrase) -> tuple[float, str]:
        return -phrase.weight * (1.0 if shared[phrase.key] > 1 else alone), phrase.key

    lasting = [p for p in found if worth_a_page(shared[p.key], own.terms[p.key].chunks)]
    fleeting = [p for p in found if p not in lasting]
    lasting.sort(key=order)
    wanted = min(MOST, FEWEST + own.chunks // CHUNKS_A_CONCEPT)
    chosen = lasting[:wanted]
    chosen += [p for p in lasting[wanted:] if p.tie and shared[p.key] > 1][: max(0, WITH_TIES - wanted)]
    return (*chosen, *sorted(fleeting, key=order)[: max(0, AT_LEAST - len(chosen))])


def worth_a_page(episodes: int, chunks: int) -> bool:
    """Whether a concept of so many episodes, said in so many chunks of them, gets a page of its own."""
    return episodes > 1 or chunks > 2


def without_overlap(ranked: Iterable[Phrase], own: EpisodeTerms, wanted: int) -> tuple[Phrase, ...]:
    """The first ``wanted`` phrases that say something that no earlier one says."""
    chosen: list[Phrase] = []
    for phrase in ranked:
        if len(chosen) == wanted:
            break
        if not any(_same_thing(phrase.key, other.key, own.terms) for other in chosen):
            chosen.append(phrase)
    return tuple(chosen)


def _same_thing(one: str, other: str, terms: Mapping[str, Term]) -> bool:
    if identity(one) == identity(other):
        return True
    long, short = (one, other) if len(one.split(" ")) >= len(other.split(" ")) else (other, one)
    shared = set(long.split(" ")) & set(short.split(" "))
    if len(long.split(" ")) == len(short.split(" ")):
        return len(shared) == len(long.split(" ")) or len(shared) > 1
    if len(shared) < len(short.split(" ")):
        return False
    rest = terms[long].chunks if long in terms else 0
    return 3 * rest >= (terms[short].chunks if short in terms else 0)
