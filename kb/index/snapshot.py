"""The store's passages as open indexes, read from the current generation or made again.

The indexes are derived: what is missing, damaged, of another model, language or time is made from the texts and
vectors in ``library.db``, without embedding anything.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import DiskFullError, LibraryDamagedError, LibraryReadOnlyError
from kb.index.generations import (
    FORMAT,
    IDS,
    LEXICAL,
    VECTORS,
    SnapshotManifest,
    begin,
    current_folder,
    finish,
    is_sound,
    link_tree,
    read_manifest,
    stored_parts,
    write_manifest,
)

if TYPE_CHECKING:
    from kb.index.lexical import LexicalIndex
    from kb.index.store import Store
    from kb.index.vectors import FaissIndex
    from kb.ports import Embedder, Ids


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The open indexes; ``vectors`` is None where the model has embedded no passage. ``generation`` of the store."""

    lexical: LexicalIndex
    vectors: FaissIndex | None
    generation: int


@dataclass(frozen=True, slots=True)
class _Base:
    """A sound generation of the right model and language that the next one may start from."""

    folder: Path
    ids: Ids
    has_all_vectors: bool


def current_snapshot(derived: Path, store: Store, embedder: Embedder, language: str) -> Snapshot:
    """The indexes of what the store holds now. ``derived`` is the library's ``.hark/``.

    Where the generation on disk is not of now, the next is written. While another process writes, the last one that
    it finished is used as it is; where nothing can be written, the indexes are made in a temporary folder.
    """
    from filelock import FileLock, Timeout

    found = _sound(derived, embedder, language)
    if found and found[1].generation == store.generation:
        return _open(*found, store)
    if store.read_only:
        return _private(store, embedder, language)
    try:
        with FileLock(derived / "lock", timeout=0):
            folder = write_snapshot(derived, store, embedder, language)
            return _open(folder, read_manifest(folder), store)
    except Timeout:
        return _open(*found, store) if found else _private(store, embedder, language)


def write_snapshot(
    derived: Path, store: Store, embedder: Embedder, language: str = "en", *, afresh: bool = False
) -> Path:
    """Writes the next generation, makes it current and returns its folder. The caller is the one writer.

    It starts from the current one where that is sound and of the same model and language, unless it is to be made
    ``afresh``. The one before stays, for readers that have it open. Raises DiskFullError, LibraryReadOnlyError.
    """
    index, before = derived / "index", current_folder(derived)
    found = None if afresh else _sound(derived, embedder, language)
    try:
        new = begin(index)
        with store.unchanging():
            _fill(new, _base(*found) if found else None, store, embedder, language)
        return finish(index, new, keep={before} if before else ())
    except OSError as error:
        _explain(error, index)
        raise


def _explain(error: OSError, where: Path) -> None:
    """Raises what the error means to a user, where that is known."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        raise DiskFullError(
            "no space is left on the disk", where=str(where), remedy="make room and try again"
        ) from error
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        raise LibraryReadOnlyError(
            "the index cannot be written", where=str(where), remedy="check its permissions"
        ) from error


def _sound(derived: Path, embedder: Embedder, language: str) -> tuple[Path, SnapshotManifest] | None:
    """The current generation, where it is whole and of this model and language."""
    folder = current_folder(derived)
    if folder is None:
        return None
    try:
        manifest = read_manifest(folder)
    except LibraryDamagedError:
        return None
    wanted = (FORMAT, embedder.model_id, embedder.dimension, language)
    fits = (manifest.format, manifest.model_id, manifest.dimension, manifest.language) == wanted
    return (folder, manifest) if fits and is_sound(folder, manifest) else None


def _base(folder: Path, manifest: SnapshotManifest) -> _Base:
    import numpy as np

    return _Base(folder, np.load(folder / IDS, allow_pickle=False), manifest.vectors == manifest.passages)


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
            snapshot = _open(folder, read_manifest(folder), store)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(snapshot.lexical, shutil.rmtree, folder, ignore_errors=True)
    return snapshot


def _fill(folder: Path, base: _Base | None, store: Store, embedder: Embedder, language: str) -> None:
    """Puts all files of a generation into an empty folder, the manifest last."""
    import numpy as np

    ids = store.passage_ids()
    np.save(folder / IDS, ids)
    _fill_words(folder / LEXICAL, base, store, ids, language)
    vectors = _fill_vectors(folder / VECTORS, base if base and base.has_all_vectors else None, store, embedder, ids)
    manifest = SnapshotManifest(
        format=FORMAT,
        generation=store.generation,
        model_id=embedder.model_id,
        dimension=embedder.dimension,
        language=language,
        passages=len(ids),
        vectors=vectors,
        files=stored_parts(folder),
    )
    write_manifest(folder, manifest)


def _fill_words(folder: Path, base: _Base | None, store: Store, ids: Ids, language: str) -> None:
    import numpy as np

    from kb.index.lexical import LexicalIndex

    gone = np.setdiff1d(base.ids, ids) if base else ids[:0]
    # Documents that are gone count in how rare a word is until tantivy merges them away: not too many of them.
    if base and len(gone) * 4 <= len(base.ids):
        link_tree(base.folder / LEXICAL, folder)
        LexicalIndex(folder, language).update(store.passage_texts(after=_last(base.ids)), gone.tolist())
    else:
        LexicalIndex(folder, language).update(store.passage_texts())


def _fill_vectors(path: Path, base: _Base | None, store: Store, embedder: Embedder, ids: Ids) -> int:
    """Returns how many vectors there are."""
    import numpy as np

    from kb.index.vectors import FaissIndex

    index = FaissIndex.load(base.folder / VECTORS) if base else FaissIndex(embedder.dimension)
    if base:
        index.remove(np.setdiff1d(base.ids, ids))
    added, vectors = store.passage_vectors(embedder.model_id, after=_last(base.ids) if base else 0)
    if len(added):
        index.add(added, vectors)
    index.save(path)
    return len(index)


def _last(ids: Ids) -> int:
    """The highest id there was: ids only grow, so all above are new."""
    return int(ids[-1]) if len(ids) else 0
