"""Merges what Hark would write into a note that a person changed: front matter key by key, the text block by block.

    base     the note as it was last generated        new    as it would be generated now
    mine     the note as the person has it

A block is a paragraph, a heading, a list item, a quotation or callout, a table, a fence. What lies between two blocks
(the end of a line, empty lines) is an element of its own, so that a change of one block leaves the next alone. Where
base, new and mine agree is found by merge3; what lies between two such places is decided here: what only one side
changed is taken, what both sides added is kept, and where both changed the same block the person's stands and the new
one becomes a conflict. There is never a mark of one in the text.

Pure. Holds for all texts: mine == base gives new, new == base gives mine, every block that the person wrote or changed
is in the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ingest.writing.merge_blocks import Matcher, elements_of, joined, kind_of, pairs_of
from ingest.writing.merge_front import cut_front, merge_front

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One place that both changed: ``where`` names it (a heading, a key), the rest is what each has there."""

    where: str
    base: str
    new: str
    mine: str


@dataclass(frozen=True, slots=True)
class Merged:
    """``text`` is the note to be; ``proposed`` the same with the new side of each conflict.

    ``base`` is what to merge from the next time: the new text, with the old base where nothing is decided yet. So a
    conflict comes up again until the person takes or drops it, and nothing else does.
    """

    text: str
    conflicts: tuple[Conflict, ...]
    proposed: str
    base: str


def merge_note(base: str, new: str, mine: str, *, both: bool = False) -> Merged:
    """Merges ``new`` into ``mine``. With ``both`` there are no conflicts: both sides' blocks stand, the person's first.

    ``both`` is for two texts of the same person: neither may be lost.
    """
    if mine in (base, new):
        return Merged(new, (), new, new)
    if new == base:
        return Merged(mine, (), mine, base)
    dress = _Dress(mine.startswith(_BOM), "\n" in mine and mine.count("\n") == mine.count("\r\n"))
    base, new, mine = dress.off(base), dress.off(new), dress.off(mine)
    (base_head, base_body), (new_head, new_body), (my_head, my_body) = map(cut_front, (base, new, mine))
    head = merge_front(base_head, new_head, my_head)
    sides = elements_of(base_body), elements_of(new_body), elements_of(my_body)
    body = _Body(both)
    if _is_merged(*sides):
        body.text = body.proposed = list(sides[2])
        body.base = list(sides[1])
    else:
        body.merge(*sides)
    conflicts = [Conflict(*found) for found in head.conflicts] + body.conflicts
    return Merged(
        dress.on(head.text + joined(body.text)),
        tuple(conflicts),
        dress.on(head.proposed + joined(body.proposed)),
        head.base + joined(body.base),
    )


def _is_merged(base: Sequence[str], new: Sequence[str], mine: Sequence[str]) -> bool:
    """Whether mine has all new blocks in their order, and beside them none of the base's: a killed run merged it."""
    rest = iter(mine[1::2])
    if not all(block in rest for block in new[1::2]):  # each is looked for behind the one before
        return False
    own = Counter(mine[1::2]) - Counter(new[1::2])
    return own.keys().isdisjoint(base[1::2])


def blocks_of(text: str) -> list[str]:
    """The blocks of a note's text, without its front matter and without what lies between them."""
    return elements_of(cut_front(text)[1])[1::2]


@dataclass(frozen=True, slots=True)
class _Dress:
    """What an editor puts around a text: taken off all three, so that it is no change, and put on the result."""

    mark: bool
    carriage_returns: bool

    def off(self, text: str) -> str:
        text = text.removeprefix(_BOM)
        return text.replace("\r\n", "\n") if self.carriage_returns else text

    def on(self, text: str) -> str:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n") if self.carriage_returns else text
        return _BOM + text if self.mark else text


# --- the text ---


@dataclass(frozen=True, slots=True)
class _Block:
    """A block and what lies before and behind it, empty where that is outside the place looked at."""

    before: str
    text: str
    behind: str


@dataclass(frozen=True, slots=True)
class _Place:
    """What lies between two places where all three agree; whether it begins and ends with what is between blocks.

    ``is_last``: behind it, the text ends.
    """

    base: Sequence[str]
    new: Sequence[str]
    mine: Sequence[str]
    begins_between: bool
    ends_between: bool
    is_last: bool

    def blocks(self, elements: Sequence[str]) -> list[_Block]:
        """The blocks among one side's ``elements``."""
        row = [*([] if self.begins_between else [""]), *elements, *([] if self.ends_between else [""])]
        return [_Block(row[at - 1], row[at], row[at + 1]) for at in range(1, len(row) - 1, 2)]

    def parts(self) -> Iterator[_Place]:
        """The place cut at each block of the base that both sides have, changed or not."""
        base, new, mine = ([block.text for block in self.blocks(e)] for e in (self.base, self.new, self.mine))
        in_new, in_mine = ({pair.base: pair.other for pair in pairs_of(base, other)} for other in (new, mine))
        lead = 1 if self.begins_between else 0
        begins, b, n, m = self.begins_between, 0, 0, 0
        for block in sorted(in_new.keys() & in_mine.keys()):
            b1, n1, m1 = (2 * at + lead for at in (block, in_new[block], in_mine[block]))
            yield _Place(self.base[b:b1], self.new[n:n1], self.mine[m:m1], begins, True, False)
            b, n, m = b1 + 1, n1 + 1, m1 + 1
            yield _Place(self.base[b1:b], self.new[n1:n], self.mine[m1:m], False, False, False)
            begins = True
        yield _Place(self.base[b:], self.new[n:], self.mine[m:], begins, self.ends_between, self.is_last)

    def elements(self, blocks: Sequence[_Block]) -> list[str]:
        """Blocks as elements that fit in here."""
        if not blocks:
            return [max(self.new[0], self.mine[0], key=len)] if self.begins_between and self.ends_between else []
        out = [blocks[0].before] if self.begins_between else []
        for one, other in pairwise(blocks):
            out += [one.text, _between(one, other)]
        return [*out, blocks[-1].text, *([blocks[-1].behind] if self.ends_between else [])]


def _between(one: _Block, other: _Block) -> str:
    """What is put between two blocks: what was there, as far as it was somewhere."""
    choice = min if kind_of(one.text) == kind_of(other.text) == "item" else max
    return choice((space for space in (one.behind, other.before) if space.startswith("\n")), key=len, default="\n\n")


@dataclass(slots=True)
class _Body:
    """The three texts that come out, as elements, and the conflicts."""

    both: bool
    text: list[str] = field(default_factory=list)
    proposed: list[str] = field(default_factory=list)
    base: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    def merge(self, base: list[str], new: list[str], mine: list[str]) -> None:
        """Merges elements; texts come out as ``text``, ``proposed`` and ``base``."""
        from merge3 import Merge3

        b = m = n = 0
        for b1, b2, m1, m2, n1, n2 in Merge3(base, mine, new, sequence_matcher=Matcher).find_sync_regions():
            place = _Place(base[b:b1], new[n:n1], mine[m:m1], b % 2 == 0, b1 % 2 == 1, b2 == len(base))
            for part in place.parts():
                self._take(*self._decided(part))
            self._take(base[b1:b2], base[b1:b2], base[b1:b2])
            b, m, n = b2, m2, n2

    def _take(self, text: Sequence[str], proposed: Sequence[str], base: Sequence[str]) -> None:
        self.text += text
        self.proposed += proposed
        self.base += base

    def _decided(self, place: _Place) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
        """What stands at a place in the three texts that come out."""
        base, new, mine = ([block.text for block in place.blocks(e)] for e in (place.base, place.new, place.mine))
        if mine == base:
            return place.new, place.new, place.new
        if new in (base, mine):
            return place.mine, place.mine, place.new
        added, changed = _added(place, place.mine)
        if not changed:
            merged = self._with(place, place.new, added)
            return merged, merged, place.new
        news, new_changed = _added(place, place.new, with_changed=self.both)
        if self.both or not new_changed:
            merged = self._with(place, place.mine, news, theirs=True)
            return merged, merged, place.new
        proposed = self._with(place, place.new, added)
        if [block.text for block in place.blocks(proposed)] == mine:
            return place.mine, place.mine, place.new
        where = next((e for e in reversed(self.text[1::2]) if kind_of(e) == "heading"), "").lstrip("# ").strip()
        sides = ("".join(side).strip("\n") for side in (place.base, place.new, place.mine))
        self.conflicts.append(Conflict(where, *sides))
        return place.mine, proposed, place.base

    def _with(
        self, place: _Place, elements: Sequence[str], added: Sequence[tuple[int, _Block]], *, theirs: bool = False
    ) -> list[str]:
        """``elements`` with blocks added, those of the person or, with ``theirs``, those of the new text."""
        here = place.blocks(elements)
        pairs = pairs_of([b.text for b in place.blocks(place.base)], [b.text for b in here])
        where = {pair.base: pair.other for pair in pairs}
        paired, total = set(where.values()), len(place.blocks(place.base))
        there = Counter(block.text for at, block in enumerate(here) if at not in paired)
        rows: list[list[_Block]] = [[] for _ in range(len(here) + 1)]
        for after, block in added:
            if there[block.text]:
                there[block.text] -= 1
                continue
            at = _at(after, where, total, len(here))
            if place.is_last and after == total:
                at = at if theirs else len(here)  # what a person wrote at the end stays at the end
            else:
                while at < len(here) and at not in paired and self._goes_behind(here, at, block, theirs):
                    at += 1
            rows[at].append(block)
        out = list(rows[0])
        for block, row in zip(here, rows[1:], strict=True):
            out += [block, *row]
        return place.elements(out)

    def _goes_behind(self, here: Sequence[_Block], at: int, block: _Block, theirs: bool) -> bool:
        """Whether a block goes behind one that the other side added: the person's first, but a list is not torn."""
        before = here[at - 1].text if at else "".join(self.text[1::2][-1:])
        in_list = kind_of(before) == "item"
        if theirs:
            return not (in_list and kind_of(block.text) == "item")
        return in_list and kind_of(here[at].text) == "item" and kind_of(block.text) != "item"


def _at(after: int, where: Mapping[int, int], total: int, length: int) -> int:
    """Where something goes that stood behind so many of the base's blocks: beside the same block, else by its share."""
    if after - 1 in where:
        return where[after - 1] + 1
    if after in where:
        return where[after]
    return round(after / total * length) if total else 0


def _added(
    place: _Place, elements: Sequence[str], *, with_changed: bool = False
) -> tuple[list[tuple[int, _Block]], bool]:
    """Blocks that one side added, each behind so many of the base's; and whether it changed or removed any of those."""
    base, blocks = place.blocks(place.base), place.blocks(elements)
    pairs = pairs_of([block.text for block in base], [block.text for block in blocks])
    pairs = [pair for pair in pairs if pair.equal or not with_changed]
    paired = {pair.other: pair.base for pair in pairs}
    added, after = [], 0
    for at, block in enumerate(blocks):
        if at in paired:
            after = paired[at] + 1
        else:
            added.append((after, block))
    return added, sum(pair.equal for pair in pairs) < len(base)
