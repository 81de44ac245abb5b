"""What the journal holds, as values: see ``ingest.journal`` for its rows."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.files import FileState

DUE, DONE = "due", "done"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. ``output`` is empty where nothing came of it."""

    subject: str
    stage: str
    input: str
    output: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A file that Hark made: from what, where, and as what."""

    input: str
    path: str
    state: FileState


@dataclass(frozen=True, slots=True)
class Source:
    """An item of a source as it was last read: its episode, or the reason why there is none."""

    input: str
    episode_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page that gathers from many episodes. ``state`` is None where it was never written."""

    path: str
    due: bool
    state: FileState | None
    about: str


def write_state(state: FileState | None) -> str:
    """A state as a row's output; ``read_state`` reads it."""
    return f"{state.sha256} {state.size} {state.mtime_ns}" if state else ""


def read_state(text: str) -> FileState | None:
    """The state in a row's output, None where there is none."""
    parts = text.split(" ")
    if len(parts) != 3:
        return None
    return FileState(parts[0], int(parts[1]), int(parts[2]))
