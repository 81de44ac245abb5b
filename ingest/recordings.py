"""Recordings that a source was asked to keep: from where they were fetched to ``media/<show>/<slug>.<ending>``.

A recording is put in its place before the transcript that names it and the rows, and its first place is not touched:
what was fetched is cleared away when nobody waits for it any more. So a kill at any point costs nothing.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
from pathlib import Path

from ingest.files import understood
from ingest.shelves import note_target

FETCHED = ".hark/fetched"


def is_fetched(root: Path, path: Path | str) -> bool:
    """Whether ``path`` is of something that Hark fetched into the library itself."""
    return os.path.realpath(path).startswith(f"{os.path.realpath(root / FETCHED)}{os.sep}")


def keep_recording(root: Path, recording: Path, transcript: str, *, kept: str, episode_id: str) -> str:
    """Puts a fetched recording beside the others of its show, and returns where, relative to the library.

    ``transcript`` is the path of the episode's transcript, ``kept`` the place that an earlier recording of it was
    given, if any: that one is replaced. Another file that lies in the place stays: it is a person's. Raises
    DiskFullError, LibraryReadOnlyError, LibraryError.
    """
    name, ending = note_target(transcript), recording.suffix.casefold()
    mark = hashlib.sha256(episode_id.encode("utf-8", "replace")).hexdigest()[:8]
    place, aside = f"media/{name}{ending}", f"media/{name}_{mark}{ending}"
    with understood(place):
        if kept == aside or (kept != place and not _is_free(root / place, recording)):
            place = aside
        target = root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (target.exists() and target.samefile(recording)):
            _place(root, recording, target)
    return place


def _is_free(target: Path, recording: Path) -> bool:
    """Whether nothing lies there, or what a killed run put there."""
    try:
        return target.samefile(recording) or filecmp.cmp(target, recording, shallow=False)
    except FileNotFoundError:
        return True


def _place(root: Path, recording: Path, target: Path) -> None:
    """One file under two names; where the disk has no such thing, or ``media`` lies on another one, a copy."""
    temporary = root / ".hark" / "tmp" / f"{os.getpid()}-recording"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        try:
            _link(recording, temporary)
            temporary.replace(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            temporary = target.with_name(f".{target.name}.part")
            _copy(recording, temporary)
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    for folder in (target.parent, root / "media", root):
        _sync_folder(folder)


def _link(recording: Path, temporary: Path) -> None:
    temporary.unlink(missing_ok=True)
    os.link(recording, temporary)


def _copy(recording: Path, temporary: Path) -> None:
    with recording.open("rb") as source, temporary.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def kept_recording(root: Path, media: str) -> str:
    """``media`` of the transcript that is there, where that recording still lies in ``media/``; else empty."""
    return media if media.startswith("media/") and ".." not in media and (root / media).is_file() else ""
