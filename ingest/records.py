"""What the journal holds, as values: see ``ingest.journal`` for its rows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ingest.files import FileState

if TYPE_CHECKING:
    from ingest.sources.listing import ListedEpisode

DUE, DONE = "due", "done"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. ``output`` is empty where nothing came of it."""

    subject: str
    stage: str
    input: str
    output: str = ""
    detail: str = ""


class Made(NamedTuple):
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


class Page(NamedTuple):
    """A page that gathers from many episodes. ``state`` is None where it was never written."""

    path: str
    due: bool
    state: FileState | None
    about: str


# due: to be fetched now; later: after ``next_at``; aside: not again by itself; silent: there is no transcript;
# older: not among the newest that were asked for; elsewhere: another source has it too, and brings it; done.
State = Literal["due", "later", "aside", "silent", "older", "elsewhere", "done"]
SETTLED = frozenset[State]({"older", "elsewhere", "done"})  # there is nothing to fetch


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """An episode that a source lists, and how far it has come. ``listed`` is kept until it is done.

    ``looks`` is what of the listing calls for a fetch when it changes; ``next_at`` an ISO 8601 time in UTC.
    """

    key: str
    id: str
    looks: str
    state: State
    title: str
    date: str = ""
    media: str = ""
    tries: int = 0
    next_at: str = ""
    reason: str = ""
    listed: ListedEpisode | None = None

    def finished(self, state: State = "done", reason: str = "") -> Followed:
        """The same with nothing left to fetch, or nothing that could be."""
        kept = None if state == "done" else self.listed
        return replace(self, state=state, reason=reason, tries=0, next_at="", listed=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """A subscription as it was last asked: what its server said of the version, what it is called, what went wrong.

    ``not_before`` is an ISO 8601 time in UTC, before which the server wants to be left alone.
    """

    etag: str = ""
    last_modified: str = ""
    show: str = ""
    listed: int = 0  # episodes, the last time that it listed any
    wanted: str = ""  # what of its settings calls for another look when it changes
    failures: int = 0  # in a row
    not_before: str = ""
    problem: str = ""


def write_followed(one: Followed) -> str:
    """As a row's detail; ``read_followed`` reads it. What has a column of its own is left out."""
    table = {name: value for name, value in asdict(one).items() if value and name not in {"key", "looks", "state"}}
    if one.listed and one.listed.published:
        table["listed"]["published"] = one.listed.published.isoformat()
    return json.dumps(table, ensure_ascii=False, separators=(",", ":"))


def read_followed(key: str, looks: str, state: str, detail: str) -> Followed:
    """What ``write_followed`` kept."""
    table = json.loads(detail)
    listed = table.pop("listed", None)
    return Followed(key=key, looks=looks, state=state, **table, listed=_listed(listed) if listed else None)  # type: ignore[arg-type]


def _listed(table: dict[str, Any]) -> ListedEpisode:
    import datetime as dt

    from ingest.sources.listing import ListedEpisode, TranscriptLink

    published = dt.datetime.fromisoformat(table["published"]) if table["published"] else None
    links = tuple(TranscriptLink(**link) for link in table["transcripts"])
    return ListedEpisode(**table | {"published": published, "transcripts": links, "people": tuple(table["people"])})


def write_state(state: FileState | None) -> str:
    """A state as a row's output; ``read_state`` reads it."""
    return f"{state.sha256} {state.size} {state.mtime_ns}" if state else ""


def read_state(text: str) -> FileState | None:
    """The state in a row's output, None where there is none."""
    parts = text.split(" ")
    if len(parts) != 3:
        return None
    return FileState(parts[0], int(parts[1]), int(parts[2]))
