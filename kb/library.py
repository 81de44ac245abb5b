"""A library: the one place that puts the concrete parts together.

from kb.library import open_library

with open_library(Path("talks")) as library:
    for hit in library.search("why do we forget").hits:
        print(hit.passage.episode.title, hit.moment_s, hit.sentence)
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kb.errors import HarkError, LibraryBusyError, LibraryDamagedError, LibraryReadOnlyError, NotFoundError
from kb.index.catalogue import Backlink, EpisodeEntry, NoteEntry, Show
from kb.index.store import Store, open_store, set_aside
from kb.model import Answer, Episode, Note, SearchMode, SearchResult, Transcript
from kb.ports import Progress, no_progress
from kb.settings import SETTINGS_FILE, TEMPLATE, Settings, load_settings

if TYPE_CHECKING:
    from kb.index.refresh import RefreshReport
    from kb.ports import Embedder
    from kb.retrieval.search import Sources

__all__ = [
    "Backlink",
    "EpisodeEntry",
    "Library",
    "NoteEntry",
    "Show",
    "Status",
    "create_library",
    "open_library",
]

WRITER = "writer"  # in .hark: who has the lock, or had it last

_MEDIA = "aac flac m4a m4b m4v mka mkv mov mp3 mp4 mpga oga ogg ogv opus wav weba webm"
MEDIA = frozenset(f".{ending}" for ending in _MEDIA.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a library holds. ``stale``: a file changed, or was added, since the index was made."""

    library: str
    name: str
    shows: int
    episodes: int
    transcripts: int
    notes: int
    concepts: int
    passages: int
    vectors: int
    hours: float
    model: str
    generation: int
    stale: bool
    disk_bytes: int  # of .hark/


def create_library(root: Path, name: str = "", *, embedder: Embedder | None = None) -> Library:
    """Makes the folder a library; what is there already stays as it is. Raises LibraryReadOnlyError."""
    try:
        for folder in (root / "notes", root / "transcripts"):
            folder.mkdir(parents=True, exist_ok=True)
        if not (root / SETTINGS_FILE).exists():
            title = json.dumps(name or root.resolve().name, ensure_ascii=False)
            (root / SETTINGS_FILE).write_text(TEMPLATE.format(name=title), encoding="utf-8")
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise LibraryReadOnlyError(
            f"a library cannot be made here: {error.strerror}", where=str(root), remedy="choose another folder"
        ) from None
    return open_library(root, embedder=embedder)


def open_library(root: Path, *, embedder: Embedder | None = None, mend: bool = False) -> Library:
    """Opens a library, for reading only where its folder cannot be written to.

    Without an ``embedder`` the model that ``hark.toml`` names is used, and loaded when it is first needed. Raises
    NotALibraryError, ConfigError, LibraryTooNewError, and LibraryDamagedError; with ``mend`` a damaged database is set
    aside instead, and an empty one takes its place until the next ``refresh``.
    """
    settings = load_settings(root)
    try:
        return Library(root, settings, embedder)
    except LibraryDamagedError:
        if not mend:
            raise
    set_aside(root / ".hark" / "library.db")
    return Library(root, settings, embedder)


class Library:
    """An open library. Threads may share one; close it, or use it in a ``with``."""

    def __init__(self, root: Path, settings: Settings, embedder: Embedder | None = None) -> None:
        self.root = root.resolve()
        self.settings = settings
        self.derived = self.root / ".hark"
        self.store: Store = self._open_store()
        self._embedder = embedder
        self._sources: tuple[int, Sources] | None = None  # and the generation they are of
        self._guard = RLock()

    def _open_store(self) -> Store:
        database = self.derived / "library.db"
        try:
            self.derived.mkdir(exist_ok=True)
        except (PermissionError, OSError) as error:
            if not database.exists():
                raise LibraryReadOnlyError(
                    f"its index cannot be made: {getattr(error, 'strerror', error)}",
                    where=str(self.root),
                    remedy="make the folder writable",
                ) from None
        read_only = database.exists() and not (os.access(self.derived, os.W_OK) and os.access(database, os.W_OK))
        return open_store(database, read_only=read_only)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database."""
        self.store.close()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Makes this process the library's one writer. Raises LibraryBusyError, LibraryReadOnlyError."""
        from filelock import FileLock, Timeout

        if self.store.read_only:
            raise LibraryReadOnlyError("it cannot be written to", where=str(self.root), remedy="check its permissions")
        held = FileLock(self.derived / "lock", timeout=0)
        try:
            held.acquire()
        except Timeout:
            what = f"another Hark is writing to this library{self._writer()}"
            raise LibraryBusyError(what, where=str(self.root), remedy="wait until it has finished") from None
        try:
            self._sign()
            yield
        finally:
            held.release()

    def _sign(self) -> None:
        """Says who has the lock, for those who find it taken. It is not what holds it."""
        called = " ".join([Path(sys.argv[0]).name, *sys.argv[1:3]])[:80]
        text = f"{called}, process {os.getpid()}, since {dt.datetime.now():%Y-%m-%d %H:%M:%S}"
        with suppress(OSError):
            (self.derived / WRITER).write_text(text, encoding="utf-8", errors="replace")

    def _writer(self) -> str:
        try:
            return f": {(self.derived / WRITER).read_text(encoding='utf-8', errors='replace')[:200]}"
        except OSError:
            return ""

    # --- the index ---

    def embedder(self) -> Embedder:
        """The embedding model, loaded at the first call. Raises ModelError."""
        with self._guard:
            if self._embedder is None:
                from kb.index.embedders import open_embedder

                self._embedder = open_embedder(self.settings.model)
            return self._embedder

    def refresh(
        self,
        progress: Progress = no_progress,
        *,
        rebuild: bool = False,
        snapshot: bool = True,
        paths: Collection[str] | None = None,
    ) -> RefreshReport:
        """Brings the index up to the files: reads what changed, embeds what is new. The caller holds ``lock()``.

        With ``paths`` nothing else is looked at: for who knows what was written. ``rebuild`` reads every file again;
        where the database turns out to be damaged, it starts from an empty one.
        """
        from kb.index.refresh import refresh

        def run() -> RefreshReport:
            return refresh(
                self.root,
                self.store,
                self.embedder,
                progress=progress,
                rebuild=rebuild,
                snapshot=snapshot,
                language=self.settings.language,
                model=self.settings.model,
                paths=paths,
            )

        try:
            return run()
        except LibraryDamagedError:
            if not rebuild:
                raise
        self.store.close()
        set_aside(self.derived / "library.db")
        self.store = self._open_store()
        return run()

    def _search_sources(self) -> Sources:
        """The open index; opened anew when the library has changed."""
        from kb.index.snapshot import current_snapshot
        from kb.retrieval.search import Sources

        with self._guard:
            generation = self.store.generation
            if self._sources is None or self._sources[0] != generation:
                embedder = self.embedder()
                # The model loads while the indexes are opened: both wait for files and run outside Python's lock.
                Thread(target=_load, args=(embedder,)).start()
                snapshot = current_snapshot(self.derived, self.store, embedder, self.settings.language)
                sources = Sources(self.store, snapshot.lexical, snapshot.vectors, embedder)
                self._sources = generation, sources
            return self._sources[1]

    # --- finding ---

    def search(self, text: str, *, mode: SearchMode = "hybrid", limit: int = 10) -> SearchResult:
        """The best passages for what a person typed; the query's syntax is in ``kb.retrieval.query``."""
        from kb.retrieval.search import search

        return search(self._search_sources(), text, mode=mode, limit=limit)

    def answer(self, question: str, *, limit: int = 4) -> Answer:
        """What up to ``limit`` episodes say to a question, verbatim."""
        from kb.retrieval.answer import answer

        return answer(self._search_sources(), question, limit=limit)

    # --- reading ---

    def shows(self) -> tuple[Show, ...]:
        """All shows, by name."""
        return self.store.shows()

    def episodes(self, show: str = "") -> tuple[EpisodeEntry, ...]:
        """All episodes, or those of a show, newest first."""
        return self.store.episodes(show)

    def episode(self, episode_id: str) -> EpisodeEntry:
        """One episode. Raises NotFoundError."""
        return self.store.episode(episode_id)

    def transcript(self, episode_id: str) -> Transcript:
        """What was said in an episode, from its file. Raises NotFoundError, CaptionError."""
        from kb.transcripts.webvtt import parse_webvtt

        path = self.store.episode(episode_id).transcript
        try:
            text = (self.root / path).read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise NotFoundError("the transcript is gone", where=path, remedy="run: hark index") from None
        return parse_webvtt(text, where=path)

    def notes(self, show: str = "") -> tuple[NoteEntry, ...]:
        """All notes, or those of a show, by path."""
        return self.store.notes(show)

    def note(self, path: str) -> Note:
        """A note by its path relative to ``notes/``. Raises NotFoundError for what the library does not list."""
        from kb.notes.notefile import parse_note

        entry = self.store.note_entry(path)  # only a listed path is ever opened
        try:
            return parse_note(entry.path, (self.root / "notes" / entry.path).read_bytes())
        except FileNotFoundError:
            raise NotFoundError("the note is gone", where=path, remedy="run: hark index") from None

    def resolve(self, target: str, from_note: str = "") -> str | None:
        """The note that a wiki-link means, or None for one that nobody has written yet."""
        return self.store.resolve(target, from_note)

    def backlinks(self, path: str) -> tuple[Backlink, ...]:
        """The links from other notes to this one."""
        return self.store.backlinks(path)

    def wanted(self, limit: int = 50) -> tuple[tuple[str, int], ...]:
        """Links to nothing and how often they are wanted, most wanted first."""
        return self.store.wanted(limit)

    def media_path(self, episode: Episode) -> Path | None:
        """The episode's local recording, where there is one: a file with the ending of audio or video."""
        if not episode.media:
            return None
        path = (self.root / episode.media).resolve()
        return path if path.suffix.lower() in MEDIA and path.is_file() else None

    def status(self) -> Status:
        """What the library holds, without opening the index."""
        from kb.index.refresh import is_stale

        counts = self.store.counts()
        return Status(
            library=str(self.root),
            name=self.settings.name,
            shows=counts.shows,
            episodes=counts.episodes,
            transcripts=counts.transcripts,
            notes=counts.notes,
            concepts=counts.concepts,
            passages=counts.passages,
            vectors=counts.vectors,
            hours=round(counts.hours, 2),
            model=self.settings.model,
            generation=self.store.generation,
            stale=is_stale(self.root, self.store),
            disk_bytes=sum(f.stat().st_size for f in self.derived.rglob("*") if f.is_file()),
        )


def _load(embedder: Embedder) -> None:
    """Loads the model; where that fails, the search that needs it says so."""
    with suppress(HarkError):
        embedder.encode_query("")
