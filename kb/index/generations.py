"""The folders of the indexes: which one counts, what is in it, and how the next takes its place.

    index/CURRENT                gen-7
    index/gen-7/vectors.faiss    the passages' vectors under their ids
                ids.npy          the ids of all passages, with and without a vector
                lexical/         tantivy's folders
                manifest.json    SHA-256 and size of each of these, model, dimension, language, the store's generation

A generation is built under another name, fsynced, renamed, and made current by one more rename: a reader finds the old
one or the new one, never half of one. FAISS loads most files with flipped bits without a word, so a file that does not
have the hash that was written down is not read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kb.errors import LibraryDamagedError
from kb.index.encoders import file_sha256

FORMAT = 1  # of the manifest, of tantivy's fields and of how texts are put into them
CURRENT, MANIFEST, VECTORS, IDS, LEXICAL = "CURRENT", "manifest.json", "vectors.faiss", "ids.npy", "lexical"

_GENERATION = re.compile(r"gen-(\d{1,18})")
_UNFINISHED = ".new-"
_REWRITTEN = frozenset({"meta.json", ".managed.json"})  # of tantivy's files those that are not written once for all


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A file of a generation; ``size`` in bytes."""

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


# --- reading ------------------------------------------------------------------------------------------------------


def current_folder(derived: Path) -> Path | None:
    """The generation that CURRENT names, or None. ``derived`` is the library's ``.hark/``."""
    try:
        name = (derived / "index" / CURRENT).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return derived / "index" / name if _GENERATION.fullmatch(name) else None


def read_manifest(folder: Path) -> SnapshotManifest:
    """Raises LibraryDamagedError."""
    try:
        table = json.loads((folder / MANIFEST).read_bytes())
        parts = {name: StoredPart(**part) for name, part in table.pop("files").items()}
        return SnapshotManifest(**table, files=parts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LibraryDamagedError("the manifest of the index cannot be read", where=str(folder)) from error


def current_manifest(derived: Path) -> SnapshotManifest | None:
    """What the current generation says of itself, or None; its other files are not looked at."""
    folder = current_folder(derived)
    try:
        return read_manifest(folder) if folder else None
    except LibraryDamagedError:
        return None


def is_sound(folder: Path, manifest: SnapshotManifest) -> bool:
    """Whether the files of a generation are those that the manifest lists, unchanged."""
    try:
        return set(manifest.files) == set(_listed(folder)) and all(
            (folder / name).stat().st_size == part.size and file_sha256(folder / name) == part.sha256
            for name, part in manifest.files.items()
        )
    except OSError:
        return False


def _listed(folder: Path) -> Iterator[str]:
    """The files of a generation that count, relative to it: not its manifest, and no locks."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".lock" and path.name != MANIFEST:
            yield path.relative_to(folder).as_posix()


# --- writing ------------------------------------------------------------------------------------------------------


def stored_parts(folder: Path) -> dict[str, StoredPart]:
    """Size and hash of every file of a generation that is being made."""
    return {name: StoredPart((folder / name).stat().st_size, file_sha256(folder / name)) for name in _listed(folder)}


def write_manifest(folder: Path, manifest: SnapshotManifest) -> None:
    """Writes the manifest, the last file of a generation, and has the disk keep them all."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    for path in (*folder.rglob("*"), folder):
        _sync(path)


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


def link_tree(source: Path, target: Path) -> None:
    """Fills ``target`` with the files of tantivy's folders in ``source``: links where they are written once for all."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif path.suffix != ".lock":
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(path, place, copy=path.name in _REWRITTEN)


def _link(path: Path, place: Path, *, copy: bool) -> None:
    if not copy:
        try:
            place.hardlink_to(path)
        except OSError:  # a file system without links
            copy = True
    if copy:
        shutil.copy2(path, place)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open folders
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
