"""A file of the library -> what the store keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kb.errors import InputError
from kb.index.catalogue import NOTES, TRANSCRIPTS, StoredFile
from kb.model import Episode, Finding, Transcript

if TYPE_CHECKING:
    from kb.index.store import Store

LARGEST = 64_000_000  # bytes; ten hours of captions are a thirtieth of it


@dataclass(frozen=True, slots=True)
class Contents:
    """A file as it was read, its ``size`` in bytes; ``problem`` says why there is no ``data``."""

    size: int
    mtime_ns: int
    data: bytes
    problem: str = ""


def read_contents(root: Path, path: str) -> Contents | None:
    """A file and its size and time as they were before it was read; None where it is gone."""
    place = root / path
    try:
        stat = place.stat()
    except OSError:
        return None
    if stat.st_size > LARGEST:
        return Contents(stat.st_size, stat.st_mtime_ns, b"", f"larger than {LARGEST // 1_000_000} MB")
    try:
        return Contents(stat.st_size, stat.st_mtime_ns, place.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        return Contents(stat.st_size, stat.st_mtime_ns, b"", f"cannot be read: {error.strerror}")


def store_file(store: Store, file: StoredFile, contents: Contents) -> None:
    """Stores what a file says; one that cannot be read is stored as damaged, and keeps what it said before."""
    try:
        if contents.problem:
            raise InputError(contents.problem)
        if file.kind == "note":
            _store_note(store, file, contents.data)
        else:
            _store_transcript(store, file, contents.data)
    except InputError as error:
        kept = "; what it said before is kept" if store.knows(file.path) else ""
        store.put_damaged(file, Finding("unreadable-file", f"{error.what}{kept}"))


def _store_note(store: Store, file: StoredFile, data: bytes) -> None:
    from kb.notes.notefile import parse_note
    from kb.transcripts.passages import note_chunks

    note = parse_note(file.path.removeprefix(NOTES), data)
    store.put_note(file, note, note_chunks(note))


def _store_transcript(store: Store, file: StoredFile, data: bytes) -> None:
    from kb.transcripts.passages import transcript_chunks
    from kb.transcripts.webvtt import parse_webvtt

    text = data.decode("utf-8-sig", "replace")
    transcript = _named(file.path, parse_webvtt(text, where=file.path))
    findings = [Finding("no-utf8", "is not UTF-8: what could not be read shows as \ufffd")] if _damaged(data) else []
    store.put_transcript(file, transcript, transcript_chunks(transcript), findings)


def _damaged(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _named(path: str, transcript: Transcript) -> Transcript:
    """A transcript that does not say what it is of takes its id, title and show from its path."""
    place = PurePosixPath(path.removeprefix(TRANSCRIPTS))
    episode: Episode = transcript.episode
    named = replace(
        episode,
        id=episode.id or f"file:{place.with_suffix('')}",
        title=episode.title or place.stem.replace("_", " "),
        show=episode.show or (place.parts[0] if len(place.parts) > 1 else ""),
    )
    return replace(transcript, episode=named)
