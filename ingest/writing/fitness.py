"""How well a sentence stands for itself: whole, no question, nothing at its head that points to the one before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp

from ingest.writing.english import (
    ASKING,
    AUXILIARIES,
    COURTESIES,
    DETERMINERS,
    FILLER_PAIRS,
    FILLERS,
    FIRST_PERSON,
    GOES_ON,
    POINTS_BACK,
    PRONOUNS,
    SUBORDINATES,
)

SHORTEST, LONGEST = 8, 45  # words
FAIR_LENGTH = 24.0  # words: a sentence of that length says something and is soon read
BRIEF, LENGTHY = 14.0, 22.0  # words: how soon a shorter and a longer one is worth less
LIST_HEAD = 4  # words before the first comma of a list without a verb
MARKS_OF_END = (".", "!", "…", "。", "！", "।", "۔", '."', '!"', ".”", "!”", ".)", "!)", ".'", "。”", "」")


def fitness(text: str, keys: Sequence[str], *, english: bool) -> float:
    """How well a sentence stands for itself: 0 (not at all) to 1. ``keys`` are those of its words."""
    length = len(keys)
    if length < 3:
        return 0.0
    fit: float = exp(-(((length - FAIR_LENGTH) / (BRIEF if length < FAIR_LENGTH else LENGTHY)) ** 2))
    if not SHORTEST <= length <= LONGEST:
        fit *= 0.1
    if text.rstrip().endswith(("?", "？", "؟", "...", "…", "—", "-", ",")):
        fit *= 0.05
    elif not text.rstrip().endswith(MARKS_OF_END):
        fit *= 0.2
    if text[:1].islower() or (not text[:1].isalnum() and text[:1] not in "\"'“‘«¿¡„「"):
        fit *= 0.2
    if _stutters(keys):
        fit *= 0.5
    return fit * _english_fitness(text, keys) if english else fit


def _stutters(keys: Sequence[str]) -> bool:
    """Whether a word or two are said twice in a row."""
    pairs = list(pairwise(keys))
    return any(a == b for a, b in pairs) or any(a == b for a, b in zip(pairs, pairs[2:], strict=False))


def _enumerates(text: str) -> bool:
    """Whether a sentence is but a list of things: a few words, and after two commas or more a determiner each."""
    first, *others = text.casefold().split(",")
    words = first.split()
    listed = sum(part.split()[0] in DETERMINERS for part in others if part.strip())
    return len(words) <= LIST_HEAD and listed > 1 and AUXILIARIES.isdisjoint(words) and PRONOUNS.isdisjoint(words)


def _english_fitness(text: str, keys: Sequence[str]) -> float:
    head = 0.1 if keys[0] in GOES_ON else 0.25 if keys[0] in POINTS_BACK else 1.0
    if keys[0] in AUXILIARIES or (keys[0] in ASKING and keys[1] in AUXILIARIES):
        head *= 0.2
    if not COURTESIES.isdisjoint(keys):
        head *= 0.2
    if keys[0] in SUBORDINATES and "," not in text:
        head *= 0.25
    if _enumerates(text):
        head *= 0.2
    pronouns = sum(key in PRONOUNS for key in keys)
    fillers = sum(key in FILLERS for key in keys) + 2 * sum(pair in FILLER_PAIRS for pair in pairwise(keys))
    fillers += 2 * (text.count("like,") + text.count(", like"))
    first_person = sum(key in FIRST_PERSON for key in keys)
    clean = (1 - min(0.8, 3.0 * pronouns / len(keys))) * (1 - min(0.7, 4.0 * fillers / len(keys)))
    return head * clean * (1 - min(0.5, 2.0 * first_person / len(keys)))
