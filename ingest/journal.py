"""What was done, per subject and stage: rows of ``library.db`` that are written after the files they speak of.

    source:<path of the item>   read          what the files looked like -> the episode's id, or why there is none
    feed:<address>              state         a subscription as it was last asked
    listed:<address> <key>      episode       what the source says of it -> how far it has come
    show:<name>                 folder        -> its folder
    episode:<id>                transcript    SHA-256 of what the source says -> the file's path and state
                                note          what it was made from -> the file's path and state
                                titles        -> the titles that it had before
    page:<path>                 page          a show's or concept's page: due or done -> the file's state
    import:<path>               copy          what the original looked like -> the file's state
    data:<id>                   terms, shingles, phrases, digest    by transcript and version, what the writer found
    data:<id>                   said, corrected, merging            see ``ingest.originals``
    concept:<identity>          concept       -> the slug of its page, and its title
    shelf:<folder>              <episode>     what a show's page says of an episode

Deleting the journal loses no file and no edit: see ``ingest.pipeline`` on what is found without a row.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, ItemsView, Iterable, Iterator, Mapping, ValuesView
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from ingest.records import (
    DUE,
    Entry,
    Followed,
    Made,
    Page,
    Source,
    SourceState,
    read_followed,
    read_state,
    write_followed,
)

if TYPE_CHECKING:
    from kb.index.database import Row
    from kb.index.store import Store


FEW = 50  # rows are looked up one by one

_Row = TypeVar("_Row")


class _Rows(Mapping[str, _Row]):
    """Rows of a kind and stage as values, by subject: read one by one, or all where all are gone through."""

    def __init__(self, store: Store, kind: str, stage: str, read: Callable[[str, str, str, str], _Row | None]) -> None:
        self._store = store
        self._kind = kind
        self._stage = stage
        self._read = read
        self._all: dict[str, _Row] | None = None

    def __getitem__(self, subject: str) -> _Row:
        if self._all is not None:
            return self._all[subject]
        row = self._store.row(
            "SELECT input, output, detail FROM journal WHERE subject = ? AND stage = ?",
            (f"{self._kind}:{subject}", self._stage),
        )
        found = self._read(subject, str(row[0]), str(row[1]), str(row[2])) if row else None
        if found is None:
            raise KeyError(subject)
        return found

    def _loaded(self) -> dict[str, _Row]:
        if self._all is None:
            first, end = f"{self._kind}:", f"{self._kind};"  # ';' follows ':'
            rows = self._store.rows(
                "SELECT subject, input, output, detail FROM journal WHERE subject >= ? AND subject < ? AND stage = ?",
                (first, end, self._stage),
            )
            cut = len(first)
            values = ((row[0][cut:], self._read(row[0][cut:], row[1], row[2], row[3])) for row in rows)
            self._all = {subject: value for subject, value in values if value is not None}
        return self._all

    def __bool__(self) -> bool:
        first, end = f"{self._kind}:", f"{self._kind};"
        query = "SELECT 1 FROM journal WHERE subject >= ? AND subject < ? AND stage = ? LIMIT 1"
        return self._store.row(query, (first, end, self._stage)) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def items(self) -> ItemsView[str, _Row]:
        return self._loaded().items()

    def values(self) -> ValuesView[_Row]:
        return self._loaded().values()


class Journal:
    """Reads and writes the rows. ``now`` is written beside each."""

    def __init__(self, store: Store, now: dt.datetime) -> None:
        self._store = store
        self._now = now.isoformat(timespec="seconds")

    def put(self, entries: Iterable[Entry], *, forget: Iterable[str] = ()) -> None:
        """Writes rows, all or none; a row of the same subject and stage is replaced. ``forget`` are subjects whose rows
        go."""
        from kb.index.store import JournalEntry

        rows = [JournalEntry(e.subject, e.stage, e.input, e.output, e.detail, self._now) for e in entries]
        gone = list(forget)
        if rows or gone:
            self._store.put_journal(rows, forget=gone)

    def _rows(self, kind: str, stage: str, *, exactly: bool = False) -> Iterator[tuple[str, str, str, str]]:
        """Subject without its kind, input, output and detail of all rows of a kind and stage.

        ``exactly``: ``kind`` is all that the subjects begin with.
        """
        first = kind if exactly else f"{kind}:"
        end = first[:-1] + chr(ord(first[-1]) + 1)
        found = self._store.rows(
            "SELECT subject, input, output, detail FROM journal WHERE subject >= ? AND subject < ? AND stage = ?",
            (first, end, stage),
        )
        for subject, made_from, output, detail in found:
            yield subject[len(first) :], made_from, output, detail

    def sources(self, wheres: Collection[str]) -> dict[str, Source]:
        """Those items of a source that were read before, by path."""
        if len(wheres) <= FEW:
            return {where: found for where in wheres if (found := self.source(where))}
        rows = self._rows("source", "read")
        return {path: Source(made, output, detail) for path, made, output, detail in rows if path in wheres}

    def source(self, path: str) -> Source | None:
        """One item of a source as it was last read."""
        row = self._store.row(
            "SELECT input, output, detail FROM journal WHERE subject = ? AND stage = 'read'", (f"source:{path}",)
        )
        return Source(str(row[0]), str(row[1]), str(row[2])) if row else None

    def made(self, kind: str, stage: str) -> Mapping[str, Made]:
        """The files that were made for the subjects of a kind."""

        def read(subject: str, made_from: str, output: str, detail: str) -> Made | None:
            state = read_state(output)
            return Made(made_from, detail, state) if state else None

        return _Rows(self._store, kind, stage, read)

    def made_in(self, show: str) -> list[str]:
        """The paths of all transcripts and notes that were made in a show's folder, whether they are there or not."""
        rows = self._store.rows(
            "SELECT detail FROM journal WHERE subject >= 'episode:' AND subject < 'episode;'"
            " AND stage IN ('transcript', 'note') AND (substr(detail, 1, ?) = ? OR substr(detail, 1, ?) = ?)",
            tuple(part for folder in (f"notes/{show}/", f"transcripts/{show}/") for part in (len(folder), folder)),
        )
        return [str(path) for (path,) in rows]

    def pages(self) -> Mapping[str, Page]:
        """All show and concept pages that are due or were written, by path."""

        def read(path: str, made_from: str, output: str, about: str) -> Page | None:
            return Page(path, made_from == DUE, read_state(output), about) if made_from == DUE or output else None

        return _Rows(self._store, "page", "page", read)

    def due_pages(self) -> list[Page]:
        """The pages that are to be written."""
        rows = self._store.rows(
            "SELECT subject, output, detail FROM journal WHERE subject >= 'page:' AND subject < 'page;' AND input = ?",
            (DUE,),
        )
        return [Page(subject[5:], True, read_state(output), about) for subject, output, about in rows]

    def source_states(self) -> dict[str, SourceState]:
        """Each subscription as it was last asked, by address."""
        return {address: SourceState(**json.loads(detail)) for address, _, _, detail in self._rows("feed", "state")}

    def followed(self, address: str) -> dict[str, Followed]:
        """All episodes that a source has listed, by key."""
        rows = self._rows(f"listed:{address} ", "episode", exactly=True)
        return {key: read_followed(key, looks, state, detail) for key, looks, state, detail in rows}

    def unfinished(self) -> list[tuple[str, Followed]]:
        """All listed episodes that are not done, with the address of their source."""
        rows = self._store.rows(
            "SELECT subject, input, output, detail FROM journal"
            " WHERE subject >= 'listed:' AND subject < 'listed;' AND output NOT IN ('done', 'older', 'elsewhere')",
            (),
        )
        return list(map(_followed, rows))

    def elsewhere(self, episode_ids: Collection[str]) -> list[tuple[str, Followed]]:
        """Episodes that sources list and leave to others, with the addresses of these sources."""
        rows = self._store.rows(
            "SELECT subject, input, output, detail FROM journal"
            " WHERE subject >= 'listed:' AND subject < 'listed;' AND output = 'elsewhere'",
            (),
        )
        return [(address, one) for address, one in map(_followed, rows) if one.id in episode_ids]

    def listed_ids(self, but: str) -> frozenset[str]:
        """The ids of all episodes that sources list and bring themselves; those of one address are left out."""
        rows = self._store.rows(
            "SELECT subject, input, output, detail FROM journal"
            " WHERE subject >= 'listed:' AND subject < 'listed;' AND output NOT IN ('older', 'elsewhere')",
            (),
        )
        return frozenset(one.id for address, one in map(_followed, rows) if address != but)

    def folders(self) -> dict[str, str]:
        """The folder of each show, by name."""
        return {show: output for show, _, output, _ in self._rows("show", "folder")}

    def data(self, episode_id: str, stage: str) -> str:
        """What was worked out for an episode; empty where nothing was."""
        row = self._store.row(
            "SELECT detail FROM journal WHERE subject = ? AND stage = ?", (f"data:{episode_id}", stage)
        )
        return str(row[0]) if row else ""

    def all_data(self, stage: str) -> Iterator[tuple[str, str]]:
        """What was worked out at a stage, for all episodes."""
        for episode_id, _, _, detail in self._rows("data", stage):
            if episode_id:
                yield episode_id, detail

    def parts(self, subject: str) -> dict[str, str]:
        """All that was noted under a subject such as ``mention:...``, by stage, without what was taken back."""
        rows = self._store.rows("SELECT stage, output, detail FROM journal WHERE subject = ?", (subject,))
        return {stage: detail for stage, output, detail in rows if output}


def _followed(row: Row) -> tuple[str, Followed]:
    subject, looks, state, detail = row
    address, _, key = str(subject).removeprefix("listed:").partition(" ")
    return address, read_followed(key, looks, state, detail)


def listed_subject(address: str, key: str) -> str:
    """What the row of an episode that a source lists is about."""
    return f"listed:{address} {key}"


def followed_entry(address: str, one: Followed) -> Entry:
    """The row of an episode that a source lists."""
    return Entry(listed_subject(address, one.key), "episode", one.looks, one.state, write_followed(one))


def source_entry(address: str, state: SourceState) -> Entry:
    """The row of a subscription."""
    return Entry(f"feed:{address}", "state", "", "", json.dumps(asdict(state), ensure_ascii=False))
