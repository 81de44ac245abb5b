"""What Hark would write into notes where a person changed the same place: to be looked at, taken, or dropped.

A proposal is kept as the text that was generated (``ingest.settling``). What it comes to is worked out from the note as
it is now, so that it is never older than the note: what is shown is what taking it does.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.files import Changed, NewFile, read_file, replace_file, sha256, stats_below, sync_folders, write_files
from ingest.settling import BASE, PROPOSALS, TRIES, as_bytes, as_text, drop_former, drop_proposal
from ingest.writing.merge import Conflict, merge_note
from kb.errors import LibraryBusyError, NotFoundError

if TYPE_CHECKING:
    from kb.library import Library

CONTEXT = 2  # lines shown around a change


@dataclass(frozen=True, slots=True)
class Proposal:
    """A note (``path`` is relative to ``notes/``) as it is, ``mine``, and as it would be, ``taken``.

    ``conflicts`` are the places where both changed something; there are none where the whole note is in question.
    ``new`` is the text that was generated.
    """

    path: str
    mine: str
    taken: str
    new: str
    conflicts: tuple[Conflict, ...] = ()

    @property
    def state(self) -> str:
        """Which text this was made from: another one, another proposal."""
        return sha256(as_bytes(self.mine + "\0" + self.taken))

    def diff(self) -> Iterator[tuple[str, str]]:
        """The lines that change, with some around them: (sign, line), the sign ``-``, ``+``, a space, or ``@``."""
        mine, taken = self.mine.splitlines(), self.taken.splitlines()
        for number, line in enumerate(difflib.unified_diff(mine, taken, lineterm="", n=CONTEXT)):
            if number > 1:  # the first two name files
                yield line[:1], line[1:]


def list_proposals(root: Path, most: int | None = None) -> tuple[Proposal, ...]:
    """All proposals of which something is left, by path, or the first of them, ``most`` at the most.

    Reads three files for each; where there are none, one look at a folder.
    """
    paths = sorted(stats_below(root, f"{PROPOSALS}notes"))
    left = (found for path in paths if (found := _proposal(root, path.removeprefix(PROPOSALS))))
    return tuple(islice(left, most))


def count_proposals(root: Path) -> int:
    """How many notes something is, or was, proposed for: by names alone."""
    return len(stats_below(root, f"{PROPOSALS}notes"))


def read_proposal(root: Path, path: str) -> Proposal:
    """The proposal for a note, by its path relative to ``notes/``. Raises NotFoundError where there is none."""
    where = f"notes/{path.removeprefix('notes/')}"
    if f"{PROPOSALS}{where}" in stats_below(root, f"{PROPOSALS}notes"):  # only what is listed is ever opened
        found = _proposal(root, where)
        if found:
            return found
    raise NotFoundError("nothing is proposed for this note", where=where, remedy="see all proposals: hark review")


def _proposal(root: Path, where: str) -> Proposal | None:
    new, mine, base = (read_file(root, f"{folder}{where}") for folder in (PROPOSALS, "", BASE))
    if new is None or mine is None:  # a note that was deleted is written again, and needs no proposal
        return None
    path, text, own = where.removeprefix("notes/"), as_text(new[0]), as_text(mine[0])
    if base is None:
        return Proposal(path, own, text, text) if own != text else None
    merged = merge_note(as_text(base[0]), text, own)
    return Proposal(path, own, merged.proposed, text, merged.conflicts) if merged.conflicts else None


def take(library: Library, path: str, *, seen: str = "") -> Proposal:
    """Writes a note as it is proposed. ``seen`` is the ``state`` of the proposal that the person looked at.

    Raises NotFoundError, LibraryBusyError (also where the note changed since it was looked at), LibraryReadOnlyError.
    """
    with library.lock():
        for _ in range(TRIES):
            proposal = _seen(library.root, path, seen)
            where = f"notes/{proposal.path}"
            done = replace_file(library.root, where, as_bytes(proposal.taken), as_bytes(proposal.mine))
            if not isinstance(done, Changed):
                sync_folders(library.root, [where])
                _decided(library.root, proposal)
                return proposal
    raise _changed(path)


def drop(library: Library, path: str, *, seen: str = "") -> Proposal:
    """Leaves a note as it is; the same is not proposed again. ``seen`` and errors as those of ``take``."""
    with library.lock():
        proposal = _seen(library.root, path, seen)
        _decided(library.root, proposal)
    return proposal


def _seen(root: Path, path: str, seen: str) -> Proposal:
    """The proposal for a note, where it is the one that was ``seen``, if any was."""
    proposal = read_proposal(root, path)
    if seen and proposal.state != seen:
        raise _changed(path)
    return proposal


def _changed(path: str) -> LibraryBusyError:
    return LibraryBusyError("the note was changed meanwhile", where=path, remedy="look at the proposal again")


def _decided(root: Path, proposal: Proposal) -> None:
    """From now on the next text is merged from this one."""
    where = f"notes/{proposal.path}"
    write_files(root, [NewFile(f"{BASE}{where}", as_bytes(proposal.new))])
    drop_former(root, [where])
    drop_proposal(root, where)
