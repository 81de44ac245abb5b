"""What was done, per subject and stage: rows of ``library.db`` that are written after the files they speak of.

    source:<path of the item>   read          what the files looked like -> the episode's id, or why there is none
    show:<name>                 folder        -> its folder
    episode:<id>                transcript    SHA-256 of what the source says -> the file's path and state
                                note          what it was made from -> the file's path and state
    page:<path>                 page          a show's or concept's page: due or done -> the file's state
    import:<path>               copy          what the original looked like -> the file's state
    data:<id>                   terms, shingles, phrases, digest    by transcript and version, what the writer found
    data:                       lexicon       all terms added together
    concept:<identity>          concept       -> the slug of its page, and its title
    mention:<identity>          <episode>     what an episode says of a concept
    shelf:<folder>              <episode>     what a show's page says of an episode

Deleting the journal loses no file and no edit: see ``ingest.pipeline`` on what is found without a row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ingest.records import DUE, Entry, Made, Page, Source, read_state

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

    def _rows(self, kind: str, stage: str) -> Iterator[tuple[str, str, str, str]]:
        """Subject without its kind, input, output and detail of all rows of a kind and stage."""
        first, end = f"{kind}:", f"{kind};"  # ';' follows ':'
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

    def folders(self) -> dict[str, str]:
        """The folder of each show, by name."""
        return {show: output for show, _, output, _ in self._rows("show", "folder")}

    def concepts(self) -> dict[str, tuple[str, str]]:
        """Slug and title of each concept, by identity."""
        return {identity: (output, detail) for identity, _, output, detail in self._rows("concept", "concept")}

    def inputs(self, stage: str) -> dict[str, str]:
        """What was worked out at a stage for each episode, by what it was made from."""
        rows = self._store.rows(
            "SELECT subject, input FROM journal WHERE subject > 'data:' AND subject < 'data;' AND stage = ?", (stage,)
        )
        return {subject.removeprefix("data:"): made_from for subject, made_from in rows}

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
