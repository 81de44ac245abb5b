"""The folders of the indexes: which one counts, what is in it, and how the next takes its place.

    index/CURRENT                gen-7
    index/gen-7/vectors/         the passages' vectors under their ids, in segments: kb.index.segments
                lexical/         tantivy's folders
                manifest.json    SHA-256 and size of each of these, model, dimension, language, the store's generation,
                                 and how far the passages were followed, so that the next one may go on from there

A generation is built under another name, fsynced, renamed, and made current by one more rename: a reader finds the old
one or the new one, never half of one. FAISS loads most files with flipped bits without a word, so a file that does not
have the hash that was written down is not searched.

Files that are written once for all pass from one generation to the next as links, with the hash that was written down
when they were made: whoever opens them to search compares it. What is made out of such a file is trusted only where
that file was hashed, or is a part of the new generation as well: then the damage is found there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kb.errors import LibraryDamagedError
from kb.index.encoders import file_sha256

FORMAT = 3  # of the manifest, of tantivy's fields and of how texts are put into them
CURRENT, MANIFEST, VECTORS, LEXICAL = "CURRENT", "manifest.json", "vectors", "lexical"

_GENERATION = re.compile(r"gen-(\d{1,18})")
_UNFINISHED = ".new-"
_REWRITTEN = frozenset({"meta.json", ".managed.json"})  # of tantivy's files those that are not written once for all


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A file of a generation; ``size`` in bytes, ``mtime_ns`` when its hash was found right."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class VectorSegment:
    """A part of the vector index: so many ``vectors``, so many of them ``gone``.

    It covers the passages with ids up to ``last`` and above the ``last`` of the segment before.
    """

    number: int
    last: int
    vectors: int
    gone: int


@dataclass(frozen=True, slots=True)
class SnapshotManifest:
    """What a generation holds: so many ``passages``, so many of them with ``vectors``."""

    format: int
    token: str  # names this generation of this database, and no other
    generation: int  # of the store
    model_id: str
    dimension: int
    language: str
    passages: int
    vectors: int
    last_passage: int  # the highest id that a passage had
    departures: int  # how many passages had ever gone
    removed: int  # documents of passages, since the words' indexes were last made afresh
    segments: tuple[VectorSegment, ...]
    files: dict[str, StoredPart]


# --- reading ------------------------------------------------------------------------------------------------------


def current_folder(derived: Path) -> Path | None:
    """The generation that CURRENT names, or None. ``derived`` is the library's ``.hark/``."""
    try:
        name = (derived / "index" / CURRENT).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return derived / "index" / name if _GENERATION.fullmatch(name) else None


def read_manifest(folder: Path) -> SnapshotManifest:
    """Raises LibraryDamagedError, also where the manifest does not have the hash that is written in it."""
    try:
        table = json.loads((folder / MANIFEST).read_bytes())
        if table.pop("sha256") != _hash(table):
            raise ValueError("damaged")
        parts = {name: StoredPart(**part) for name, part in table.pop("files").items()}
        segments = tuple(VectorSegment(**segment) for segment in table.pop("segments"))
        return SnapshotManifest(**table, segments=segments, files=parts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LibraryDamagedError("the manifest of the index cannot be read", where=str(folder)) from error


def _hash(table: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


def current_manifest(derived: Path) -> SnapshotManifest | None:
    """What the current generation says of itself, or None; its other files are not looked at."""
    folder = current_folder(derived)
    try:
        return read_manifest(folder) if folder else None
    except LibraryDamagedError:
        return None


def is_sound(folder: Path, manifest: SnapshotManifest) -> bool:
    """Whether the files of a generation are those that the manifest lists, unchanged: all are hashed."""
    return _lists_its_files(folder, manifest) and all(
        has_hash(folder / name, part) for name, part in manifest.files.items()
    )


def looks_sound(folder: Path, manifest: SnapshotManifest) -> bool:
    """As ``is_sound``, but a file with the size and time that it had is not hashed again. Enough to go on from."""
    return _lists_its_files(folder, manifest) and all(
        _looks_unchanged(folder / name, part) for name, part in manifest.files.items()
    )


def has_hash(path: Path, part: StoredPart) -> bool:
    """Whether a file has the size and the hash that were written down."""
    try:
        return path.stat().st_size == part.size and file_sha256(path) == part.sha256
    except OSError:
        return False


def _looks_unchanged(path: Path, part: StoredPart) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    small = path.name in _REWRITTEN or path.suffix == ".npy"  # what is read to go on from is always hashed
    same = not small and (stat.st_size, stat.st_mtime_ns) == (part.size, part.mtime_ns)
    return same or has_hash(path, part)


def _lists_its_files(folder: Path, manifest: SnapshotManifest) -> bool:
    try:
        return set(manifest.files) == set(_listed(folder))
    except OSError:
        return False


def _listed(folder: Path) -> Iterator[str]:
    """The files of a generation that count, relative to it: not its manifest, and no locks."""
    for place, names in _folders(folder):
        yield from (place + name for name in names if not name.endswith(".lock") and name != MANIFEST)


def _folders(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each folder in a generation, relative to it and with a slash at the end, and the names of its files in order."""
    for place, _, names in os.walk(folder):
        within = os.path.relpath(place, folder).replace(os.sep, "/")
        yield ("" if within == "." else f"{within}/"), sorted(names)


# --- writing ------------------------------------------------------------------------------------------------------


def stored_parts(folder: Path, carried: Mapping[str, StoredPart]) -> dict[str, StoredPart]:
    """Size and hash of every file of a generation that is being made; of those carried over as they were known."""
    return {name: carried.get(name) or _stored_part(folder / name) for name in _listed(folder)}


def _stored_part(path: Path) -> StoredPart:
    stat = path.stat()
    return StoredPart(stat.st_size, stat.st_mtime_ns, file_sha256(path))


def write_manifest(folder: Path, manifest: SnapshotManifest, carried: Collection[str] = ()) -> None:
    """Writes the manifest, the last file of a generation, and has the disk keep them all.

    Those ``carried`` over are kept already.
    """
    table = asdict(manifest)
    (folder / MANIFEST).write_text(json.dumps({**table, "sha256": _hash(table)}, indent=1), encoding="utf-8")
    for place, names in _folders(folder):
        for name in names:
            if place + name not in carried:
                _sync(folder / place / name)
        _sync(folder / place)


def begin(index: Path) -> Path:
    """An empty folder for the next generation; what an earlier attempt left behind goes."""
    index.mkdir(parents=True, exist_ok=True)
    for path in index.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=index))


def finish(index: Path, new: Path, keep: Collection[Path]) -> Path:
    """Makes a finished folder the current generation; of the earlier ones only those in ``keep`` stay."""
    folder = index / f"gen-{max((number for number, _ in _generations(index)), default=0) + 1}"
    new.chmod(0o755)  # mkdtemp's folders are for their owner alone
    new.rename(folder)
    pointer = index / f"{_UNFINISHED}{CURRENT}"
    pointer.write_text(f"{folder.name}\n", encoding="ascii")
    _sync(pointer)
    pointer.replace(index / CURRENT)
    _sync(index)
    for _, path in _generations(index):
        if path not in (folder, *keep):
            shutil.rmtree(path, ignore_errors=True)
    return folder


def _generations(index: Path) -> list[tuple[int, Path]]:
    found = ((_GENERATION.fullmatch(path.name), path) for path in index.iterdir())
    return [(int(match[1]), path) for match, path in found if match]


def carry(source: Path, target: Path, names: Iterable[str], files: Mapping[str, StoredPart]) -> dict[str, StoredPart]:
    """Puts files of a generation into the next; returns those that are written once for all, as ``files`` has them.

    The others count as new. A copy, made where there are no links, keeps the hash that was written down as a link
    does: hashed anew, what is damaged would pass for sound.
    """
    carried = {}
    for name in names:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.name in _REWRITTEN:
            shutil.copy2(source / name, place)
            continue
        if not _link(source / name, place):
            shutil.copy2(source / name, place)
            _sync(place)
        carried[name] = replace(files[name], mtime_ns=place.stat().st_mtime_ns)
    return carried


def _link(path: Path, place: Path) -> bool:
    try:
        place.hardlink_to(path)
    except OSError:  # a file system without links
        return False
    return True


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open folders
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
