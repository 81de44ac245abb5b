"""The indexes as files: ``index/gen-N/``, of which the file ``CURRENT`` names the one that counts.

    index/CURRENT                gen-7
    index/gen-7/vectors.faiss    the passages' vectors under their ids
                ids.npy          the ids of all passages, with and without a vector
                lexical/         tantivy's folders
                manifest.json    SHA-256 and size of each of these, model, dimension, language, the store's generation

A generation is built under another name, fsynced, renamed, and made current by one more rename, so a reader finds an
old one or a new one, never half of one. FAISS loads most files with flipped bits without a word: what does not have
the hash that was written down is not read, but made again from the vectors in ``library.db``, without embedding.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import DiskFullError, LibraryDamagedError, LibraryReadOnlyError
from kb.index.encoders import file_sha256

if TYPE_CHECKING:
    from kb.index.lexical import LexicalIndex
    from kb.index.store import Store
    from kb.index.vectors import FaissIndex
    from kb.ports import Embedder, Ids

FORMAT = 1  # of the manifest, of tantivy's fields and of how texts are put into them
CURRENT, MANIFEST, VECTORS, IDS, LEXICAL = "CURRENT", "manifest.json", "vectors.faiss", "ids.npy", "lexical"

_GENERATION = re.compile(r"gen-(\d{1,18})")
_UNFINISHED = ".new-"
_REPLACED = frozenset({"meta.json", ".managed.json"})  # tantivy's files that are not written once for all


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A file of a generation."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SnapshotManifest:
    """What a generation holds: so many ``passages``, so many of them with ``vectors``."""

    format: int
    generation: int  # of the store
    model_id: str
    dimension: int
    language: str
    passages: int
    vectors: int
    files: dict[str, StoredPart]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The open indexes; ``vectors`` is None where no passage has been embedded by this model."""

    lexical: LexicalIndex
    vectors: FaissIndex | None
    generation: int


# --- reading ------------------------------------------------------------------------------------------------------


def current_snapshot(derived: Path, store: Store, embedder: Embedder, language: str) -> Snapshot:
    """The indexes of what the store holds now, made again where they are missing, damaged or of another time.

    While another process writes, its last finished generation is used as it is. Where nothing can be written, the
    indexes are made in a temporary folder. ``derived`` is the library's ``.hark/``.
    """
    folder = current_folder(derived)
    manifest = _sound_manifest(folder) if folder else None
    fits = manifest is not None and _is_of(manifest, embedder, language)
    if folder and manifest and fits and manifest.generation == store.generation:
        return _open(folder, manifest, store)
    if store.read_only:
        return _private(store, embedder, language)
    from filelock import FileLock, Timeout

    try:
        with FileLock(derived / "lock", timeout=0):
            written = write_snapshot(derived, store, embedder, language)
            return _open(written, _read_manifest(written), store)
    except Timeout:
        if folder and manifest and fits:
            return _open(folder, manifest, store)
        return _private(store, embedder, language)


def current_folder(derived: Path) -> Path | None:
    """The generation that CURRENT names, or None."""
    try:
        name = (derived / "index" / CURRENT).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return derived / "index" / name if _GENERATION.fullmatch(name) else None


def is_current(derived: Path, generation: int, model_id: str = "", language: str = "") -> bool:
    """Whether CURRENT names a snapshot of that generation of the store; its files are not looked at."""
    folder = current_folder(derived)
    try:
        manifest = _read_manifest(folder) if folder else None
    except LibraryDamagedError:
        return False
    return (
        manifest is not None
        and manifest.generation == generation
        and model_id in ("", manifest.model_id)
        and language in ("", manifest.language)
    )


def _is_of(manifest: SnapshotManifest, embedder: Embedder, language: str) -> bool:
    expected = (FORMAT, embedder.model_id, embedder.dimension, language)
    return (manifest.format, manifest.model_id, manifest.dimension, manifest.language) == expected


def _read_manifest(folder: Path) -> SnapshotManifest:
    """Raises LibraryDamagedError."""
    try:
        table = json.loads((folder / MANIFEST).read_bytes())
        parts = {name: StoredPart(**part) for name, part in table.pop("files").items()}
        return SnapshotManifest(**table, files=parts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LibraryDamagedError("the manifest of the index cannot be read", where=str(folder)) from error


def _sound_manifest(folder: Path) -> SnapshotManifest | None:
    """The manifest of a generation whose files are exactly those that it lists, unchanged; else None."""
    try:
        manifest = _read_manifest(folder)
        if manifest.format != FORMAT or set(manifest.files) != set(_listed(folder)):
            return None
        sound = all(
            (folder / name).stat().st_size == part.size and file_sha256(folder / name) == part.sha256
            for name, part in manifest.files.items()
        )
    except (OSError, LibraryDamagedError):
        return None
    return manifest if sound else None


def _listed(folder: Path) -> Iterator[str]:
    """The files of a generation that count, relative to it: not its manifest, and no locks."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".lock" and path.name != MANIFEST:
            yield path.relative_to(folder).as_posix()


def _open(folder: Path, manifest: SnapshotManifest, store: Store) -> Snapshot:
    from kb.index.lexical import LexicalIndex

    vectors = None
    if manifest.vectors:
        from kb.index.vectors import FaissIndex

        vectors = FaissIndex.load(folder / VECTORS)
    allowed = lru_cache(maxsize=16)(store.passage_ids)
    lexical = LexicalIndex(folder / LEXICAL, manifest.language, allowed_ids=allowed)
    return Snapshot(lexical, vectors, manifest.generation)


def _private(store: Store, embedder: Embedder, language: str) -> Snapshot:
    """Indexes in a temporary folder, which goes when they are no longer used."""
    folder = Path(tempfile.mkdtemp(prefix="hark-index-"))
    try:
        with store.unchanging():
            _fill(folder, None, store, embedder, language)
            snapshot = _open(folder, _read_manifest(folder), store)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(snapshot.lexical, shutil.rmtree, folder, ignore_errors=True)
    return snapshot


# --- writing ------------------------------------------------------------------------------------------------------


def write_snapshot(
    derived: Path, store: Store, embedder: Embedder, language: str = "en", *, afresh: bool = False
) -> Path:
    """Writes the next generation, makes it current and returns its folder. The caller is the one writer.

    It starts from the current one where that is sound, of the same model and language, unless it is to be made
    ``afresh``. The generation before stays, for readers that have it open; older ones go.
    Raises DiskFullError, LibraryReadOnlyError.
    """
    index = derived / "index"
    try:
        index.mkdir(parents=True, exist_ok=True)
        before = current_folder(derived)
        _sweep(index, keep={before} if before else set())
        new = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=index))
        with store.unchanging():
            _fill(new, None if afresh else before, store, embedder, language)
        folder = index / f"gen-{_next_number(index)}"
        new.rename(folder)
        _make_current(index, folder.name)
        _sweep(index, keep={folder, before} if before else {folder})
    except OSError as error:
        raise _understood(error, index) from error
    return folder


def _understood(error: OSError, where: Path) -> Exception:
    if error.errno in {28, 122}:  # no space; quota exceeded
        return DiskFullError("no space is left on the disk", where=str(where), remedy="make room, then: hark index")
    if isinstance(error, PermissionError) or error.errno == 30:  # read-only file system
        return LibraryReadOnlyError("the index cannot be written", where=str(where), remedy="check its permissions")
    return error


def _fill(folder: Path, before: Path | None, store: Store, embedder: Embedder, language: str) -> None:
    """Puts all files of a generation into an empty folder, the manifest last."""
    import numpy as np

    base = _base(before, embedder, language)
    ids = store.passage_ids()
    known: Ids = np.load(before / IDS) if before and base else np.empty(0, np.int64)
    added = int(known.max()) if len(known) else 0  # ids only grow: all above are new
    _fill_lexical(folder / LEXICAL, before / LEXICAL if before and base else None, store, known, ids, added, language)
    vectors = _fill_vectors(folder / VECTORS, before if base and base.vectors == base.passages else None,
                            store, embedder, known, ids, added)
    np.save(folder / IDS, ids)
    manifest = SnapshotManifest(
        format=FORMAT,
        generation=store.generation,
        model_id=embedder.model_id,
        dimension=embedder.dimension,
        language=language,
        passages=len(ids),
        vectors=vectors,
        files={name: StoredPart((folder / name).stat().st_size, file_sha256(folder / name)) for name in _listed(folder)},
    )
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    for path in (*(folder.rglob("*")), folder):
        _sync(path)
