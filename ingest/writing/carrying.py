"""Which sentences carry a stretch of speech.

A sentence carries a stretch by the words of which the stretch has far more than the rest (topic signatures: Lin and
Hovy, "The automated acquisition of topic signatures", 2000); after each choice the words that were said weigh less,
so that the next sentence says something else (SumBasic: Nenkova and Vanderwende, 2005).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ingest.writing.reading import Spoken

FAINT, FAINTEST = 0.3, 0.1  # of the first choice's score: a third sentence, or a second, that weighs less is left out
SAID = 0.25  # of a word's weight is left once it was said
ALIKE = 0.6  # two sentences that share more of their words of meaning say the same
HALF_GOOD = 0.35  # below it a sentence is taken only where there is nothing better
ENOUGH = 2  # good sentences are enough, though more were asked for


def carrying(
    spoken: Iterable[Spoken],
    weights: Mapping[str, float],
    count: int,
    *,
    taken: Sequence[Spoken] = (),
    liking: Callable[[Spoken], float] | None = None,
) -> tuple[Spoken, ...]:
    """At most ``count`` sentences in the order in which they were said, none like another or like one ``taken``.

    ``liking`` says how much more than another a sentence is wanted, where that is not a matter of its words alone.
    """
    pool = [one for one in spoken if one.fit > 0 and not one.formula]
    good = [one for one in pool if one.fit >= HALF_GOOD]
    if len(good) < min(count, ENOUGH):
        good = pool
    left = dict(weights)
    chosen: list[Spoken] = []
    scored = {at: one.fit * (liking(one) if liking else 1.0) for at, one in enumerate(good)}
    first = 0.0
    while scored and len(chosen) < count:
        best = max(scored, key=lambda at: (scored[at] * _worth(good[at], left), -at))
        one = good[best]
        score = scored.pop(best) * _worth(one, left)
        if score <= first * (FAINT if len(chosen) >= ENOUGH else FAINTEST):
            break
        if any(alike(one, other) for other in (*chosen, *taken)):
            continue
        first = first or score
        chosen.append(one)
        left |= {key: left[key] * SAID for key in one.content if key in left}
    return tuple(sorted(chosen, key=lambda one: (one.sentence.start_s, one.chunk)))


def _worth(one: Spoken, weights: Mapping[str, float]) -> float:
    """The weight of what a sentence says, by the root of its length: neither the longest nor the shortest wins."""
    total = sum(weights.get(key, 0.0) for key in sorted(one.content))
    return total / float((8 + len(one.words)) ** 0.5)


def alike(one: Spoken, other: Spoken) -> bool:
    """Whether two sentences say the same in much the same words."""
    smaller = min(len(one.content), len(other.content))
    return one.sentence == other.sentence or len(one.content & other.content) > ALIKE * max(1, smaller)
