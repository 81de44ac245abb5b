"""What is written to ``library.db``: the files as read, their passages, the vectors, the journal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import NotALibraryError
from kb.index.catalogue import (
    Backlink,
    Counts,
    EpisodeEntry,
    Filters,
    NoteEntry,
    Show,
    StoredFile,
    as_list,
    link_key,
    page_names,
)
from kb.index.passage_table import PassageTable, PassageText, decode_sentences, encode_sentences
from kb.model import Chunk, Episode, Finding, Note, PassageKind, Transcript

if TYPE_CHECKING:
    from kb.ports import Vectors

__all__ = [
    "Backlink",
    "Counts",
    "EpisodeEntry",
    "Filters",
    "JournalEntry",
    "NoteEntry",
    "PassageText",
    "Show",
    "Store",
    "StoredFile",
    "open_store",
    "set_aside",
]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What was done: the ``stage`` of a ``subject``, made from ``input`` (a hash), giving ``output``, ``at`` a time."""

    subject: str
    stage: str
    input: str
    output: str
    detail: str
    at: str


def open_store(db: Path, *, read_only: bool = False) -> Store:
    """Opens ``library.db``, and makes it where there is none and it may be written.

    Raises LibraryTooNewError, LibraryDamagedError, LibraryReadOnlyError, LibraryBusyError and DiskFullError, and
    NotALibraryError where there is nothing to read.
    """
    if read_only and not db.is_file():
        raise NotALibraryError("no index here yet", where=str(db), remedy="make it with: hark index")
    return Store(db, read_only=read_only)


def set_aside(db: Path) -> Path | None:
    """Renames a database that cannot be used, with what belongs to it, so that a new one can be made."""
    kept = db.with_name(f"{db.name}.damaged")
    for suffix in ("-wal", "-shm"):
        db.with_name(db.name + suffix).unlink(missing_ok=True)
    if not db.exists():
        return None
    db.replace(kept)
    return kept


def _storable(text: str) -> str:
    """``text`` without lone surrogates, which no UTF-8 can hold, and NUL, at which SQLite's JSON ends a text."""
    clean = text.replace("\0", "")
    return clean if clean.isascii() else clean.encode("utf-8", "replace").decode("utf-8")


def _list(texts: Iterable[str]) -> str:
    return json.dumps(list(texts), separators=(",", ":"))


def overlapping(chunks: int) -> list[tuple[int, int]]:
    """The passages of a transcript: every chunk begins one, with the next chunk where there is one."""
    return [(at, min(at + 1, chunks - 1)) for at in range(chunks)]


class Store(PassageTable):
    """The catalogue, open for reading and writing.

    Every writing method is a transaction of its own, or a part of the one that is open (``with store.transaction()``).
    """

    # --- files ---

    def put_transcript(
        self, file: StoredFile, transcript: Transcript, chunks: Sequence[Chunk], findings: Sequence[Finding] = ()
    ) -> None:
        """Stores a transcript in the place of what that file held before."""
        with self.transaction():
            self._forget(file.path)
            number = self._put_file(file, findings)
            self._put_episode(number, transcript)
            self._put_chunks(number, chunks)
            self._settle(transcript.episode.id)

    def put_note(self, file: StoredFile, note: Note, chunks: Sequence[Chunk]) -> None:
        """Stores a note, its names and links in the place of what that file held before."""
        with self.transaction():
            self._forget(file.path)
            number = self._put_file(file, note.findings)
            self._put_note_row(number, note)
            self._put_chunks(number, chunks)
            self._put_passages(number, "note", [(at, at) for at in range(len(chunks))])

    def put_damaged(self, file: StoredFile, finding: Finding) -> None:
        """Stores that a file cannot be read as it is now. What it said when it last could be read stays."""
        with self.transaction():
            row = self.row("SELECT id FROM files WHERE path = ?", (file.path,))
            if row is None:
                self._put_file(file, [finding])
                return
            self.touch(file)
            self._write("DELETE FROM findings WHERE file = ?", row)
            self._put_findings(row[0], [finding])

    def touch(self, file: StoredFile) -> None:
        """Stores a file's new size, time and hash, where what it says is the same."""
        with self.transaction():
            self._write(
                "UPDATE files SET size = ?, mtime_ns = ?, sha256 = ?, stored_ns = ? WHERE path = ?",
                (file.size, file.mtime_ns, file.sha256, file.stored_ns or time.time_ns(), file.path),
            )

    def remove_files(self, paths: Iterable[str]) -> None:
        """Forgets files and all that was read from them; unknown ones are passed over."""
        with self.transaction():
            for path in paths:
                self._forget(path)

    def _forget(self, path: str) -> None:
        row = self.row(
            "SELECT f.id, t.id FROM files f LEFT JOIN transcripts t ON t.file = f.id WHERE f.path = ?", (path,)
        )
        if row is None:
            return
        self._drop_passages(row[0])
        self._write("DELETE FROM files WHERE id = ?", row[:1])
        if row[1] is not None:
            self._settle(row[1])

    def _put_file(self, file: StoredFile, findings: Sequence[Finding]) -> int:
        cursor = self._write(
            "INSERT INTO files (path, kind, size, mtime_ns, sha256, stored_ns) VALUES (?, ?, ?, ?, ?, ?)",
            (file.path, file.kind, file.size, file.mtime_ns, file.sha256, file.stored_ns or time.time_ns()),
        )
        number = cursor.lastrowid
        assert number is not None
        self._put_findings(number, findings)
        return number

    def _put_findings(self, file: int, findings: Sequence[Finding]) -> None:
        self._write_many(
            "INSERT INTO findings VALUES (?, ?, ?, ?, ?)",
            [(file, at, f.rule, _storable(f.message), f.line) for at, f in enumerate(findings)],
        )

    # --- episodes and notes ---

    def _put_episode(self, file: int, transcript: Transcript) -> None:
        e: Episode = transcript.episode
        heard = max((segment.end_s for segment in transcript.segments), default=None)
        texts = map(_storable, (e.id, e.title, e.show))
        rest = map(_storable, (e.url, e.video_id, e.media, e.language))
        self._write(
            "INSERT INTO transcripts (file, id, title, show, date, duration_s, url, video_id, media, language,"
            " speakers, description, heard_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                file,
                *texts,
                e.date and e.date.isoformat(),
                e.duration_s,
                *rest,
                _list(e.speakers),
                _storable(e.description),
                heard,
            ),
        )

    def _settle(self, episode_id: str) -> None:
        """Gives an episode to the first file by path of those that claim it: only that one has passages."""
        claims = self.rows(
            "SELECT t.file, t.leads FROM transcripts t JOIN files f ON f.id = t.file WHERE t.id = ? ORDER BY f.path",
            (_storable(episode_id),),
        )
        for file, leads in claims[1:]:
            if leads:
                self._drop_passages(file)
                self._write("UPDATE transcripts SET leads = 0 WHERE file = ?", (file,))
        for file, leads in claims[:1]:
            if not leads:
                self._write("UPDATE transcripts SET leads = 1 WHERE file = ?", (file,))
                ((count,),) = self.rows("SELECT count(*) FROM chunks WHERE file = ?", (file,))
                self._put_passages(file, "quote", overlapping(count))

    def _put_note_row(self, file: int, note: Note) -> None:
        front = note.front
        video = front.video_id or (front.id.removeprefix("yt:") if front.id.startswith("yt:") else "")
        self._write(
            "INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                file,
                front.kind,
                *map(_storable, (note.title, front.show, front.id, video)),
                front.date and front.date.isoformat(),
                front.duration_s,
                _storable(front.url),
                _list(front.speakers),
                _list(front.aliases),
            ),
        )
        names = page_names(note.path, note.title, front.aliases)
        self._write_many(
            "INSERT INTO names VALUES (?, ?, ?)",
            [(_storable(key), file, whole) for key, whole in sorted(names.items())],
        )
        self._write_many(
            "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    file,
                    at,
                    *map(_storable, (link_key(x.target), x.target, x.heading, x.label)),
                    x.line,
                    _storable(x.context),
                )
                for at, x in enumerate(note.links)
            ],
        )

    # --- chunks and passages ---

    def _put_chunks(self, file: int, chunks: Sequence[Chunk]) -> None:
        from kb.transcripts.passages import text_hash  # brings the cutting of sentences with it

        rows = []
        for at, chunk in enumerate(chunks):
            text = _storable(chunk.text)
            said = encode_sentences(chunk.sentences)
            rows.append((file, at, text, text_hash(text), chunk.start_s, chunk.end_s, _storable(chunk.heading), said))
        self._write_many(
            "INSERT INTO chunks (file, ordinal, text, text_hash, start_s, end_s, heading, sentences)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def _put_passages(self, file: int, kind: PassageKind, spans: Sequence[tuple[int, int]]) -> None:
        """Makes passages of a file's stored chunks, each from the first to the last of a span."""
        if not spans:
            return
        self._changed = True
        chunks = self.rows("SELECT start_s, end_s, sentences FROM chunks WHERE file = ? ORDER BY ordinal", (file,))
        said = [[_storable(s.speaker) for s in decode_sentences(chunk[2]) if s.speaker] for chunk in chunks]
        speakers = self._speaker_numbers({name for names in said for name in names})
        for ordinal, (first, last) in enumerate(spans):
            part = chunks[first : last + 1]
            start = min((c[0] for c in part if c[0] is not None), default=None)
            end = max((c[1] for c in part if c[1] is not None), default=None)
            passage = self._write(
                "INSERT INTO passages (file, ordinal, kind, first_chunk, last_chunk, start_s, end_s)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (file, ordinal, kind, first, last, start, end),
            ).lastrowid
            heard = {speakers[name] for names in said[first : last + 1] for name in names}
            self._write_many("INSERT INTO passage_speakers VALUES (?, ?)", [(x, passage) for x in sorted(heard)])

    def _drop_passages(self, file: int) -> None:
        if self._write("DELETE FROM passages WHERE file = ?", (file,)).rowcount:
            self._changed = True

    def _speaker_numbers(self, names: set[str]) -> dict[str, int]:
        self._write_many("INSERT OR IGNORE INTO speakers (name) VALUES (?)", [(name,) for name in sorted(names)])
        return dict(
            self.rows("SELECT name, id FROM speakers WHERE name IN (SELECT value FROM json_each(?))", (as_list(names),))
        )

    # --- vectors ---

    def put_vectors(self, model_id: str, hashes: Sequence[str], vectors: Vectors) -> None:
        """Keeps the vectors ``(len(hashes), dimension)`` of texts named by their hashes."""
        rows = vectors.astype("<f4")
        with self.transaction():
            self._changed = True  # an index made before lacks these
            self._write("INSERT OR IGNORE INTO models (model_id) VALUES (?)", (model_id,))
            ((model,),) = self.rows("SELECT id FROM models WHERE model_id = ?", (model_id,))
            self._write_many(
                "INSERT INTO vectors (text_hash, model, vector) VALUES (?, ?, ?)"
                " ON CONFLICT (text_hash, model) DO UPDATE SET vector = excluded.vector",
                [(key, model, row.tobytes()) for key, row in zip(hashes, rows, strict=True)],
            )

    def settle_vectors(self, model_id: str, settings: str = "") -> bool:
        """Keeps that the model embedded every text there is, under what the ``settings`` call it, where it did.

        From then on ``texts_without_vector`` looks only at what comes.
        """
        with self.transaction():
            if self.texts_without_vector(model_id):
                return False
            self._write("DELETE FROM fresh_chunks")
            self.set_meta("embedded_by", model_id)
            self.set_meta("embedded", f"{self.generation} {settings}")
            self.set_meta("model_id", model_id)
        return True

    def settle_snapshot(self, tokens: Iterable[str], gone: int) -> None:
        """Keeps the ``tokens`` of the indexes made of this database that may be carried on.

        The departures of passages up to the one numbered ``gone`` are forgotten: all those indexes know of them.
        """
        with self.transaction():
            self.set_meta("snapshots", " ".join(tokens))
            self._write("DELETE FROM gone_passages WHERE number <= ?", (gone,))

    def prune_vectors(self, model_id: str) -> int:
        """Drops the vectors of texts that no file holds any more, and of other models; returns how many."""
        with self.transaction():
            if self.meta("embedded_by") != model_id:
                self.set_meta("embedded_by", "")
            gone = self._write(
                "DELETE FROM vectors WHERE model NOT IN (SELECT id FROM models WHERE model_id = ?)"
                " OR text_hash NOT IN (SELECT text_hash FROM chunks)",
                (model_id,),
            ).rowcount
            self._write("DELETE FROM models WHERE id NOT IN (SELECT model FROM vectors)")
        return gone

    def has_many_spare_vectors(self) -> bool:
        """Whether most of the vectors are of texts that no file holds any more."""
        return self.total("vectors") > 2 * self.total("chunks") + 1000

    # --- the rest ---

    def set_meta(self, key: str, value: str) -> None:
        """Keeps a value under ``key``."""
        with self.transaction():
            self._write("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def journal(self, subject: str = "") -> tuple[JournalEntry, ...]:
        """What was done for all subjects, or for one, by subject and stage."""
        rows = self.rows(
            "SELECT subject, stage, input, output, detail, at FROM journal WHERE ?1 = '' OR subject = ?1"
            " ORDER BY subject, stage",
            (subject,),
        )
        return tuple(JournalEntry(*row) for row in rows)

    def put_journal(self, entries: Iterable[JournalEntry], *, forget: Iterable[str] = ()) -> None:
        """Writes down what was done; an entry of the same subject and stage is replaced. Subjects to ``forget`` go."""
        rows = [tuple(map(_storable, (e.subject, e.stage, e.input, e.output, e.detail, e.at))) for e in entries]
        with self.transaction():
            self._write_many("DELETE FROM journal WHERE subject = ?", [(_storable(subject),) for subject in forget])
            self._write_many("INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?)", rows)
