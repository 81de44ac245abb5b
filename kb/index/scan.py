"""What is on disk: the notes and transcripts of a library, with size and time of change. Nothing is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kb.errors import NoteError
from kb.index.catalogue import NOTES, TRANSCRIPTS
from kb.model import Finding
from kb.notes.vault import walk_notes

DEEPEST = 32  # folders
_UNFINISHED = (".tmp", "~", ".swp", ".part", ".bak")

OnProblem = Callable[[str, str], None]


@dataclass(slots=True)
class Scan:
    """Paths relative to the library with (size in bytes, time of change in ns), and what could not be listed."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    findings: list[tuple[str, Finding]] = field(default_factory=list)


def scan_library(root: Path) -> Scan:
    """All notes and transcripts of a library; a folder that is not there holds none."""
    scan = Scan()
    _scan_notes(root, scan)
    _scan_transcripts(root, scan)
    return scan


def look_at(root: Path, paths: Iterable[str]) -> tuple[Scan, frozenset[str]]:
    """A scan of these files alone, and which they are: of ``paths`` those whose folder, notes or transcripts, is there.

    What is no note and no transcript is passed over, and what lies outside the library by way of a link.
    """
    scan = Scan()
    tops = {top: (root / top).resolve() for top in (NOTES, TRANSCRIPTS) if (root / top).is_dir()}
    known = frozenset(path for path in paths if path.partition("/")[0] + "/" in tops and _is_ours(path))
    for path in sorted(known):
        place = root / path
        try:
            if place.is_file() and place.resolve().is_relative_to(tops[path.partition("/")[0] + "/"]):
                stat = place.stat()
                scan.files[path] = (stat.st_size, stat.st_mtime_ns)
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, in Python 3.11 and 3.12
            scan.findings.append((path, Finding("unreadable-file", f"cannot be read: {error}")))
    return scan, known


def _is_ours(path: str) -> bool:
    parts = path.split("/")
    hidden = any(part.startswith((".", "~$", "#")) or part.endswith(_UNFINISHED) for part in parts)
    return not hidden and path.lower().endswith(".md" if path.startswith(NOTES) else ".vtt")


def _scan_notes(root: Path, scan: Scan) -> None:
    def problem(path: str, what: str) -> None:
        scan.findings.append((NOTES + path, Finding("unreadable-file", what)))

    folder = root / NOTES
    if not folder.is_dir():
        return
    try:
        for file in walk_notes(folder, problem):
            scan.files[NOTES + file.path] = (file.size, file.mtime_ns)
    except NoteError as error:
        problem("", error.what)


def _scan_transcripts(root: Path, scan: Scan) -> None:
    def problem(path: str, what: str) -> None:
        scan.findings.append((path, Finding("unreadable-file", what)))

    folder = root / TRANSCRIPTS
    if folder.is_dir():
        for path, stat in _walk(folder.resolve(), folder.resolve(), TRANSCRIPTS, 0, problem):
            scan.files[path] = (stat.st_size, stat.st_mtime_ns)


def _walk(
    root: Path, folder: Path, prefix: str, depth: int, problem: OnProblem
) -> Iterator[tuple[str, os.stat_result]]:
    """WebVTT files in order; hidden and unfinished ones, and links that lead out of ``root``, are passed over."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        problem(prefix, f"cannot be read: {error.strerror}")
        return
    for entry in entries:
        path = prefix + entry.name
        if entry.name.startswith((".", "~$", "#")) or entry.name.endswith(_UNFINISHED):
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth < DEEPEST:
                yield from _walk(root, Path(entry.path), f"{path}/", depth + 1, problem)
            else:
                problem(path, f"more than {DEEPEST} folders deep")
        elif entry.name.lower().endswith(".vtt") and (stat := _stat(root, entry, path, problem)):
            yield path, stat


def _stat(root: Path, entry: os.DirEntry[str], path: str, problem: OnProblem) -> os.stat_result | None:
    try:
        if entry.is_symlink() and not Path(entry.path).resolve(strict=True).is_relative_to(root):
            problem(path, "a link that leads out of the folder")
            return None
        path.encode()
        return entry.stat() if entry.is_file() else None
    except UnicodeEncodeError:
        problem(ascii(path)[1:-1], "a file name that is no Unicode text")
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, in Python 3.11 and 3.12
        problem(path, f"cannot be read: {error}")
    return None
