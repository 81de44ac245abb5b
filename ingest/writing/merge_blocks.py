"""The blocks of a note, and which of them correspond in two texts; see ``ingest.writing.merge``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

SIMILAR = 0.5  # of the words: then one block is taken for another that was changed
MOST_COMPARED = 2_500  # pairs of blocks whose words are compared, at one place; beyond that they are not paired
_FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,})(?P<info>.*)")
_HEADING = re.compile(r" {0,3}#{1,6}(\s|$)")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])(\s|$)")
_QUOTE = re.compile(r" {0,3}>")


def elements_of(text: str) -> list[str]:
    """``text`` as between, block, between, ..., block, between; put together again it is the same text."""
    elements, space = [], ""
    for kind, part in _parts(text):
        if kind == "space":
            space += part
        else:
            end = "\n" if part.endswith("\n") else ""
            elements += [space, part.removesuffix("\n")]
            space = end
    return [*elements, space]


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Blocks with the ends of their lines, and lines with nothing in them."""
    kind, lines, fence = "", [], ""
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        starts = _starts(line)
        if fence:
            lines.append(line)
            if _closes(line, fence):
                yield kind, "".join(lines)
                kind, lines, fence = "", [], ""
            continue
        # a line without its > still belongs to the quotation
        if lines and (starts in ("space", "heading", "item", "fence") or (starts == "quote" and kind != "quote")):
            yield kind, "".join(lines)
            kind, lines = "", []
        if starts in ("space", "heading"):
            yield starts, line
            continue
        kind, lines = kind or starts, [*lines, line]
        if starts == "fence" and (opening := _FENCE.match(line)):
            fence = opening["fence"]
    if lines:
        yield kind, "".join(lines)


def _starts(line: str) -> str:
    """What begins with this line, if it stands at the beginning of a block."""
    if not line.strip():
        return "space"
    if (fence := _FENCE.match(line)) and not (fence["fence"][0] == "`" and "`" in fence["info"]):
        return "fence"
    for kind, pattern in (("heading", _HEADING), ("item", _ITEM), ("quote", _QUOTE)):
        if pattern.match(line):
            return kind
    return "text"


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return len(mark) >= len(fence) and mark == fence[0] * len(mark)


def kind_of(block: str) -> str:
    return _starts(block.split("\n", 1)[0]) if block else ""


def joined(elements: Sequence[str]) -> str:
    """Puts elements together, with an empty line between blocks that would otherwise run into each other."""
    out = list(elements)
    for at in range(2, len(out) - 1, 2):
        one, space, other = out[at - 1 : at + 2]
        if not space.startswith("\n") or (
            space.count("\n") == 1 and elements_of(one + space + other)[1::2] != [one, other]
        ):
            out[at] = "\n\n"
    return "".join(out)


@dataclass(frozen=True, slots=True)
class Pair:
    """Block ``base`` of one text is, unchanged or not, block ``other`` of another."""

    base: int
    other: int
    equal: bool


def pairs_of(base: Sequence[str], other: Sequence[str]) -> list[Pair]:
    """Which blocks correspond, in their order."""
    found: list[Pair] = []
    for tag, b1, b2, o1, o2 in SequenceMatcher(None, base, other).get_opcodes():
        if tag == "equal":
            found += [Pair(b1 + at, o1 + at, True) for at in range(b2 - b1)]
        elif tag == "replace":
            found += [Pair(b1 + b, o1 + o, False) for b, o in _changed(base[b1:b2], other[o1:o2])]
    return found


def _changed(base: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Which of these different blocks are the same one, changed: as many, one by one; else those alike in words."""
    if list(map(kind_of, base)) == list(map(kind_of, other)):
        return [(at, at) for at in range(len(base))]
    if len(base) * len(other) > MOST_COMPARED:
        return []
    words = [[Counter(block.split()) for block in side] for side in (base, other)]
    # The longest row of pairs that are alike, from the end: best[b][o] is for what begins at b and o.
    best = [[0.0] * (len(other) + 1) for _ in range(len(base) + 1)]
    alike = {(b, o): _alike(x, y) for b, x in enumerate(words[0]) for o, y in enumerate(words[1])}
    for b in reversed(range(len(base))):
        for o in reversed(range(len(other))):
            paired = alike[b, o] + best[b + 1][o + 1] if alike[b, o] >= SIMILAR else 0.0
            best[b][o] = max(paired, best[b + 1][o], best[b][o + 1])
    pairs, b, o = [], 0, 0
    while b < len(base) and o < len(other):
        if best[b][o] == best[b + 1][o]:
            b += 1
        elif best[b][o] == best[b][o + 1]:
            o += 1
        else:
            pairs.append((b, o))
            b, o = b + 1, o + 1
    return pairs


def _alike(one: Counter[str], other: Counter[str]) -> float:
    """The share of words that two blocks have in common (Dice), 0 to 1."""
    return 2 * (one & other).total() / max(1, one.total() + other.total())


class Matcher:
    """Tells merge3 which elements of two texts are the same: blocks, and what lies around blocks that correspond."""

    def __init__(self, isjunk: Any, base: Sequence[str], other: Sequence[str], autojunk: bool = True) -> None:
        self._base, self._other = base, other

    def get_matching_blocks(self) -> list[tuple[int, int, int]]:
        """Places in both and how many elements agree from there, as difflib has them."""
        base, other = self._base, self._other
        pairs = [
            Pair(-1, -1, False),
            *pairs_of(base[1::2], other[1::2]),
            Pair(len(base) // 2, len(other) // 2, False),
        ]
        found: list[tuple[int, int]] = []
        for before, after in pairwise(pairs):
            if before.equal:
                found.append((2 * before.base + 1, 2 * before.other + 1))
            if after.base == before.base + 1 and after.other > before.other + 1:
                continue  # blocks came in: what was between is on neither side of them, so that both sides' can be put
            for b, o in ((2 * before.base + 2, 2 * before.other + 2), (2 * after.base, 2 * after.other)):
                free = not found or (b > found[-1][0] and o > found[-1][1])
                if free and base[b] == other[o]:
                    found.append((b, o))
        return [*((b, o, 1) for b, o in found), (len(base), len(other), 0)]
