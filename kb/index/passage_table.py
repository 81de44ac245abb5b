"""The passages and their vectors, read from ``library.db``."""

from __future__ import annotations

import datetime as dt
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.index.catalogue import (
    NOTES,
    Catalogue,
    Filters,
    as_list,
    note_show,
    read_episode,
    show_folder,
    to_date,
    to_texts,
)
from kb.index.database import Row
from kb.model import Chunk, Episode, Passage, Sentence
from kb.notes.wikilinks import fold

if TYPE_CHECKING:
    from kb.ports import Ids, Vectors


@dataclass(frozen=True, slots=True)
class PassageText:
    """What the lexical index needs of a passage: ``beginning`` is its first chunk, ``file`` a number."""

    id: int
    file: int
    title: str
    heading: str
    beginning: str
    text: str
    speakers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """What a passage takes from the file it is in."""

    path: str
    episode: Episode
    note: str
    title: str


def encode_sentences(sentences: Iterable[Sentence]) -> str:
    return json.dumps([[s.start_s, s.end_s, s.text, s.speaker] for s in sentences], separators=(",", ":"))


def decode_sentences(text: str) -> tuple[Sentence, ...]:
    return tuple(Sentence(*values) for values in json.loads(text))


def name_words(name: str) -> frozenset[str]:
    """The words of a person's name without case and accents."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return frozenset("".join(c if c.isalnum() else " " for c in plain).split())


class PassageTable(Catalogue):
    """The library's passages, chunks and vectors."""

    # --- passages ---

    def passages(self, ids: Iterable[int]) -> dict[int, Passage]:
        """The passages with these ids; ids that are not there are left out."""
        rows = self.rows(
            "SELECT id, file, kind, start_s, end_s FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (as_list(map(int, ids)),),
        )
        places = self._places(sorted({row[1] for row in rows}))
        chunks = self._chunks([row[0] for row in rows])
        return {row[0]: _passage(row, places[row[1]], chunks[row[0]]) for row in rows if row[0] in chunks}

    def _chunks(self, ids: Sequence[int]) -> dict[int, list[Row]]:
        """(text, heading, sentences) of each passage's chunks, in order."""
        found: dict[int, list[Row]] = {}
        for key, *row in self.rows(
            "SELECT p.id, c.text, c.heading, c.sentences FROM passages p JOIN chunks c"
            " ON c.file = p.file AND c.ordinal BETWEEN p.first_chunk AND p.last_chunk"
            " WHERE p.id IN (SELECT value FROM json_each(?)) ORDER BY p.id, c.ordinal",
            (as_list(ids),),
        ):
            found.setdefault(key, []).append(tuple(row))
        return found

    def _places(self, files: Sequence[int]) -> dict[int, _Place]:
        return self._transcript_places(as_list(files)) | self._note_places(as_list(files))

    def _transcript_places(self, files: str) -> dict[int, _Place]:
        rows = self.rows(
            "SELECT e.*, (SELECT min(f.path) FROM notes n JOIN note_episodes l ON l.note = n.file"
            "  JOIN files f ON f.id = n.file WHERE l.episode = e.file AND n.file IN ("
            "   SELECT file FROM notes WHERE own_id <> '' AND own_id = e.id UNION ALL"
            "   SELECT file FROM notes WHERE video_id <> '' AND video_id = e.video_id UNION ALL"
            "   SELECT file FROM notes WHERE video_id <> '' AND video_id = substr(e.id, 4) AND e.id LIKE 'yt:%'))"
            " FROM episodes e WHERE e.file IN (SELECT value FROM json_each(?))",
            (files,),
        )
        return {
            row[12]: _Place(row[11], read_episode(row[:11]), (row[14] or "").removeprefix(NOTES), row[1])
            for row in rows
        }

    def _note_places(self, files: str) -> dict[int, _Place]:
        rows = self.rows(
            "SELECT e.id, e.title, e.show, e.date, e.duration_s, e.url, e.video_id, e.media, e.language, e.speakers,"
            " e.description, f.path, n.file, n.kind, n.title, n.show, n.own_id, n.video_id, n.date, n.duration_s,"
            " n.url, n.speakers FROM notes n JOIN files f ON f.id = n.file"
            " LEFT JOIN note_episodes l ON l.note = n.file LEFT JOIN transcripts e ON e.file = l.episode"
            " WHERE n.file IN (SELECT value FROM json_each(?))",
            (files,),
        )
        return {
            row[12]: _Place(
                row[11],
                read_episode(row[:11]) if row[0] is not None else _episode_of_note(row[11], row[13:]),
                row[11].removeprefix(NOTES),
                row[14],
            )
            for row in rows
        }

    def passage_ids(self, filters: Filters | None = None) -> Ids:
        """The ids of all passages, or of those that ``filters`` lets through, in order."""
        import numpy as np

        chosen = filters or Filters()
        speakers = as_list(self._speakers(chosen.speakers)) if chosen.speakers else None
        files = as_list(self._files(chosen)) if chosen.shows or chosen.after or chosen.before else None
        rows = self.rows(
            "SELECT id FROM passages WHERE (?1 IS NULL OR kind = ?1)"
            " AND (?2 IS NULL OR file IN (SELECT value FROM json_each(?2)))"
            " AND (?3 IS NULL OR id IN (SELECT passage FROM passage_speakers"
            "  WHERE speaker IN (SELECT value FROM json_each(?3)))) ORDER BY id",
            (chosen.kind, files, speakers),
        )
        return np.fromiter((key for (key,) in rows), np.int64, len(rows))

    def _speakers(self, asked: Sequence[str]) -> list[int]:
        """The speakers whose names hold all words of one of the names asked for."""
        wanted = [words for name in asked if (words := name_words(name))]
        rows = self.rows("SELECT id, name FROM speakers")
        return [key for key, name in rows if any(words <= name_words(name) for words in wanted)]

    def _files(self, filters: Filters) -> Iterator[int]:
        """The files of the shows and days asked for."""
        shows = {fold(show) for show in filters.shows}
        for file, path, show, date in self._dated_files():
            if shows and not shows & {fold(show), fold(show_folder(path))}:
                continue
            day = to_date(date)
            if filters.after and (day is None or day < filters.after):
                continue
            if filters.before and (day is None or day >= filters.before):
                continue
            yield file

    def _dated_files(self) -> Iterator[tuple[int, str, str, str | None]]:
        yield from self.rows("SELECT file, path, show, date FROM episodes")
        for file, path, kind, own_show, episode_show, own_date, episode_date in self.rows(
            "SELECT n.file, f.path, n.kind, n.show, e.show, n.date, e.date FROM notes n JOIN files f ON f.id = n.file"
            " LEFT JOIN note_episodes l ON l.note = n.file LEFT JOIN transcripts e ON e.file = l.episode"
        ):
            yield file, path, note_show(path, kind, own_show, episode_show), episode_date or own_date

    def passage_texts(self, *, after: int = 0) -> Iterator[PassageText]:
        """The texts of all passages with an id above ``after``, in order of id, for the lexical index."""
        at = after
        while rows := self.rows("SELECT id, file FROM passages WHERE id > ? ORDER BY id LIMIT 500", (at,)):
            ids = [key for key, _ in rows]
            chunks, speakers, titles = self._chunks(ids), self._speakers_of(ids), self._titles({row[1] for row in rows})
            for key, file in rows:
                parts = chunks[key]
                heard = speakers.get(key, ())
                yield PassageText(key, file, titles[file], _heading(parts), parts[0][0], _joined(parts), heard)
            at = ids[-1]

    def _titles(self, files: Iterable[int]) -> dict[int, str]:
        return dict(
            self.rows(
                "SELECT file, title FROM transcripts WHERE file IN (SELECT value FROM json_each(?1))"
                " UNION ALL SELECT file, title FROM notes WHERE file IN (SELECT value FROM json_each(?1))",
                (as_list(files),),
            )
        )

    def last_passage(self) -> int:
        """The highest id that a passage ever had: all that come get a higher one."""
        return self._last_number("passages")

    def passages_after(self, last: int) -> int:
        """How many passages have an id above ``last``."""
        ((count,),) = self.rows("SELECT count(*) FROM passages WHERE id > ?", (last,))
        return int(count)

    def departures(self) -> int:
        """How many passages have ever gone: each departure has a number."""
        return self._last_number("gone_passages")

    def gone_passages(self, *, after: int, last: int) -> Ids:
        """The passages with ids up to ``last`` that went after the departure numbered ``after``, in order of id."""
        import numpy as np

        rows = self.rows(
            "SELECT passage FROM gone_passages WHERE number > ? AND passage <= ? ORDER BY passage", (after, last)
        )
        return np.fromiter((key for (key,) in rows), np.int64, len(rows))

    def _last_number(self, table: str) -> int:
        row = self.row("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        return int(row[0]) if row else 0

    def _speakers_of(self, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for key, name in self.rows(
            "SELECT p.passage, s.name FROM passage_speakers p JOIN speakers s ON s.id = p.speaker"
            " WHERE p.passage IN (SELECT value FROM json_each(?)) ORDER BY p.passage, s.name",
            (as_list(ids),),
        ):
            found[key] = (*found.get(key, ()), name)
        return found

    # --- chunks and vectors ---

    def chunks(self, file: str) -> tuple[Chunk, ...]:
        """The chunks of a file (relative to the library), in order; none where it is not known."""
        rows = self.rows(
            "SELECT c.text, c.start_s, c.end_s, c.sentences, c.heading FROM chunks c JOIN files f ON f.id = c.file"
            " WHERE f.path = ? ORDER BY c.ordinal",
            (file,),
        )
        return tuple(Chunk(text, start, end, decode_sentences(said), head) for text, start, end, said, head in rows)

    def texts_without_vector(self, model_id: str) -> list[tuple[str, str]]:
        """(hash, text) of each text that the model has not embedded yet, once."""
        settled = self.meta("embedded_by") == model_id  # then only what came since can lack one
        chunks = "fresh_chunks f CROSS JOIN chunks c ON c.id = f.chunk" if settled else "chunks c"
        return [
            (key, text)
            for key, text in self.rows(
                f"SELECT c.text_hash, min(c.text) FROM {chunks} WHERE NOT EXISTS"  # noqa: S608  # one of two of ours
                " (SELECT 1 FROM vectors v WHERE v.text_hash = c.text_hash"
                "  AND v.model = (SELECT id FROM models WHERE model_id = ?))"
                " GROUP BY c.text_hash ORDER BY min(c.id)",
                (model_id,),
            )
        ]

    def chunk_vectors(self, file: str, model_id: str) -> Vectors:
        """The vectors of a file's chunks, in order: ``(chunks, dimension)``.

        Raises KeyError where one has not been embedded yet.
        """
        rows = self.rows(
            "SELECT v.vector FROM chunks c JOIN files f ON f.id = c.file LEFT JOIN vectors v"
            " ON v.text_hash = c.text_hash AND v.model = (SELECT id FROM models WHERE model_id = ?)"
            " WHERE f.path = ? ORDER BY c.ordinal",
            (model_id, file),
        )
        if any(vector is None for (vector,) in rows):
            raise KeyError(f"{file}: not embedded by {model_id} yet")
        return _matrix([vector for (vector,) in rows])

    def passage_vectors(self, model_id: str, *, after: int = 0, most: int = -1) -> tuple[Ids, Vectors]:
        """Ids above ``after``, in order, and the vectors ``(ids, dimension)`` of all passages that have one.

        A passage's vector is that of the chunk at its beginning, the place it is played from. Of no more than ``most``
        passages, the first ones, where it is not negative.
        """
        import numpy as np

        rows = self.rows(
            "SELECT p.id, v.vector FROM passages p CROSS JOIN chunks c ON c.file = p.file AND c.ordinal = p.first_chunk"
            " CROSS JOIN vectors v ON v.text_hash = c.text_hash"
            " AND v.model = (SELECT id FROM models WHERE model_id = ?) WHERE p.id > ? ORDER BY p.id LIMIT ?",
            (model_id, after, most),
        )
        return np.fromiter((key for key, _ in rows), np.int64, len(rows)), _matrix([vector for _, vector in rows])


def _matrix(blobs: Sequence[bytes]) -> Vectors:
    """Vectors as stored (float32, little-endian) as the rows of a matrix."""
    import numpy as np

    if not blobs:
        return np.zeros((0, 0), np.float32)
    return np.frombuffer(b"".join(blobs), "<f4").astype(np.float32, copy=False).reshape(len(blobs), -1)


def _passage(row: Row, place: _Place, chunks: Sequence[Row]) -> Passage:
    key, _, kind, start_s, end_s = row
    return Passage(
        id=key,
        kind=kind,
        file=place.path,
        episode=place.episode,
        note=place.note,
        heading=_heading(chunks),
        text=_joined(chunks),
        start_s=start_s,
        end_s=end_s,
        sentences=tuple(s for chunk in chunks for s in decode_sentences(chunk[2])),
    )


def _heading(chunks: Sequence[Row]) -> str:
    return str(chunks[0][1]) if chunks else ""


def _joined(chunks: Sequence[Row]) -> str:
    return " ".join(chunk[0] for chunk in chunks)


def _episode_of_note(path: str, row: Row) -> Episode:
    """What a note without a transcript says of its episode; a concept's or show's note has one without an id."""
    kind, title, show, own_id, video_id, date, duration_s, url, speakers = row
    key = own_id or (f"yt:{video_id}" if video_id else "")
    day: dt.date | None = to_date(date)
    return Episode(
        id=key if kind == "episode" else "",
        title=title,
        show=note_show(path, kind, show, None),
        date=day,
        duration_s=duration_s,
        url=url,
        video_id=video_id,
        speakers=to_texts(speakers),
    )
