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


def merge_transcript(base: str, new: str, mine: str, *, both: bool = False) -> MergedTranscript:
    """``mine``, which a person made of ``base``, with what is ``new``; line ends and byte order mark as in ``mine``.

    With ``both`` the two are of the same person, and neither may be lost: where they meet, both cues stand.
    """
    if mine == base:
        return MergedTranscript(new)
    mark = "\ufeff" if mine.startswith("\ufeff") else ""
    texts = [text.removeprefix("\ufeff").replace("\r\n", "\n") for text in (base, new, mine)]
    if texts[1] in (texts[0], texts[2]):
        return MergedTranscript(mine)
    pieces: list[str] = []
    conflicts = 0
    for piece, is_conflict in _merged(*(_BLOCK.findall(text) for text in texts), both=both):
        pieces.append(piece)
        conflicts += is_conflict
    text = "".join(pieces)
    return MergedTranscript(mark + (text.replace("\n", "\r\n") if "\r\n" in mine else text), conflicts)


def _merged(base: Sequence[str], new: Sequence[str], mine: Sequence[str], *, both: bool) -> Iterator[tuple[str, bool]]:
    """Pieces of the result, and for each whether it is a person's against what is new."""
    from merge3 import Merge3

    for kind, *parts in Merge3(base, mine, new).merge_groups():
        if kind != "conflict":
            yield "".join(parts[0]), False
            continue
        old, own, other = ("".join(part) for part in parts)
        merged = list(_by_words(old, other, own))
        if both and any(is_conflict for _, is_conflict in merged):
            merged = [(_both(*parts), True)]
        yield from merged


def _both(base: Sequence[str], mine: Sequence[str], new: Sequence[str]) -> str:
    """The person's cues, then those that are new and not among them."""
    known = {block.strip() for block in (*base, *mine)}
    blocks = [*mine, *(block for block in new if block.strip() not in known)]
    return "".join(block if block.endswith("\n\n") else block.rstrip("\n") + "\n\n" for block in blocks)


def _by_words(base: str, new: str, mine: str) -> Iterator[tuple[str, bool]]:
    from merge3 import Merge3

    old, own, other = (_WORD.findall(text) for text in (base, mine, new))
    if len(old) + len(own) + len(other) > _MOST_WORDS:
        yield mine, True
        return
    for kind, *parts in Merge3(old, own, other).merge_groups():
        yield "".join(parts[1] if kind == "conflict" else parts[0]), kind == "conflict"
