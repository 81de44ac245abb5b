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
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

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
    from kb.index.store import Store


class Journal:
    """Reads and writes the rows. ``now`` is written beside each."""

    def __init__(self, store: Store, now: dt.datetime) -> None:
        self._store = store
        self._now = now.isoformat(timespec="seconds")

    def put(self, entries: Iterable[Entry]) -> None:
        """Writes rows, all or none; a row of the same subject and stage is replaced."""
        from kb.index.store import JournalEntry

        rows = [JournalEntry(e.subject, e.stage, e.input, e.output, e.detail, self._now) for e in entries]
        if rows:
            self._store.put_journal(rows)

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

    def sources(self) -> dict[str, Source]:
        """All items of all sources, by path."""
        return {
            path: Source(made_from, output, detail) for path, made_from, output, detail in self._rows("source", "read")
        }

    def source(self, path: str) -> Source | None:
        """One item of a source as it was last read."""
        row = self._store.row(
            "SELECT input, output, detail FROM journal WHERE subject = ? AND stage = 'read'", (f"source:{path}",)
        )
        return Source(str(row[0]), str(row[1]), str(row[2])) if row else None

    def made(self, kind: str, stage: str) -> dict[str, Made]:
        """The files that were made for the subjects of a kind."""
        return {
            subject: Made(made_from, detail, state)
            for subject, made_from, output, detail in self._rows(kind, stage)
            if (state := read_state(output))
        }

    def pages(self) -> dict[str, Page]:
        """All show and concept pages that are due or were written, by path."""
        rows = self._store.rows(
            "SELECT subject, input, output, detail FROM journal"
            " WHERE subject >= 'page:' AND subject < 'page;' AND (input = ? OR output <> '')",
            (DUE,),
        )
        pages = (Page(path[5:], made_from == DUE, read_state(output), about) for path, made_from, output, about in rows)
        return {page.path: page for page in pages}

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
            " WHERE subject >= 'listed:' AND subject < 'listed;' AND output NOT IN ('done', 'older')",
            (),
        )
        found = []
        for subject, looks, state, detail in rows:
            address, _, key = subject.removeprefix("listed:").partition(" ")
            found.append((address, read_followed(key, looks, state, detail)))
        return found

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


def followed_entry(address: str, one: Followed) -> Entry:
    """The row of an episode that a source lists."""
    return Entry(f"listed:{address} {one.key}", "episode", one.looks, one.state, write_followed(one))


def source_entry(address: str, state: SourceState) -> Entry:
    """The row of a subscription."""
    return Entry(f"feed:{address}", "state", "", "", json.dumps(asdict(state), ensure_ascii=False))
