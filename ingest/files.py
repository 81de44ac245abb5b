"""Files of a library, written whole or not at all.

A file is written under another name, flushed to the disk, renamed, and its folder flushed (Pillai et al., "All file
systems are not created equal", 2014). Only after that may a row say that it is there.

A file that a person may be saving at this moment is never overwritten: ``replace_file`` exchanges it for the new one,
then looks at what came out. That stays in ``.hark/displaced``, for an editor may still have it open, and
``ingest.settling`` looks there again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ingest import renames
from kb.errors import DiskFullError, LibraryError, LibraryReadOnlyError

DISPLACED = ".hark/displaced"
FOUND = ".hark/found"  # displaced files of which nobody knows any more what they were
_TEXTS = ("notes", "transcripts")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class FileState(NamedTuple):
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


@dataclass(frozen=True, slots=True)
class Changed:
    """A file was not as it was expected to be, so that it stands as it was found: look again."""

    path: str


@dataclass(frozen=True, slots=True)
class Displaced:
    """A file that was replaced: ``file`` is where it is now, ``path`` where it was, ``data`` what was in it.

    ``left`` is the hash of what was put in its place. Where the record of it is damaged, both are empty.
    """

    file: Path
    path: str
    data: bytes
    left: str


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
            make_folder(root, target.parent)
            written[file.path] = _write(root, target, file.data)
            folders.add(target.parent)
    for folder in sorted(folders):
        with understood(str(folder.relative_to(root))):
            _sync_folder(folder)
    return written


def _write(root: Path, target: Path, data: bytes) -> FileState:
    temporary = _temporary(root, target)
    temporary.parent.mkdir(exist_ok=True)
    try:
        state = _fill(temporary, data)
        _move(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return state


def _move(source: Path, target: Path) -> None:
    """Renames a file over another; a folder of the library may lie on another disk than .hark."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{source.name}")
        try:
            found = _fill(beside, source.read_bytes())
            os.utime(beside, ns=(found.mtime_ns, source.stat().st_mtime_ns))
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def read_file(root: Path, path: str) -> tuple[bytes, FileState] | None:
    """What is in a file of the library, and its state; None where there is none. Raises LibraryError."""
    with understood(path, "read"):
        try:
            with (root / path).open("rb") as file:
                data, found = file.read(), os.fstat(file.fileno())
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
    return data, FileState(sha256(data), len(data), found.st_mtime_ns)


def replace_file(root: Path, path: str, data: bytes, expected: bytes | None) -> FileState | Changed:
    """Writes a file in the place of one that holds ``expected``, or of none (None), so that no one's edit is lost.

    Whatever a person saves under that name before, during or after stays there or is kept in ``.hark/displaced``. The
    caller flushes the folder with ``sync_folders``. Raises as ``write_files``.
    """
    with understood(path):
        target = root / path
        if expected is None:
            make_folder(root, target.parent)
            spare, state = _prepared(root, target, data)
            return state if _placed(spare, target) else Changed(path)
        spare, state = _prepared(root, target, data, Displaced(root, path, expected, sha256(data)))
        try:
            exchanged = renames.exchange(spare, target)
        except FileNotFoundError:  # it was taken away
            _forget(spare)
            return Changed(path)
        if not exchanged:
            return _overwritten(spare, target, expected, state) or Changed(path)
        if _read(spare) == expected:
            return state
        renames.exchange(spare, target)  # what a person saved goes back
        if _read(spare) != data:  # and something newer came out
            renames.exchange(spare, target)
    return Changed(path)


def _prepared(root: Path, target: Path, data: bytes, displaced: Displaced | None = None) -> tuple[Path, FileState]:
    """The new file beside its place; first a record of what it displaces, to be found whenever the run is killed."""
    temporary = _temporary(root, target)
    temporary.parent.mkdir(exist_ok=True)
    try:
        state = _fill(temporary, data)
        if displaced is None:
            return temporary, state
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        return _recorded_spare(root, temporary, displaced), state
    except OSError:  # the disk may be full
        temporary.unlink(missing_ok=True)
        raise


def _recorded_spare(root: Path, temporary: Path, displaced: Displaced) -> Path:
    folder = root / DISPLACED
    folder.mkdir(exist_ok=True)
    spare = _free(folder, temporary.name)
    try:
        _fill(spare.with_suffix(".json"), _record(displaced, displaced.data))
        temporary.rename(spare)
    except OSError:
        _forget(spare)
        raise
    return spare


def _record(displaced: Displaced, known: bytes) -> bytes:
    """What is kept of a displaced file; ``known`` is what was last read in it."""
    return json.dumps([displaced.path, displaced.left, known.decode("utf-8", "surrogateescape")]).encode()


def _free(folder: Path, name: str) -> Path:
    number = 0
    while (spare := folder / f"{name}-{number}.md").exists() or spare.with_suffix(".json").exists():
        number += 1
    return spare


def _placed(spare: Path, target: Path) -> bool:
    """Moves a new file to a name that is free; False where it is not."""
    try:
        renames.rename_new(spare, target)
    except FileExistsError:
        return False
    finally:
        spare.unlink(missing_ok=True)
    return True


def _overwritten(spare: Path, target: Path, expected: bytes, state: FileState) -> FileState | None:
    """Where the disk cannot exchange two files: the old one gets a second name, then the new one takes its place.

    An editor that renames its own file to this name between the last look and ours, microseconds, is overwritten.
    """
    fresh = spare.with_suffix(".new")
    spare.rename(fresh)
    try:
        renames.second_name(target, spare)
        if _read(spare) == expected and _read(target) == expected and renames.same_file(spare, target):
            _move(fresh, target)
            return state
    except FileNotFoundError:  # it was taken away
        pass
    finally:
        fresh.unlink(missing_ok=True)
    _forget(spare)
    return None


def _forget(spare: Path) -> None:
    spare.unlink(missing_ok=True)
    spare.with_suffix(".json").unlink(missing_ok=True)


def displaced_files(root: Path) -> list[Displaced]:
    """The files that were replaced and not forgotten yet, the oldest first. Clears away what killed runs left beside.

    The caller holds the library's lock.
    """
    folder = root / DISPLACED
    spares = sorted(folder.glob("*.md"), key=lambda spare: (_age(spare), spare.name))
    for left in (*folder.glob("*.json"), *folder.glob("*.new")):  # without the file itself, or a new one of Hark's
        if left.suffix == ".new" or not left.with_suffix(".md").exists():
            left.unlink()
    orphans = [spare for spare in spares if _recorded(spare) is None]
    paths = _paths_by_name(root) if orphans else {}
    found = []
    for spare in spares:
        known = _recorded(spare)
        if known is None and (path := paths.get(spare.name.partition("-")[2].partition("-")[0])):
            known = Displaced(spare, path, b"", "")
        if known is not None:
            found.append(known)
        else:
            _keep_found(root, spare)
    return found


def _age(spare: Path) -> int:
    """When a file was displaced, by its record: an editor may have changed the file itself since."""
    record = spare.with_suffix(".json")
    return (record if record.exists() else spare).stat().st_mtime_ns


def _recorded(spare: Path) -> Displaced | None:
    """What the record of a displaced file says; None where there is none, or the power failed before it was written."""
    try:
        path, left, text = json.loads(spare.with_suffix(".json").read_bytes())
        return Displaced(spare, path, text.encode("utf-8", "surrogateescape"), left)
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None


def _paths_by_name(root: Path) -> dict[str, str]:
    """The paths of the library's texts by what their displaced files are called."""
    return {_name(root / path): path for folder in _TEXTS for path in stats_below(root, folder)}


def _keep_found(root: Path, spare: Path) -> None:
    """Puts a text aside that a person may have written, no one knows where."""
    folder = root / FOUND
    folder.mkdir(exist_ok=True)
    spare.rename(folder / spare.name)
    _forget(spare)


def has_displaced(root: Path) -> bool:
    """Whether there are files that were replaced and are still to be looked at: one look at a folder."""
    try:
        with os.scandir(root / DISPLACED) as entries:
            return any(entries)
    except FileNotFoundError:
        return False


def remember_displaced(displaced: Displaced, data: bytes) -> None:
    """Notes that what is in a displaced file now is known."""
    record, fresh = displaced.file.with_suffix(".json"), displaced.file.with_suffix(".new")
    age = _age(displaced.file)
    _fill(fresh, _record(displaced, data))
    os.utime(fresh, ns=(age, age))
    fresh.replace(record)


def forget_displaced(displaced: Displaced) -> None:
    """Removes a displaced file: nobody has it open, and what is in it is known."""
    _forget(displaced.file)


def sync_folders(root: Path, paths: Iterable[str]) -> None:
    """Flushes the folders that hold these files: only then their names are sure to stay."""
    folders = sorted({(root / path).parent for path in paths})
    for folder in [*folders, root / DISPLACED] if folders else []:
        if folder.is_dir():
            with understood(str(folder.relative_to(root))):
                _sync_folder(folder)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _temporary(root: Path, target: Path) -> Path:
    return root / ".hark" / "tmp" / f"{os.getpid()}-{_name(target)}"


def _name(target: Path) -> str:
    return hashlib.sha256(os.fsencode(target)).hexdigest()[:16]


def _fill(path: Path, data: bytes) -> FileState:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        found = os.fstat(file.fileno())
    return FileState(sha256(data), found.st_size, found.st_mtime_ns)


def make_folder(root: Path, folder: Path) -> None:
    """Makes a folder and those above it last: a new folder is an entry of the one that holds it."""
    if folder.is_dir():
        return
    if folder.parent != root:
        make_folder(root, folder.parent)
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
def understood(where: str, done: str = "written") -> Iterator[None]:
    """Turns the errors of the disk that a user can act upon into ours; all of them name the file."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(
                "no space is left on the disk", where=where, remedy="make room and run the command again: it goes on"
            ) from error
        if error.errno in _CLOSED:
            raise LibraryReadOnlyError(f"cannot be {done}", where=where, remedy="check its permissions") from error
        raise LibraryError(f"cannot be {done}: {error.strerror}", where=where) from error


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
