"""A text as words: where they stand, which of them carry meaning, and which forms are one word.

A *key* is a word's form for counting: without case, and without a plural s (Harman, "How effective is suffixing?",
1991). Keys are never shown; what is shown is always the text as it was spoken.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from ingest.writing.english import GENERAL_WORDS, STOP_WORDS

# Words with their inner marks (don't, front-end, Node.js, C++), and what lies between two phrases.
_WORD = r"\w+(?:[.'’\-]\w+)*[+#]{0,2}"
_WORD_OR_BREAK = re.compile(rf"(?P<word>{_WORD})|[^\s\w]")
_TOKEN = re.compile(rf"{_WORD}|[^\s\w]")
LONGEST_WORD = 40  # characters; longer runs are addresses, keys and noise


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: ``text[start:end]`` and its key; ``joined`` where only white space parts it from the last."""

    start: int
    end: int
    key: str
    joined: bool


def tokens(text: str) -> list[str]:
    """The words and marks of ``text`` as they stand: the quick way where places do not matter."""
    return [found for found in _TOKEN.findall(text) if len(found) <= LONGEST_WORD]


def words(text: str) -> list[Word]:
    """The words of ``text`` in order. Runs longer than any word are left out."""
    found: list[Word] = []
    joined = False
    for match in _WORD_OR_BREAK.finditer(text):
        if match.lastgroup is None or match.end() - match.start() > LONGEST_WORD:
            joined = False
            continue
        found.append(Word(match.start(), match.end(), word_key(match.group()), joined))
        joined = True
    return found


@lru_cache(maxsize=1 << 16)
def word_key(word: str) -> str:
    """The form in which ``word`` is counted."""
    key = unicodedata.normalize("NFC", word.casefold().replace("’", "'"))
    if key in STOP_WORDS:
        return key
    return _without_plural(key.removesuffix("'s"))


def _without_plural(key: str) -> str:
    if len(key) < 4 or not key.endswith("s") or key.endswith(("ss", "us", "is", "as", "os")):
        return key
    if key.endswith("ies") and len(key) > 4:
        return key[:-3] + "y"
    if key.endswith(("sses", "shes", "ches", "xes", "zes")):
        return key[:-2]
    return key[:-1]


def is_content(key: str) -> bool:
    """Whether a word may carry a phrase: no stop word, no bare number, no single letter of an alphabet."""
    return key not in STOP_WORDS and not key.isdecimal() and (len(key) > 1 or not key.isascii())


def may_belong(key: str) -> bool:
    """Whether a word may stand in a term: one that carries a phrase, or a general one, as in "working memory"."""
    return key in GENERAL_WORDS or is_content(key)
