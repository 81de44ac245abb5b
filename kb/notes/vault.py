"""A folder of Markdown, walked safely."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kb.errors import NoteError
from kb.model import Note

MAX_DEPTH = 32
MAX_BYTES = 16_000_000

_TEMPORARY_ENDS = (".tmp", "~", ".swp", ".part", ".bak")
_TEMPORARY_STARTS = (".", "~$", "#")

OnProblem = Callable[[str, str], None]  # the path within the folder, what is wrong


@dataclass(frozen=True, slots=True)
class NoteFile:
    """A Markdown file: its path within the folder with forward slashes, size in bytes, time of change in ns."""

    path: str
    size: int
    mtime_ns: int


def _ignore(path: str, what: str) -> None:
    """Passes over a problem."""


def walk_notes(folder: Path, on_problem: OnProblem = _ignore) -> Iterator[NoteFile]:
    """The Markdown files of a folder, sorted by path within each folder, files before folders.

    Hidden and temporary files and folders are passed over, links to folders and links that lead out of ``folder``
    too. What cannot be read is told to ``on_problem``. Raises NoteError where ``folder`` itself cannot be read.
    """
    try:
        root = folder.resolve(strict=True)
        with os.scandir(root):
            pass
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, in Python 3.11 and 3.12
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise NoteError(f"the folder of notes cannot be read: {reason}", where=str(folder)) from error
    yield from _walk(root, root, "", 0, on_problem)


def read_notes(folder: Path, on_problem: OnProblem = _ignore) -> Iterator[tuple[NoteFile, Note]]:
    """Every note of a folder, read. Files that cannot be read are told to ``on_problem``."""
    from kb.notes.notefile import parse_note  # with its parser: walking alone must stay quick

    for file in walk_notes(folder, on_problem):
        try:
            data = read_bytes(folder, file.path)
        except NoteError as error:
            on_problem(file.path, error.what)
        else:
            yield file, parse_note(file.path, data)


def read_bytes(folder: Path, path: str) -> bytes:
    """The bytes of one note. Raises NoteError where it cannot be read or is larger than MAX_BYTES."""
    try:
        with (folder / path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NoteError(f"cannot be read: {error.strerror}", where=path) from error
    if len(data) > MAX_BYTES:
        raise NoteError(f"larger than {MAX_BYTES // 1_000_000} MB", where=path, remedy="split the note")
    return data


def is_note_name(name: str) -> bool:
    """Whether a file of this name is a note: Markdown, not hidden, not left behind by an editor or a sync tool."""
    lowered = name.lower()
    return lowered.endswith(".md") and not lowered.startswith(_TEMPORARY_STARTS)


def _walk(root: Path, folder: Path, prefix: str, depth: int, on_problem: OnProblem) -> Iterator[NoteFile]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        on_problem(prefix or ".", f"cannot be read: {error.strerror}")
        return
    subfolders = []
    for entry in listed:
        path = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if not _is_hidden_folder(entry.name):
                subfolders.append(path)
        elif is_note_name(entry.name) and (file := _note_file(root, entry, path, on_problem)):
            yield file
    for path in subfolders:
        if depth >= MAX_DEPTH:
            on_problem(path, f"more than {MAX_DEPTH} folders deep")
        else:
            yield from _walk(root, root / path, f"{path}/", depth + 1, on_problem)


def _is_hidden_folder(name: str) -> bool:
    return name.lower().startswith(_TEMPORARY_STARTS) or name.lower().endswith(_TEMPORARY_ENDS)


def _note_file(root: Path, entry: os.DirEntry[str], path: str, on_problem: OnProblem) -> NoteFile | None:
    try:
        if entry.is_symlink() and not Path(entry.path).resolve(strict=True).is_relative_to(root):
            on_problem(path, "a link that leads out of the folder")
            return None
        if not entry.is_file():
            return None
        path.encode()
        stat = entry.stat()
    except UnicodeEncodeError:
        on_problem(ascii(path)[1:-1], "a file name that is no Unicode text")
        return None
    except (OSError, RuntimeError) as error:
        on_problem(path, f"cannot be read: {error}")
        return None
    return NoteFile(path, stat.st_size, stat.st_mtime_ns)
