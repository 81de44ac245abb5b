"""The store's passages as open indexes, read from the current generation or made again.

The indexes are derived: what is missing, damaged, of another model, language or time is made from the texts and
vectors in ``library.db``, without embedding anything.

The next generation goes on from the current one with the passages that came and went since, however many there are in
all. That is right only for an index of this very database, as it is or was: each carries a token that the database
knows (not after it was made anew, or taken back from a backup), and says how far it had followed.
"""

from __future__ import annotations

import errno
import secrets
import shutil
import tempfile
import weakref
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import DiskFullError, LibraryDamagedError, LibraryReadOnlyError
from kb.index.generations import (
    FORMAT,
    LEXICAL,
    VECTORS,
    SnapshotManifest,
    StoredPart,
    VectorSegment,
    begin,
    carry,
    current_folder,
    finish,
    has_hash,
    is_sound,
    looks_sound,
    read_manifest,
    stored_parts,
    write_manifest,
)

if TYPE_CHECKING:
    from kb.index.lexical import LexicalIndex
    from kb.index.segments import SegmentedIndex
    from kb.index.store import Store
    from kb.ports import Embedder, Ids


VECTORS_AT_ONCE = 8192  # read from the store

Generation = tuple[Path, SnapshotManifest]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The open indexes; ``vectors`` is None where the model has embedded no passage. ``generation`` of the store."""

    lexical: LexicalIndex
    vectors: SegmentedIndex | None
    generation: int


@dataclass(frozen=True, slots=True)
class _Base:
    """A generation that the next one goes on from, and the passages in it that are ``gone``, in order of id."""

    folder: Path
    manifest: SnapshotManifest
    gone: Ids


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a generation is to be of, and the token that names it."""

    embedder: Embedder
    language: str
    token: str = ""


def current_snapshot(derived: Path, store: Store, embedder: Embedder, language: str) -> Snapshot:
    """The indexes of what the store holds now. ``derived`` is the library's ``.hark/``.

    Where the generation on disk is not of now, the next is written. While another process writes, the last one that
    it finished is used as it is; where nothing can be written, the indexes are made in a temporary folder.
    """
    from filelock import FileLock, Timeout

    found = _fitting(derived, store, embedder, language)
    if found and found[1].generation == store.generation:
        if is_sound(*found):
            return _open(*found, store)
        damaged, found = found[0], None
    else:
        damaged = None
    if store.read_only:
        return _private(store, embedder, language)
    try:
        with FileLock(derived / "lock", timeout=0):
            return _open(*_write_sound(derived, store, embedder, language, damaged), store)
    except Timeout:
        sound = found and is_sound(*found)
        return _open(*found, store) if found and sound else _private(store, embedder, language)


def write_snapshot(
    derived: Path, store: Store, embedder: Embedder, language: str = "en", *, afresh: bool = False
) -> Path:
    """Writes the next generation, makes it current and returns its folder. The caller is the one writer.

    It goes on from the current one where that is of this database, model and language, unless it is to be made
    ``afresh``; what is carried over is not hashed: ``is_sound`` tells. The one before stays, for readers that have it
    open. Raises DiskFullError, LibraryReadOnlyError.
    """
    index, before = derived / "index", current_folder(derived)
    wanted = _Wanted(embedder, language, secrets.token_hex(8))
    found = None if afresh else _fitting(derived, store, embedder, language)
    if found and not looks_sound(*found):
        found = None
    try:
        new = begin(index)
        with store.unchanging():
            _fill(new, _base(*found, store) if found else None, store, wanted)
        _settle(derived, store, wanted.token)
        return finish(index, new, keep={before} if before else ())
    except OSError as error:
        _explain(error, index)
        raise


def _settle(derived: Path, store: Store, token: str) -> None:
    """Has the database know the new generation before it becomes current; until then the present one stays known."""
    current = _own(derived, store)
    tokens = [current[1].token, token] if current else [token]
    store.settle_snapshot(tokens, current[1].departures if current else 0)


def _write_sound(derived: Path, store: Store, embedder: Embedder, language: str, damaged: Path | None) -> Generation:
    """The next generation, every file of it hashed; made afresh where one that was carried over is damaged."""
    folder = write_snapshot(derived, store, embedder, language, afresh=damaged == current_folder(derived))
    manifest = read_manifest(folder)
    if is_sound(folder, manifest):
        return folder, manifest
    folder = write_snapshot(derived, store, embedder, language, afresh=True)
    return folder, read_manifest(folder)


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


def _own(derived: Path, store: Store) -> Generation | None:
    """The current generation, where it was made of this database; its files are not looked at."""
    folder = current_folder(derived)
    if folder is None:
        return None
    try:
        manifest = read_manifest(folder)
    except LibraryDamagedError:
        return None
    return (folder, manifest) if manifest.token in store.snapshots else None


def _fitting(derived: Path, store: Store, embedder: Embedder, language: str) -> Generation | None:
    """The current generation, where it is of this database, model and language; its files are not looked at."""
    found = _own(derived, store)
    if found is None:
        return None
    manifest = found[1]
    wanted = (FORMAT, embedder.model_id, embedder.dimension, language)
    return found if (manifest.format, manifest.model_id, manifest.dimension, manifest.language) == wanted else None


def _base(folder: Path, manifest: SnapshotManifest, store: Store) -> _Base:
    return _Base(folder, manifest, store.gone_passages(after=manifest.departures, last=manifest.last_passage))


def _open(folder: Path, manifest: SnapshotManifest, store: Store) -> Snapshot:
    from kb.index.lexical import LexicalIndex

    vectors = None
    if manifest.vectors:
        from kb.index.segments import SegmentedIndex

        vectors = SegmentedIndex.load(folder / VECTORS, [segment.number for segment in manifest.segments])
    allowed = lru_cache(maxsize=16)(store.passage_ids)
    lexical = LexicalIndex(folder / LEXICAL, manifest.language, allowed_ids=allowed)
    return Snapshot(lexical, vectors, manifest.generation)


def _private(store: Store, embedder: Embedder, language: str) -> Snapshot:
    """Indexes in a temporary folder, which goes when they are no longer used."""
    folder = Path(tempfile.mkdtemp(prefix="hark-index-"))
    try:
        with store.unchanging():
            _fill(folder, None, store, _Wanted(embedder, language))
            snapshot = _open(folder, read_manifest(folder), store)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(snapshot.lexical, shutil.rmtree, folder, ignore_errors=True)
    return snapshot


# --- filling ------------------------------------------------------------------------------------------------------


def _fill(folder: Path, base: _Base | None, store: Store, wanted: _Wanted) -> None:
    """Puts all files of a generation into an empty folder, the manifest last."""
    carried, removed = _fill_words(folder, base, store, wanted.language)
    segments, vectors_carried = _fill_vectors(folder, base, store, wanted.embedder)
    carried |= vectors_carried
    manifest = SnapshotManifest(
        format=FORMAT,
        token=wanted.token,
        generation=store.generation,
        model_id=wanted.embedder.model_id,
        dimension=wanted.embedder.dimension,
        language=wanted.language,
        passages=store.passage_count(),
        vectors=sum(segment.vectors - segment.gone for segment in segments),
        last_passage=store.last_passage(),
        departures=store.departures(),
        removed=removed,
        segments=segments,
        files=stored_parts(folder, carried),
    )
    write_manifest(folder, manifest, carried.keys())


def _fill_words(folder: Path, base: _Base | None, store: Store, language: str) -> tuple[dict[str, StoredPart], int]:
    """Returns the files that were carried over, and how many documents were removed since all were put in afresh."""
    from kb.index.lexical import LexicalIndex

    removed = base.manifest.removed + len(base.gone) if base else 0
    # Documents that are gone count in how rare a word is until tantivy merges them away: not too many of them.
    if base and removed * 4 <= base.manifest.passages:
        try:
            return _carry_words(folder, base, store, language), removed
        except LibraryDamagedError:
            shutil.rmtree(folder / LEXICAL)
    LexicalIndex(folder / LEXICAL, language).update(store.passage_texts())
    return {}, 0


def _carry_words(folder: Path, base: _Base, store: Store, language: str) -> dict[str, StoredPart]:
    """Raises LibraryDamagedError where the files it goes on from turn out to be damaged."""
    from kb.index.lexical import LexicalIndex

    files = base.manifest.files
    carried = carry(base.folder, folder, [name for name in files if name.startswith(f"{LEXICAL}/")], files)
    index = LexicalIndex(folder / LEXICAL, language)
    if len(base.gone) or store.passages_after(base.manifest.last_passage):
        index.update(store.passage_texts(after=base.manifest.last_passage), base.gone.tolist())
    left = {name: part for name, part in carried.items() if (folder / name).exists()}
    # tantivy has made new files out of those that it dropped.
    dropped = carried.keys() - left.keys()
    if len(index) != store.passage_count() or not all(has_hash(base.folder / name, files[name]) for name in dropped):
        raise LibraryDamagedError("the index of words cannot be carried on", where=str(base.folder))
    return left


def _fill_vectors(
    folder: Path, base: _Base | None, store: Store, embedder: Embedder
) -> tuple[tuple[VectorSegment, ...], dict[str, StoredPart]]:
    """Returns the segments, and the files that were carried over.

    Where a passage had no vector it may have one now, wherever its id is: then all are read again.
    """
    from kb.index.segments import kept_segments

    (folder / VECTORS).mkdir()
    kept: tuple[VectorSegment, ...] = ()
    carried: dict[str, StoredPart] = {}
    if base and base.manifest.vectors == base.manifest.passages:
        segments = _with_gone(base)
        kept = segments[: kept_segments(segments, store.passages_after(base.manifest.last_passage))]
        carried = _carry_vectors(folder, base, kept)
    tail = _write_tail(folder, kept, store, embedder)
    return (*kept, *tail), carried


def _with_gone(base: _Base) -> tuple[VectorSegment, ...]:
    """The segments, with those passages counted that have gone since."""
    segments, first, counted = base.manifest.segments, 0, []
    for segment in segments:
        end = _place(base.gone, segment.last)
        counted.append(replace(segment, gone=segment.gone + end - first))
        first = end
    return tuple(counted)


def _place(ids: Ids, last: int) -> int:
    """How many of the ids, which are in order, are not above ``last``."""
    return int(ids.searchsorted(last, side="right"))


def _carry_vectors(folder: Path, base: _Base, kept: tuple[VectorSegment, ...]) -> dict[str, StoredPart]:
    """Links the segments that stay as they are, and writes the lists of what is gone that became longer."""
    import numpy as np

    from kb.index.segments import gone_file, load_ids, vectors_file

    names, first = [], 0
    for segment, before in zip(kept, base.manifest.segments, strict=False):
        end = _place(base.gone, segment.last)
        names.append(f"{VECTORS}/{vectors_file(segment.number)}")
        list_name = f"{VECTORS}/{gone_file(segment.number)}"
        if segment.gone == before.gone:
            names += [list_name] if segment.gone else []
        else:
            known = load_ids(base.folder / list_name) if before.gone else base.gone[:0]
            np.save(folder / list_name, np.union1d(known, base.gone[first:end]))
        first = end
    return carry(base.folder, folder, names, base.manifest.files)


def _write_tail(
    folder: Path, kept: tuple[VectorSegment, ...], store: Store, embedder: Embedder
) -> tuple[VectorSegment, ...]:
    """One segment of all passages after those that are kept; none where there are no such passages."""
    from kb.index.segments import vectors_file
    from kb.index.vectors import FaissIndex

    index = FaissIndex(embedder.dimension)
    at = kept[-1].last if kept else 0
    while len((found := store.passage_vectors(embedder.model_id, after=at, most=VECTORS_AT_ONCE))[0]):
        index.append(*found)
        at = int(found[0][-1])
    if not len(index):
        return ()
    number = kept[-1].number + 1 if kept else 1
    index.save(folder / VECTORS / vectors_file(number))
    return (VectorSegment(number, store.last_passage(), len(index), 0),)
