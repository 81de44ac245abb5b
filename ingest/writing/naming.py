"""Titles -> file names that every system takes and every person can read.

Letters of all scripts stay; the rest becomes underscores. A name is at most 80 bytes of UTF-8, cut between words.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Container

LONGEST = 80  # bytes of UTF-8: room for a number, a suffix and a temporary name within 255
_SILENT = frozenset("'’‘ʼ`´\u200b\u200c\u200d\u2060\ufeff")
_KEPT = frozenset("LMN")  # Unicode's letters, marks and numbers
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "clock$", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
)


def slug(title: str) -> str:
    """``title`` as a file name without its ending; empty where nothing of it can stay. Never a path."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title[:2000]).casefold())
    shown = "".join(c if unicodedata.category(c)[0] in _KEPT else " " for c in text if c not in _SILENT)
    name = ""
    for word in shown.split():
        longer = f"{name}_{word}" if name else _cut(word)
        if len(longer.encode("utf-8")) > LONGEST:
            break
        name = longer
    return f"{name}_" if name in _RESERVED else name


def _cut(word: str) -> str:
    """The start of a word that is too long to be a name, without half a character at its end."""
    return word.encode("utf-8")[:LONGEST].decode("utf-8", "ignore")


def free_slug(title: str, identity: str, taken: Container[str], *, otherwise: str = "episode") -> str:
    """A slug that is not ``taken``: of the title, with the identity's slug where another has it, with a hash at last.

    Depends on nothing but its arguments, so that the same episodes get the same names in every run.
    """
    own, name = slug(identity), slug(title)
    base = name or own or otherwise
    room = base.encode("utf-8")[: LONGEST - 20].decode("utf-8", "ignore")
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    for candidate in (base, _cut(f"{room}_{own}") if own and own != base else "", f"{room}_{digest}"):
        if candidate and candidate not in taken:
            return candidate
    number = 2
    while f"{room}_{digest}_{number}" in taken:
        number += 1
    return f"{room}_{digest}_{number}"
