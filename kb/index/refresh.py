"""Brings ``library.db`` and the indexes up to the files: decided by a pure function, then done.

A file is opened only where its size or time of change is another than when it was read, or where it was read so soon
after it changed that a second change could have the same time. Only texts without a vector are embedded, and they are
kept in slices: an index that was cut short goes on where it stopped. Vectors of texts that no file holds any more stay,
for the text may come back, until a rebuild or until they are more than the others.

Beside the look at the disk, the work follows what changed and not what there is: what came without a vector, what went
since the last snapshot and how much there is of everything is kept up by the database as rows come and go.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import LibraryReadOnlyError
from kb.index.catalogue import NOTES, FileKind, StoredFile
from kb.index.generations import current_manifest
from kb.index.scan import Scan, look_at, scan_library
from kb.model import Finding

if TYPE_CHECKING:
    from kb.index.store import Store
    from kb.ports import Embedder, Progress

FILES_A_COMMIT = 64
TEXTS_A_COMMIT = 128
DERIVATION = "1"  # grows when the same file gives other rows: all files are then read again

MakeEmbedder = Callable[[], "Embedder"]


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """What there is to do. ``suspect`` files may have changed: their hash tells. ``withheld`` ones are gone from disk
    and stay in the store, because a whole kind of files vanished at once."""

    added: tuple[str, ...] = ()
    suspect: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    unchanged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReport:
    """What was done: counts of files and of texts ``embedded``; ``passages`` is how many there are now."""

    added: int
    changed: int
    removed: int
    unchanged: int
    embedded: int
    passages: int
    findings: tuple[tuple[str, Finding], ...]
    seconds: float


# --- deciding -----------------------------------------------------------------------------------------------------


def plan_refresh(
    on_disk: Mapping[str, tuple[int, int]],
    stored: Mapping[str, tuple[int, int]],
    racy: AbstractSet[str] = frozenset(),
    *,
    afresh: bool = False,
    forget: bool = False,
) -> RefreshPlan:
    """Compares ``on_disk`` (path to size and time of change in ns) with what was ``stored``.

    ``racy`` files are suspect also where nothing differs, with ``afresh`` every file is; ``forget`` believes that all
    files of a kind are gone where none is there.
    """
    if on_disk == stored and not racy and not afresh:
        return RefreshPlan(unchanged=len(stored))
    differing = {path for path, stat in on_disk.items() if stored.get(path) != stat}
    added = differing - stored.keys()
    suspect = on_disk.keys() - added if afresh else (differing - added) | (on_disk.keys() & racy)
    gone = sorted(stored.keys() - on_disk.keys())
    emptied = () if forget or not gone else _emptied(on_disk, stored)
    return RefreshPlan(
        added=tuple(sorted(added)),
        suspect=tuple(sorted(suspect)),
        removed=tuple(path for path in gone if kind_of(path) not in emptied),
        withheld=tuple(path for path in gone if kind_of(path) in emptied),
        unchanged=len(on_disk) - len(added) - len(suspect),
    )


def _emptied(on_disk: Iterable[str], stored: Iterable[str]) -> set[FileKind]:
    """The kinds of which there were files, and now is none: rather a folder that is not mounted than a deletion."""
    return set(map(kind_of, stored)) - set(map(kind_of, on_disk))


def kind_of(path: str) -> FileKind:
    """What a path relative to the library holds."""
    return "note" if path.startswith(NOTES) else "transcript"


def is_stale(root: Path, store: Store, scan: Scan | None = None) -> bool:
    """Whether a file was added, changed or removed since the index was made, going by size and time of change."""
    return (scan or scan_library(root)).files != store.stats()


# --- doing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """How far a refresh is to go."""

    rebuild: bool
    snapshot: bool
    language: str
    model: str


def refresh(
    root: Path,
    store: Store,
    embedder: Embedder | MakeEmbedder,
    *,
    progress: Progress,
    rebuild: bool = False,
    snapshot: bool = True,
    language: str = "en",
    model: str = "",
    scan: Scan | None = None,
    paths: Collection[str] | None = None,
) -> RefreshReport:
    """Reads what changed under ``root``, embeds what is new and writes a snapshot of the indexes.

    An ``embedder`` given as a function is called only where there is something to embed or to write. ``model`` is what
    the settings call it: another name than last time has everything embedded by the new model. ``rebuild`` reads every
    file again. A ``scan`` that shows the disk as it is spares another. With ``paths`` (relative to the library) only
    those files are looked at and counted: for a caller that knows what it wrote, and that changes nothing else. The
    caller is the one writer. Raises LibraryReadOnlyError, DiskFullError, ModelError.
    """
    started = time.perf_counter()
    if store.read_only:
        raise LibraryReadOnlyError("the library was opened for reading only", where=str(root))
    wanted = _Wanted(rebuild=rebuild, snapshot=snapshot, language=language, model=model)
    afresh = rebuild or store.meta("derivation") != DERIVATION
    if paths is not None and not afresh:
        scan, known = look_at(root, paths)
        racy = store.racy_files() & known
        plan = plan_refresh(scan.files, store.stats(known), racy, forget=True)
    else:
        scan = scan or scan_library(root)
        plan = plan_refresh(scan.files, store.stats(), store.racy_files(), afresh=afresh, forget=rebuild)
    changed = _apply(root, store, plan, progress, afresh=afresh)
    complete = not rebuild and _is_complete(root, store, wanted)
    embedded = 0 if complete else _complete(root, store, embedder, progress, wanted)
    return RefreshReport(
        added=len(plan.added),
        changed=changed,
        removed=len(plan.removed),
        unchanged=plan.unchanged + len(plan.suspect) - changed,
        embedded=embedded,
        passages=store.passage_count(),
        findings=(*store.findings(), *scan.findings, *_withheld(plan)),
        seconds=time.perf_counter() - started,
    )


def _withheld(plan: RefreshPlan) -> list[tuple[str, Finding]]:
    counts = {kind: sum(kind_of(path) == kind for path in plan.withheld) for kind in map(kind_of, plan.withheld)}
    what = "all {} files are gone: is the folder mounted? what they said is kept; `hark index --rebuild` forgets it"
    return [
        ("notes/" if kind == "note" else "transcripts/", Finding("folder-emptied", what.format(count)))
        for kind, count in sorted(counts.items())
    ]


def _apply(root: Path, store: Store, plan: RefreshPlan, progress: Progress, *, afresh: bool) -> int:
    """Reads what is to be read and forgets what is gone; returns how many known files had changed."""
    stored = store.files(plan.suspect) if plan.suspect else {}
    paths = (*plan.added, *plan.suspect)
    changed = 0
    for at in range(0, len(paths), FILES_A_COMMIT):
        progress("reading", at, len(paths))
        with store.transaction():
            for path in paths[at : at + FILES_A_COMMIT]:
                changed += _read(root, store, path, stored.get(path), afresh=afresh)
    if paths:
        progress("reading", len(paths), len(paths))
    if plan.removed:
        store.remove_files(plan.removed)
    if afresh:
        store.set_meta("derivation", DERIVATION)
    return changed


def _read(root: Path, store: Store, path: str, before: StoredFile | None, *, afresh: bool) -> bool:
    """Stores what a file says now; returns whether a known file had changed."""
    from kb.index.reading import read_contents, store_file

    contents = read_contents(root, path)
    if contents is None:  # gone since it was listed: the next refresh removes it
        return False
    sha256 = hashlib.sha256(contents.data).hexdigest()
    file = StoredFile(path, contents.size, contents.mtime_ns, sha256, kind_of(path), time.time_ns())
    same = before is not None and before.sha256 == sha256
    if same and not afresh:
        store.touch(file)
        return False
    store_file(store, file, contents)
    return before is not None and not same


# --- embedding ----------------------------------------------------------------------------------------------------


def _is_complete(root: Path, store: Store, wanted: _Wanted) -> bool:
    """Whether everything was embedded and written after the last change, as far as can be told without the model."""
    generation = store.generation
    if store.meta("embedded") != f"{generation} {wanted.model}":
        return False
    if not wanted.snapshot:
        return True
    manifest = current_manifest(root / ".hark")
    if manifest is None or manifest.token not in store.snapshots:
        return False
    return (manifest.generation, manifest.language) == (generation, wanted.language)


def _complete(root: Path, store: Store, embedder: Embedder | MakeEmbedder, progress: Progress, wanted: _Wanted) -> int:
    """Embeds what has no vector and writes the snapshot; returns how many texts were embedded."""
    from kb.index.snapshot import write_snapshot

    made = embedder() if callable(embedder) else embedder
    if wanted.rebuild or store.has_many_spare_vectors():
        store.prune_vectors(made.model_id)
    texts = store.texts_without_vector(made.model_id)
    _embed(store, made, texts, progress)
    store.settle_vectors(made.model_id, wanted.model)
    if wanted.snapshot:
        progress("writing the index", 0, 1)
        write_snapshot(root / ".hark", store, made, wanted.language, afresh=wanted.rebuild)
        progress("writing the index", 1, 1)
    return len(texts)


def _embed(store: Store, embedder: Embedder, texts: Sequence[tuple[str, str]], progress: Progress) -> None:
    for at in range(0, len(texts), TEXTS_A_COMMIT):
        progress("embedding", at, len(texts))
        part = texts[at : at + TEXTS_A_COMMIT]
        store.put_vectors(embedder.model_id, [key for key, _ in part], embedder.encode([text for _, text in part]))
    if texts:
        progress("embedding", len(texts), len(texts))
