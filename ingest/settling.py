"""Writes generated texts among those of a person, so that nothing the person wrote is lost.

A file that is as Hark made it is replaced. One that a person changed is merged (``ingest.writing.merge``) from what is
kept of each file:

    .hark/base/<path>         what to merge from: the text last generated, with older blocks where nothing is decided
    .hark/former/<path>       the base before that, while the file that goes with the new one is not yet in its place
    .hark/proposals/<path>    the text last generated, while the person has not decided on some of its blocks
    .hark/displaced/          files that were replaced: an editor may still have them open

Order makes it safe to be killed. For a file of Hark's the base comes first, so that what lies there is known as Hark's
whether it was replaced or not; the former base stays until it was, for a person may edit the file in between. For a
person's file the base comes last: merging again what was merged changes nothing. Where there is no base (``.hark`` was
deleted), a file that differs stays, and what is new is a proposal as a whole.
"""

from __future__ import annotations

import difflib
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ingest.files import (
    Changed,
    Displaced,
    FileState,
    NewFile,
    displaced_files,
    forget_displaced,
    make_folder,
    read_file,
    remember_displaced,
    replace_file,
    sha256,
    state_of,
    sync_folders,
    understood,
    write_files,
)
from ingest.renames import is_open_for_writing
from ingest.report import Noted
from ingest.writing.merge import merge_note

BASE = ".hark/base/"
FORMER = ".hark/former/"
PROPOSALS = ".hark/proposals/"
TRIES = 20  # to write a file that somebody saves again and again; then it is left until the next run
OPEN_S = 60.0  # how long an editor may have a file open, where the system does not say whether one has


def settle(
    root: Path, texts: Mapping[str, bytes], made: Mapping[str, str], done: Noted
) -> tuple[dict[str, FileState], int]:
    """Writes texts, by path; ``made`` has the hashes of files as Hark made them. Adds to ``done`` what was merged.

    Returns for each path the state of what was generated, and how many files were written. A file that holds a person's
    text has a state that its own never equals. Raises as ``write_files``.
    """
    settling = _Settling(root, made, done)
    return settling.run(texts)


class _Settling:
    """One batch of files."""

    def __init__(self, root: Path, made: Mapping[str, str], done: Noted) -> None:
        self._root = root
        self._made = made
        self._done = done
        self._states: dict[str, FileState] = {}
        self._written: list[str] = []
        self._bases: list[NewFile] = []
        self._settled: list[str] = []  # paths of files that go with their base

    def run(self, texts: Mapping[str, bytes]) -> tuple[dict[str, FileState], int]:
        """See ``settle``."""
        looks = {path: read_file(self._root, path) for path in texts}
        harks = {path for path, look in looks.items() if self._is_harks(path, look, texts[path])}
        keep_former(self._root, {path: look[0] for path in harks if (look := looks[path]) and look[0] != texts[path]})
        write_files(self._root, [NewFile(f"{BASE}{path}", texts[path]) for path in sorted(harks)])
        for path, data in texts.items():
            self._put(path, data, looks[path], is_harks=path in harks)
        sync_folders(self._root, self._written)
        write_files(self._root, self._bases)
        drop_former(self._root, self._settled)
        return self._states, len(self._written)

    def _is_harks(self, path: str, look: tuple[bytes, FileState] | None, data: bytes) -> bool:
        """Whether a file is as Hark made it: as the row says, or as the base does, which knows of killed runs."""
        if look is None or look[0] == data or look[1].sha256 == self._made.get(path):
            return True
        bases = (state_of(self._root, f"{folder}{path}") for folder in (BASE, FORMER))
        return any(base is not None and base.sha256 == look[1].sha256 for base in bases)

    def _put(self, path: str, data: bytes, look: tuple[bytes, FileState] | None, *, is_harks: bool) -> None:
        base: bytes | None = None
        for _ in range(TRIES):
            if look and look[0] == data:
                self._states[path] = look[1]
                self._settled.append(path)
                drop_proposal(self._root, path)
                return
            if look is None or is_harks:
                found = look[0] if look else None
                outcome = replace_file(self._root, path, data, found)
                if not isinstance(outcome, Changed):
                    self._states[path] = outcome
                    self._written.append(path)
                    self._settled.append(path)
                    drop_proposal(self._root, path)
                    return
                base, is_harks = found, False  # a person saved it just now
            elif self._merge(path, data, look[0], base if base is not None else self._base(path, look[0])):
                self._states.setdefault(path, FileState(sha256(data), len(data), 0))
                return
            look = read_file(self._root, path)
        self._done.kept.append(path)
        self._states[path] = FileState(sha256(data), len(data), 0)

    def _base(self, path: str, mine: bytes) -> bytes | None:
        """What a person's text was made from. After a kill it may be the former base: the one that is more like it."""
        bases = [found[0] for folder in (FORMER, BASE) if (found := read_file(self._root, f"{folder}{path}"))]
        return min(bases, key=lambda base: _unlike(base, mine), default=None)

    def _merge(self, path: str, data: bytes, mine: bytes, base: bytes | None) -> bool:
        """Merges ``data`` into a person's text; False where the person saved another one meanwhile."""
        if not mine:  # emptied, or an editor is about to fill it
            self._done.kept.append(path)
            return True
        if base is None:
            self._propose(path, data)
            self._done.kept.append(path)
            return True
        merged = merge_note(as_text(base), as_text(data), as_text(mine))
        text = as_bytes(merged.text)
        if merged.conflicts:
            self._propose(path, data)
        if text != mine:
            outcome = replace_file(self._root, path, text, mine)
            if isinstance(outcome, Changed):
                return False
            self._written.append(path)
            self._done.merged += 1
            if text == data:
                self._states[path] = outcome
        elif merged.conflicts:
            self._done.kept.append(path)
        if not merged.conflicts:
            drop_proposal(self._root, path)
        self._bases.append(NewFile(f"{BASE}{path}", as_bytes(merged.base)))
        self._settled.append(path)
        return True

    def _propose(self, path: str, data: bytes) -> None:
        write_files(self._root, [NewFile(f"{PROPOSALS}{path}", data)])
        if path not in self._done.proposals:
            self._done.proposals.append(path)


def as_text(data: bytes) -> str:
    """A file's text; bytes that are none survive the way there and back."""
    return data.decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    """The text as ``as_text`` read it."""
    return text.encode("utf-8", "surrogateescape")


def _unlike(one: bytes, other: bytes) -> int:
    """How many lines the one has and the other has not."""
    return (Counter(one.splitlines()) - Counter(other.splitlines())).total()


def keep_former(root: Path, harks: Mapping[str, bytes]) -> None:
    """Keeps files of Hark's, by path, as bases for what a person makes of them before they are replaced."""
    kept: list[str] = []
    for path, data in harks.items():
        former = f"{FORMER}{path}"
        found, base = read_file(root, former), read_file(root, f"{BASE}{path}")
        if found and found[0] == data:
            continue
        if found or not base or base[0] != data or not _link(root, f"{BASE}{path}", former):
            write_files(root, [NewFile(former, data)])
        kept.append(former)
    sync_folders(root, kept)


def _link(root: Path, path: str, other: str) -> bool:
    """Gives a file that is only ever replaced a second name, which costs no flush; False where the disk has none."""
    with understood(other):
        make_folder(root, (root / other).parent)
    try:
        os.link(root / path, root / other)
    except OSError:
        return False
    return True


def drop_former(root: Path, paths: Iterable[str]) -> None:
    """Takes former bases away: the files that go with the bases are in their places."""
    for path in paths:
        with understood(f"{FORMER}{path}"):
            (root / f"{FORMER}{path}").unlink(missing_ok=True)


def drop_proposal(root: Path, path: str) -> None:
    """Takes a proposal away: there is nothing left of it."""
    with understood(f"{PROPOSALS}{path}"):
        (root / f"{PROPOSALS}{path}").unlink(missing_ok=True)


# --- edits that came late ---


def take_late_edits(root: Path, done: Noted) -> None:
    """Merges what an editor wrote into files after they were replaced, and forgets those that nobody has open.

    At the start (where ``has_displaced``) and at the end of a run, under the library's lock.
    """
    for _ in range(TRIES):
        before = done.merged
        for displaced in displaced_files(root):
            _look_again(root, displaced, done)
        if done.merged == before:
            return


def _look_again(root: Path, displaced: Displaced, done: Noted) -> None:
    is_open = is_open_for_writing(displaced.file)
    if is_open:
        return
    data = displaced.file.read_bytes()
    may_be_open = is_open is None and time.time() - displaced.file.stat().st_ctime < OPEN_S
    if data and data != displaced.data and sha256(data) != displaced.left:
        if not _merged_late(root, displaced, data, done):
            return
        remember_displaced(displaced, data)
    if not may_be_open:
        forget_displaced(displaced)


def _merged_late(root: Path, displaced: Displaced, late: bytes, done: Noted) -> bool:
    """Merges a late edit into the file as it is now."""
    path = displaced.path
    for _ in range(TRIES):
        look = read_file(root, path)
        text = late
        if look:
            text = as_bytes(_with_late(displaced, *look, late))
            if text == look[0]:
                return True
        if not isinstance(replace_file(root, path, text, look[0] if look else None), Changed):
            sync_folders(root, [path])
            done.merged += 1
            return True
    return False


def _with_late(displaced: Displaced, now: bytes, state: FileState, late: bytes) -> str:
    """A file as it is now with a late edit: both texts may be the person's, so both stand where they meet."""
    base = displaced.data if displaced.left else _in_both(now, late)  # without its record nobody knows what it was
    texts = as_text(base), as_text(now), as_text(late)
    if displaced.path.endswith(".vtt"):
        from ingest.merging import merge_transcript

        return merge_transcript(*texts, both=state.sha256 != displaced.left).text
    return merge_note(*texts, both=True).text


def _in_both(one: bytes, other: bytes) -> bytes:
    """The lines that two texts have in common."""
    lines = one.splitlines(keepends=True)
    blocks = difflib.SequenceMatcher(None, lines, other.splitlines(keepends=True), autojunk=False).get_matching_blocks()
    return b"".join(line for block in blocks for line in lines[block.a : block.a + block.size])
