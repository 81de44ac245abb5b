"""What the library holds, read from ``library.db``: shows, episodes, notes and the links between them."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kb.errors import NotFoundError
from kb.index.database import Database, Row
from kb.model import Episode, Finding, NoteKind, PassageKind
from kb.notes.wikilinks import LinkTable, NamedPage, fold

FileKind = Literal["transcript", "note"]

NOTES = "notes/"
TRANSCRIPTS = "transcripts/"
CONCEPTS = "concepts"
RACY_NS = 2_000_000_000  # FAT keeps times to two seconds, the coarsest there is; the index files_racy has it too


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as it was when it was read. ``path`` is relative to the library; ``stored_ns`` is when it was stored."""

    path: str
    size: int
    mtime_ns: int
    sha256: str
    kind: FileKind
    stored_ns: int = 0


@dataclass(frozen=True, slots=True)
class Show:
    """A show; ``slug`` is the folder that its files are in."""

    name: str
    slug: str
    episodes: int
    hours: float
    first: dt.date | None
    last: dt.date | None
    notes: int


@dataclass(frozen=True, slots=True)
class EpisodeEntry:
    """An episode, its ``transcript`` (``transcripts/...``) and its ``notes`` (relative to ``notes/``)."""

    episode: Episode
    transcript: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoteEntry:
    """A note; ``path`` is relative to ``notes/``, ``episode_id`` empty where it belongs to none."""

    path: str
    title: str
    kind: NoteKind
    show: str
    episode_id: str


@dataclass(frozen=True, slots=True)
class Backlink:
    """A link from the note at ``path``: its label and the sentence or line it stands in."""

    path: str
    title: str
    label: str
    context: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is. ``hours`` of all episodes, ``vectors`` of all models."""

    shows: int
    episodes: int
    transcripts: int
    notes: int
    concepts: int
    chunks: int
    passages: int
    vectors: int
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which passages may be found: of any of the ``shows``, said by any of the ``speakers``.

    ``after`` includes its day, ``before`` does not; what has no date is outside both.
    """

    shows: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    after: dt.date | None = None
    before: dt.date | None = None
    kind: PassageKind | None = None

    def __bool__(self) -> bool:
        return bool(self.shows or self.speakers or self.after or self.before or self.kind)


def link_key(name: str) -> str:
    """What a name and every link to it have in common: the folded last part, without ``.md``.

    Two names that ``fold`` makes equal have equal keys, so one look-up finds every page that a link can mean.
    """
    stem = name.strip().rstrip("/")
    stem = stem[:-3] if stem.lower().endswith(".md") else stem
    return fold(stem.rsplit("/", 1)[-1]).rsplit("/", 1)[-1]  # folding turns other slashes into this one


def page_names(path: str, title: str, aliases: Iterable[str]) -> dict[str, bool]:
    """The keys of all names of a page, and whether one of the names with that key has no slash in it."""
    names = (path.rsplit("/", 1)[-1], *(name for name in (title, *aliases) if link_key(name)))
    keys = [(link_key(name), "/" not in fold(name)) for name in names]
    return {key: any(whole for other, whole in keys if other == key) for key, _ in keys}


def to_date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def to_texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def as_list(values: Iterable[int | str]) -> str:
    """A list as one value of a statement: ``IN (SELECT value FROM json_each(?))`` has no bound on its length."""
    return json.dumps(list(values))


def read_episode(row: Row) -> Episode:
    key, title, show, date, duration_s, url, video_id, media, language, speakers, description = row
    return Episode(
        id=key,
        title=title,
        show=show,
        date=to_date(date),
        duration_s=duration_s,
        url=url,
        video_id=video_id,
        media=media,
        language=language,
        speakers=to_texts(speakers),
        description=description,
    )


def show_folder(path: str) -> str:
    """The show's folder of ``notes/show/...`` or ``transcripts/show/...``; empty for a file in no folder."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else ""


class Catalogue(Database):
    """The library's shows, episodes, notes and links."""

    # --- files ---

    def files(self, paths: Iterable[str] | None = None) -> dict[str, StoredFile]:
        """Every file that was read, or those of ``paths``, by path."""
        rows = self._of_files("path, size, mtime_ns, sha256, kind, stored_ns", paths)
        return {row[0]: StoredFile(*row) for row in sorted(rows)}

    def knows(self, path: str) -> bool:
        """Whether the file was read before."""
        return self.row("SELECT 1 FROM files WHERE path = ?", (path,)) is not None

    def stats(self, paths: Iterable[str] | None = None) -> dict[str, tuple[int, int]]:
        """Size and time of change of every file, or of those of ``paths``, as it was read, by path."""
        return {path: (size, mtime_ns) for path, size, mtime_ns in self._of_files("path, size, mtime_ns", paths)}

    def _of_files(self, columns: str, paths: Iterable[str] | None) -> list[Row]:
        if paths is None:
            return self.rows(f"SELECT {columns} FROM files")  # noqa: S608  # the columns are ours
        statement = f"SELECT {columns} FROM files WHERE path IN (SELECT value FROM json_each(?))"  # noqa: S608
        return self.rows(statement, (as_list(paths),))

    def racy_files(self) -> frozenset[str]:
        """The files read so soon after they changed that a second change could have the same time."""
        # As the index files_racy has it: with a value bound SQLite could not use it.
        rows = self.rows("SELECT path FROM files WHERE stored_ns - mtime_ns < 2000000000")
        return frozenset(path for (path,) in rows)

    def findings(self) -> tuple[tuple[str, Finding], ...]:
        """What is wrong with the files, by path; two transcripts of one episode included."""
        # CROSS JOIN has SQLite begin with the findings, which are few, in place of the files in order.
        rows = self.rows(
            "SELECT f.path, d.ordinal, d.rule, d.message, d.line FROM findings d CROSS JOIN files f ON f.id = d.file"
        )
        found = [(path, Finding(rule, message, line)) for path, _, rule, message, line in sorted(rows)]
        return tuple(sorted((*found, *self._second_claims()), key=lambda pair: pair[0]))

    def _second_claims(self) -> list[tuple[str, Finding]]:
        rows = self.rows(
            "SELECT f.path, t.id, e.path FROM transcripts t INDEXED BY transcripts_waiting"
            " CROSS JOIN files f ON f.id = t.file CROSS JOIN episodes e ON e.id = t.id WHERE NOT t.leads"
        )
        return [
            (path, Finding("duplicate-episode", f"left out: {first} has the episode {key} already"))
            for path, key, first in rows
        ]

    @property
    def generation(self) -> int:
        """Grows with every change of the passages and of their vectors."""
        return int(self.meta("generation") or 0)

    def meta(self, key: str) -> str:
        """A value kept under ``key``, or an empty string."""
        row = self.row("SELECT value FROM meta WHERE key = ?", (key,))
        return str(row[0]) if row else ""

    # --- episodes ---

    def episodes(self, show: str = "") -> tuple[EpisodeEntry, ...]:
        """All episodes, or those of a show (its name or folder), newest first, undated ones last."""
        rows = self.rows("SELECT * FROM episodes ORDER BY date DESC, title, id")
        wanted = fold(show)
        chosen = [row for row in rows if not wanted or wanted in (fold(row[2]), fold(show_folder(row[11])))]
        notes = self._notes_by_episode()
        return tuple(EpisodeEntry(read_episode(row[:11]), row[11], notes.get(row[0], ())) for row in chosen)

    def episode(self, key: str) -> EpisodeEntry:
        """One episode by its id. Raises NotFoundError."""
        rows = self.rows("SELECT * FROM episodes WHERE id = ?", (key,))
        if not rows:
            raise NotFoundError("the library has no such episode", where=key)
        return self._entries(rows)[0]

    def _entries(self, rows: Iterable[Row]) -> tuple[EpisodeEntry, ...]:
        return tuple(EpisodeEntry(read_episode(row[:11]), row[11], self._notes_of(row[0], row[6])) for row in rows)

    def _notes_of(self, episode_id: str, video_id: str) -> tuple[str, ...]:
        named = episode_id.removeprefix("yt:") if episode_id.startswith("yt:") else video_id
        rows = self.rows(
            "SELECT f.path FROM files f JOIN note_episodes l ON l.note = f.id JOIN transcripts t ON t.file = l.episode"
            " WHERE t.leads AND t.id = ?1 AND f.id IN (SELECT file FROM notes WHERE own_id <> '' AND own_id = ?1"
            " UNION ALL SELECT file FROM notes WHERE video_id <> '' AND video_id IN (?2, ?3)) ORDER BY f.path",
            (episode_id, video_id, named),
        )
        return tuple(path.removeprefix(NOTES) for (path,) in rows)

    def _notes_by_episode(self) -> dict[str, tuple[str, ...]]:
        rows = self.rows(
            "SELECT t.id, f.path FROM note_episodes l JOIN transcripts t ON t.file = l.episode"
            " JOIN files f ON f.id = l.note ORDER BY f.path"
        )
        found: dict[str, tuple[str, ...]] = {}
        for key, path in rows:
            found[key] = (*found.get(key, ()), path.removeprefix(NOTES))
        return found

    # --- notes ---

    def notes(self, show: str = "") -> tuple[NoteEntry, ...]:
        """All notes, or those of a show (its name or folder), by path."""
        wanted = fold(show)
        entries = (
            (entry, show_folder(NOTES + entry.path))
            for entry in self._note_entries(self.rows("SELECT * FROM note_entries ORDER BY path"))
        )
        return tuple(entry for entry, folder in entries if not wanted or wanted in (fold(entry.show), fold(folder)))

    def note_entry(self, path: str) -> NoteEntry:
        """One note by its path relative to ``notes/``. Raises NotFoundError."""
        found = self._note_entries(self.rows("SELECT * FROM note_entries WHERE path = ?", (NOTES + path,)))
        if not found:
            raise NotFoundError("the library has no such note", where=path)
        return found[0]

    def _note_entries(self, rows: Iterable[Row]) -> list[NoteEntry]:
        return [
            NoteEntry(path.removeprefix(NOTES), title, kind, note_show(path, kind, own, of_episode), episode_id or "")
            for path, title, kind, own, of_episode, episode_id in rows
        ]

    # --- links ---

    def resolve(self, target: str, from_note: str = "") -> str | None:
        """The note that a link in ``from_note`` means, both relative to ``notes/``; None for one not written yet."""
        return self._table([link_key(target)]).resolve(target, from_note)

    def _table(self, keys: Sequence[str]) -> LinkTable:
        """All pages that links with these keys can mean."""
        rows = self.rows(
            "SELECT DISTINCT f.path, n.title, n.aliases FROM names k JOIN notes n ON n.file = k.file"
            " JOIN files f ON f.id = k.file WHERE k.key IN (SELECT value FROM json_each(?))",
            (as_list(keys),),
        )
        pages = {path: NamedPage(path.removeprefix(NOTES), title, to_texts(aliases)) for path, title, aliases in rows}
        return LinkTable(pages[path] for path in sorted(pages))

    def backlinks(self, path: str) -> tuple[Backlink, ...]:
        """The links from other notes to the note at ``path``, by path and line."""
        rows = self.rows("SELECT k.key FROM names k JOIN files f ON f.id = k.file WHERE f.path = ?", (NOTES + path,))
        keys = [key for (key,) in rows]
        rows = self.rows(
            "SELECT f.path, n.title, l.label, l.context, l.target FROM links l JOIN files f ON f.id = l.source"
            " JOIN notes n ON n.file = l.source WHERE l.key IN (SELECT value FROM json_each(?))"
            " ORDER BY f.path, l.ordinal",
            (as_list(keys),),
        )
        table = self._table(keys)
        sources = ((source.removeprefix(NOTES), *rest) for source, *rest in rows)
        return tuple(
            Backlink(source, title, label, context)
            for source, title, label, context, target in sources
            if source != path and table.resolve(target, source) == path
        )

    def wanted(self, limit: int = 50) -> tuple[tuple[str, int], ...]:
        """The pages that links ask for and nobody has written, with how often, the most wanted first."""
        spellings: dict[str, Counter[str]] = {}
        for target, count in (*self._without_name(), *self._unresolved_paths()):
            spellings.setdefault(fold(target.removesuffix(".md")), Counter())[target] += count
        counted = [(_most(of_key), of_key.total()) for of_key in spellings.values()]
        return tuple(sorted(counted, key=lambda pair: (-pair[1], pair[0]))[:limit])

    def _without_name(self) -> list[Row]:
        return self.rows(
            "SELECT target, count(*) FROM links WHERE key <> '' AND key NOT IN (SELECT key FROM names"
            " WHERE whole OR links.target LIKE '%/%') GROUP BY target"
        )

    def _unresolved_paths(self) -> list[tuple[str, int]]:
        """Links that name a folder as well: a page of that name may be there, and yet not the one that is meant."""
        rows = self.rows(
            "SELECT l.target, f.path, l.key FROM links l JOIN files f ON f.id = l.source"
            " WHERE l.target LIKE '%/%' AND l.key IN (SELECT key FROM names)"
        )
        table = self._table(sorted({key for _, _, key in rows}))
        return [(target, 1) for target, path, _ in rows if table.resolve(target, path.removeprefix(NOTES)) is None]

    # --- shows and counts ---

    def shows(self) -> tuple[Show, ...]:
        """All shows by name. A show's name is compared without regard to case, spaces and hyphens."""
        groups: dict[str, _ShowParts] = {}
        lengths: dict[str, float] = dict(self.rows("SELECT id, COALESCE(duration_s, heard_s, 0) FROM episodes"))
        for entry in self.episodes():
            name = entry.episode.show or show_folder(entry.transcript)
            groups.setdefault(fold(name), _ShowParts()).add_episode(name, entry, lengths[entry.episode.id])
        for note in self.notes():
            if note.show:
                groups.setdefault(fold(note.show), _ShowParts()).add_note(note)
        shows = (parts.show() for parts in groups.values())
        return tuple(sorted(shows, key=lambda show: (fold(show.name), show.slug)))

    @property
    def snapshots(self) -> tuple[str, ...]:
        """The tokens of the indexes that were made of this very database; of any other none can be carried on."""
        return tuple(self.meta("snapshots").split())

    def total(self, name: Literal["chunks", "passages", "vectors"]) -> int:
        """How many rows a table has."""
        ((count,),) = self.rows("SELECT count FROM totals WHERE name = ?", (name,))
        return int(count)

    def passage_count(self) -> int:
        """How many passages there are."""
        return self.total("passages")

    def counts(self) -> Counts:
        """How much the library holds."""
        shows = self.shows()
        ((episodes, transcripts, notes, concepts),) = self.rows(
            "SELECT (SELECT count(*) FROM episodes), (SELECT count(*) FROM transcripts), (SELECT count(*) FROM notes),"
            " (SELECT count(*) FROM notes WHERE kind = 'concept')"
        )
        chunks, passages, vectors = self.total("chunks"), self.total("passages"), self.total("vectors")
        hours = sum(show.hours for show in shows)
        return Counts(len(shows), episodes, transcripts, notes, concepts, chunks, passages, vectors, hours)


def note_show(path: str, kind: str, own: str, of_episode: str | None) -> str:
    """The show a note belongs to: as it says itself, as its episode says, or the folder it is in."""
    if own or of_episode:
        return own or of_episode or ""
    folder = show_folder(path)
    return "" if kind == "concept" or folder == CONCEPTS else folder


def _most(counter: Counter[str]) -> str:
    """The most frequent, the first in order of those."""
    return min(counter, key=lambda name: (-counter[name], name))


class _ShowParts:
    """What is gathered of one show."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.folders: Counter[str] = Counter()
        self.dates: list[dt.date] = []
        self.seconds = 0.0
        self.episodes = self.notes = 0

    def add_episode(self, name: str, entry: EpisodeEntry, seconds: float) -> None:
        self.names[name] += 1
        self.folders[show_folder(entry.transcript)] += 1
        self.episodes += 1
        self.seconds += seconds
        if entry.episode.date:
            self.dates.append(entry.episode.date)

    def add_note(self, note: NoteEntry) -> None:
        self.names[note.show] += 0 if self.episodes else 1
        self.folders[show_folder(NOTES + note.path)] += 1
        self.notes += 1

    def show(self) -> Show:
        first, last = (min(self.dates), max(self.dates)) if self.dates else (None, None)
        return Show(_most(self.names), _most(self.folders), self.episodes, self.seconds / 3600, first, last, self.notes)
