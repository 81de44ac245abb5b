"""Files of a library, written whole or not at all.

A file is written under another name, flushed to the disk, renamed, and its folder flushed (Pillai et al., "All file
systems are not created equal", 2014). Only after that may a row say that it is there.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kb.errors import DiskFullError, LibraryError, LibraryReadOnlyError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was written or found: its SHA-256, size in bytes, time of change in nanoseconds."""

    sha256: str
    size: int
    mtime_ns: int

    def same_stat(self, other: tuple[int, int] | None) -> bool:
        """Whether (size, time of change) are those of this state: then it is taken for unchanged, and not opened."""
        return other == (self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class NewFile:
    """What is to be written to ``path``, relative to the library."""

    path: str
    data: bytes


def sha256(data: bytes) -> str:
    """The hash of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def state_of(root: Path, path: str) -> FileState | None:
    """The state of a file of the library, which is opened and hashed; None where there is none."""
    try:
        with (root / path).open("rb") as file:
            found = os.fstat(file.fileno())
            return FileState(hashlib.file_digest(file, "sha256").hexdigest(), found.st_size, found.st_mtime_ns)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def write_files(root: Path, files: Iterable[NewFile]) -> dict[str, FileState]:
    """Writes files, each whole or not at all, and makes them last; returns their states by path.

    Raises DiskFullError, LibraryReadOnlyError and LibraryError; files written before the error stay.
    """
    written: dict[str, FileState] = {}
    folders: set[Path] = set()
    for file in files:
        with understood(file.path):
            target = root / file.path
            _make_folder(root, target.parent)
            written[file.path] = _write(root, target, file.data)
            folders.add(target.parent)
    for folder in sorted(folders):
        with understood(str(folder.relative_to(root))):
            _sync_folder(folder)
    return written


def _write(root: Path, target: Path, data: bytes) -> FileState:
    temporary = root / ".hark" / "tmp" / f"{os.getpid()}-{hashlib.sha256(os.fsencode(target)).hexdigest()[:16]}"
    temporary.parent.mkdir(exist_ok=True)
    try:
        state = _fill(temporary, data)
        try:
            temporary.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:  # a folder of the library may lie on another disk than .hark
                raise
            temporary.unlink()
            temporary = target.with_name(f".{temporary.name}")
            state = _fill(temporary, data)
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return state


def _fill(path: Path, data: bytes) -> FileState:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        found = os.fstat(file.fileno())
    return FileState(sha256(data), found.st_size, found.st_mtime_ns)


def _make_folder(root: Path, folder: Path) -> None:
    """Makes a folder and those above it last: a new folder is an entry of the one that holds it."""
    if folder.is_dir():
        return
    if folder.parent != root:
        _make_folder(root, folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def clear_temporary(root: Path) -> None:
    """Removes what a killed run left behind. The caller holds the library's lock."""
    try:
        with os.scandir(root / ".hark" / "tmp") as entries:
            left = [entry.path for entry in entries]
    except FileNotFoundError:
        return
    for path in left:
        with understood(".hark/tmp"):
            Path(path).unlink(missing_ok=True)


@contextmanager
def understood(where: str) -> Iterator[None]:
    """Turns the errors of the disk that a user can act upon into ours; all of them name the file."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(
                "no space is left on the disk", where=where, remedy="make room and run the command again: it goes on"
            ) from error
        if error.errno in _CLOSED:
            raise LibraryReadOnlyError("cannot be written", where=where, remedy="check its permissions") from error
        raise LibraryError(f"cannot be written: {error.strerror}", where=where) from error


def stats_below(root: Path, folder: str) -> dict[str, tuple[int, int]]:
    """(size, time of change) of each file in ``folder`` of the library and the folders in it. Opens nothing.

    Hidden files and folders are left out, and links to folders are not followed.
    """
    found: dict[str, tuple[int, int]] = {}
    todo = [folder]
    while todo:
        here = todo.pop()
        try:
            with os.scandir(root / here) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(f"{here}/{entry.name}")
                    elif entry.is_file():
                        stat = entry.stat()
                        found[f"{here}/{entry.name}"] = stat.st_size, stat.st_mtime_ns
        except FileNotFoundError:
            continue
    return found
