"""What the library holds, read from ``library.db``: shows, episodes, notes and the links between them."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kb.errors import NotFoundError
from kb.index.database import Database, Row
from kb.model import Episode, Finding, NoteKind, PassageKind
from kb.notes.wikilinks import LinkTable, NamedPage, fold

FileKind = Literal["transcript", "note"]

NOTES = "notes/"
TRANSCRIPTS = "transcripts/"
CONCEPTS = "concepts"
MOST_VALUES = 500  # in one statement, well below SQLite's bound on variables

_EPISODE = (
    "e.id, e.title, e.show, e.date, e.duration_s, e.url, e.video_id, e.media, e.language, e.speakers, e.description"
)


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
    """What a name and every link to it have in common: the last part of the folded name, without ``.md``.

    Two names that ``fold`` makes equal have equal keys, so one look-up finds every page that a link can mean.
    """
    return fold(name).rsplit("/", 1)[-1].removesuffix(".md")


def page_names(path: str, title: str, aliases: Iterable[str]) -> frozenset[str]:
    """The keys of all names of a page."""
    return frozenset(key for name in (path, title, *aliases) if (key := link_key(name)))


def to_date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def to_texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def slices(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """``values`` in pieces that fit into one statement."""
    return (values[at : at + MOST_VALUES] for at in range(0, len(values), MOST_VALUES))


def marks(values: Sequence[Any]) -> str:
    """The placeholders of a list of values."""
    return ",".join("?" * len(values))


def _episode(row: Row) -> Episode:
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


def _folder(path: str) -> str:
    """The show's folder of ``notes/show/...`` or ``transcripts/show/...``; empty for a file in no folder."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else ""


class Catalogue(Database):
    """The library's shows, episodes, notes and links."""

    # --- files ---

    def files(self) -> dict[str, StoredFile]:
        """Every file that was read, by path."""
        rows = self.rows("SELECT path, size, mtime_ns, sha256, kind, stored_ns FROM files ORDER BY path")
        return {row[0]: StoredFile(*row) for row in rows}

    def findings(self) -> tuple[tuple[str, Finding], ...]:
        """What is wrong with the files, by path; two transcripts of one episode included."""
        rows = self.rows(
            "SELECT f.path, d.rule, d.message, d.line FROM findings d JOIN files f ON f.id = d.file"
            " ORDER BY f.path, d.ordinal"
        )
        found = [(path, Finding(rule, message, line)) for path, rule, message, line in rows]
        return tuple(sorted((*found, *self._second_claims()), key=lambda pair: pair[0]))

    def _second_claims(self) -> list[tuple[str, Finding]]:
        rows = self.rows(
            "SELECT f.path, t.id, e.path FROM transcripts t JOIN files f ON f.id = t.file"
            " JOIN episodes e ON e.id = t.id WHERE NOT t.leads"
        )
        return [
            (path, Finding("duplicate-episode", f"left out: {first} has the episode {key} already"))
            for path, key, first in rows
        ]

    @property
    def generation(self) -> int:
        """Grows with every change of the passages."""
        return int(self.meta("generation") or 0)

    def meta(self, key: str) -> str:
        """A value kept under ``key``, or an empty string."""
        row = self.row("SELECT value FROM meta WHERE key = ?", (key,))
        return str(row[0]) if row else ""

    # --- episodes ---

    def episodes(self, show: str = "") -> tuple[EpisodeEntry, ...]:
        """All episodes, or those of a show (its name or folder), newest first, undated ones last."""
        rows = self.rows(f"SELECT {_EPISODE}, e.path FROM episodes e ORDER BY e.date DESC, e.title, e.id")
        wanted = fold(show)
        chosen = [row for row in rows if not wanted or wanted in (fold(row[2]), fold(_folder(row[11])))]
        notes = self._notes_by_episode()
        return tuple(EpisodeEntry(_episode(row[:11]), row[11], notes.get(row[0], ())) for row in chosen)

    def episode(self, key: str) -> EpisodeEntry:
        """One episode by its id. Raises NotFoundError."""
        found = self._episode_entries("e.id = ?", key)
        if not found:
            raise NotFoundError("the library has no such episode", where=key)
        return found[0]

    def episodes_by_video(self, video_id: str) -> tuple[EpisodeEntry, ...]:
        """The episodes with that id on YouTube."""
        return self._episode_entries("e.video_id <> '' AND e.video_id = ?", video_id)

    def _episode_entries(self, condition: str, value: str) -> tuple[EpisodeEntry, ...]:
        rows = self.rows(f"SELECT {_EPISODE}, e.path FROM episodes e WHERE {condition} ORDER BY e.id", (value,))
        return tuple(EpisodeEntry(_episode(row[:11]), row[11], self._notes_of(row[0])) for row in rows)

    def _notes_of(self, episode_id: str) -> tuple[str, ...]:
        rows = self.rows(
            "SELECT f.path FROM transcripts t JOIN notes n ON n.own_id = t.id"
            " OR (n.video_id <> '' AND (n.video_id = t.video_id OR 'yt:' || n.video_id = t.id))"
            " JOIN note_episodes l ON l.note = n.file AND l.episode = t.file JOIN files f ON f.id = n.file"
            " WHERE t.leads AND t.id = ? ORDER BY f.path",
            (episode_id,),
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
        entries = ((entry, _folder(NOTES + entry.path)) for entry in self._note_entries("1", ()))
        return tuple(entry for entry, folder in entries if not wanted or wanted in (fold(entry.show), fold(folder)))

    def note_entry(self, path: str) -> NoteEntry:
        """One note by its path relative to ``notes/``. Raises NotFoundError."""
        found = self._note_entries("f.path = ?", (NOTES + path,))
        if not found:
            raise NotFoundError("the library has no such note", where=path)
        return found[0]

    def _note_entries(self, condition: str, values: Sequence[Any]) -> list[NoteEntry]:
        rows = self.rows(
            "SELECT f.path, n.title, n.kind, n.show, t.show, t.id FROM notes n JOIN files f ON f.id = n.file"
            " LEFT JOIN note_episodes l ON l.note = n.file LEFT JOIN transcripts t ON t.file = l.episode"
            f" WHERE {condition} ORDER BY f.path",
            values,
        )
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
        rows = [
            row
            for part in slices(keys)
            for row in self.rows(
                "SELECT DISTINCT f.path, n.title, n.aliases FROM names k JOIN notes n ON n.file = k.file"
                f" JOIN files f ON f.id = k.file WHERE k.key IN ({marks(part)})",
                part,
            )
        ]
        pages = {path: NamedPage(path.removeprefix(NOTES), title, to_texts(aliases)) for path, title, aliases in rows}
        return LinkTable(pages[path] for path in sorted(pages))

    def backlinks(self, path: str) -> tuple[Backlink, ...]:
        """The links from other notes to the note at ``path``, by path and line."""
        keys = [key for (key,) in self.rows("SELECT k.key FROM names k JOIN files f ON f.id = k.file WHERE f.path = ?",
                                            (NOTES + path,))]
        if not keys:
            return ()
        rows = self.rows(
            "SELECT f.path, n.title, l.label, l.context, l.target FROM links l JOIN files f ON f.id = l.source"
            f" JOIN notes n ON n.file = l.source WHERE l.key IN ({marks(keys)}) ORDER BY f.path, l.ordinal",
            keys,
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
        asked: Counter[str] = Counter()
        spelled: dict[str, str] = {}
        for target, count in (*self._without_name(), *self._unresolved_paths()):
            key = fold(target)
            asked[key] += count
            spelled[key] = min(spelled.get(key, target), target)
        ranked = sorted(asked.items(), key=lambda item: (-item[1], item[0]))
        return tuple((spelled[key], count) for key, count in ranked[:limit])

    def _without_name(self) -> list[Row]:
        return self.rows(
            "SELECT target, count(*) FROM links WHERE key <> '' AND key NOT IN (SELECT key FROM names) GROUP BY target"
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
        for entry in self.episodes():
            name = entry.episode.show or _folder(entry.transcript)
            groups.setdefault(fold(name), _ShowParts()).add_episode(name, entry)
        for note in self.notes():
            if note.show:
                groups.setdefault(fold(note.show), _ShowParts()).add_note(note)
        shows = (parts.show() for parts in groups.values())
        return tuple(sorted(shows, key=lambda show: (fold(show.name), show.slug)))

    def counts(self) -> Counts:
        """How much the library holds."""
        shows = self.shows()
        (row,) = self.rows(
            "SELECT (SELECT count(*) FROM episodes), (SELECT count(*) FROM transcripts), (SELECT count(*) FROM notes),"
            " (SELECT count(*) FROM notes WHERE kind = 'concept'), (SELECT count(*) FROM chunks),"
            " (SELECT count(*) FROM passages), (SELECT count(*) FROM vectors)"
        )
        return Counts(len(shows), *row, hours=sum(show.hours for show in shows))


def note_show(path: str, kind: str, own: str, of_episode: str | None) -> str:
    """The show a note belongs to: as it says itself, as its episode says, or the folder it is in."""
    if own or of_episode:
        return own or of_episode or ""
    folder = _folder(path)
    return "" if kind == "concept" or folder == CONCEPTS else folder


class _ShowParts:
    """What is gathered of one show."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.folders: Counter[str] = Counter()
        self.dates: list[dt.date] = []
        self.seconds = 0.0
        self.episodes = self.notes = 0

    def add_episode(self, name: str, entry: EpisodeEntry) -> None:
        self.names[name] += 1
        self.folders[_folder(entry.transcript)] += 1
        self.episodes += 1
        self.seconds += entry.episode.duration_s or 0.0
        if entry.episode.date:
            self.dates.append(entry.episode.date)

    def add_note(self, note: NoteEntry) -> None:
        self.names[note.show] += 0 if self.episodes else 1
        self.folders[_folder(NOTES + note.path)] += 1
        self.notes += 1

    def show(self) -> Show:
        def most(counter: Counter[str]) -> str:
            return min(counter, key=lambda name: (-counter[name], name))

        first, last = (min(self.dates), max(self.dates)) if self.dates else (None, None)
        return Show(most(self.names), most(self.folders), self.episodes, self.seconds / 3600, first, last, self.notes)
