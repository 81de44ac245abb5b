"""A transcript that a person edited, and that is to be written anew: both, as far as they do not contradict each other.

Cue by cue, and within a cue that both changed word by word (diff3: Khanna, Kunal, Pierce, "A formal investigation of
diff3", 2007). Where both changed the same words the person's stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_BLOCK = re.compile(r"(?:[^\n]+\n?)+\n*|\n+")  # a cue or a comment, with the empty lines after it
_WORD = re.compile(r"\s+|\S+")
_MOST_WORDS = 3000  # of a stretch that is merged word by word: beyond, it takes too long


@dataclass(frozen=True, slots=True)
class MergedTranscript:
    """The text, and how many stretches both had changed: there, the person's stands."""

    text: str
    conflicts: int = 0


def merge_transcript(base: str, new: str, mine: str) -> MergedTranscript:
    """``mine``, which a person made of ``base``, with what is ``new``; line ends and byte order mark as in ``mine``."""
    if mine == base:
        return MergedTranscript(new)
    mark = "\ufeff" if mine.startswith("\ufeff") else ""
    plain = mine.removeprefix(mark).replace("\r\n", "\n")
    if new in (base, plain):
        return MergedTranscript(mine)
    pieces: list[str] = []
    conflicts = 0
    for piece, is_conflict in _merged(*(_BLOCK.findall(text) for text in (base, new, plain))):
        pieces.append(piece)
        conflicts += is_conflict
    text = "".join(pieces)
    return MergedTranscript(mark + (text.replace("\n", "\r\n") if "\r\n" in mine else text), conflicts)


def _merged(base: Sequence[str], new: Sequence[str], mine: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Pieces of the result, and for each whether it is a person's against what is new."""
    from merge3 import Merge3

    for kind, *parts in Merge3(base, mine, new).merge_groups():
        if kind != "conflict":
            yield "".join(parts[0]), False
            continue
        old, own, other = ("".join(part) for part in parts)
        yield from _by_words(old, other, own)


def _by_words(base: str, new: str, mine: str) -> Iterator[tuple[str, bool]]:
    from merge3 import Merge3

    old, own, other = (_WORD.findall(text) for text in (base, mine, new))
    if len(old) + len(own) + len(other) > _MOST_WORDS:
        yield mine, True
        return
    for kind, *parts in Merge3(old, own, other).merge_groups():
        yield "".join(parts[1] if kind == "conflict" else parts[0]), kind == "conflict"
