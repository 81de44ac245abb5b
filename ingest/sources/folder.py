"""A folder as a source: yt-dlp's layout, or captions alone.

    NAME.info.json  NAME.en.vtt  NAME.ogg     what yt-dlp writes: one episode
    NAME.vtt        NAME.transcript.json      captions without an info.json: NAME is the title, the folder the show

``scan_folder`` looks at names, sizes and times alone; ``read_item`` opens and reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingest.errors import PermanentError, TemporaryError
from ingest.sources.items import SourceEpisode, SourceItem, language_in

__all__ = ["SourceEpisode", "SourceItem", "read_item", "scan_folder"]

MAX_DEPTH = 20
_MEDIA_LIST = "mp3 m4a m4b mp4 m4v mkv mov webm ogg oga ogv opus wav flac aac aiff aif wma avi"
_MEDIA = frozenset(_MEDIA_LIST.split())
_SURE = frozenset({"vtt", "srt", "json3"})  # a file of this kind is meant as captions
_PERHAPS = frozenset({"json", "html", "htm", "txt", "md"})  # one of these may be anything
_BY_PRODUCTS = frozenset({"live_chat", "rechat", "comments", "chapters", "annotations", "description"})


# --- scanning -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Found:
    """The files of one name while a folder is looked through: file names, and the whole's stats."""

    info: str = ""
    sure: list[str] = field(default_factory=list)
    perhaps: list[str] = field(default_factory=list)
    by_products: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)


def scan_folder(path: Path) -> tuple[SourceItem, ...]:
    """The episodes in the folder ``path`` and in its folders, sorted by key; or the one that the file ``path`` is of.

    Hidden and unfinished files are passed over, and links that lead out of the folder. Nothing is opened. Raises
    PermanentError where there is nothing to look through, TemporaryError where the disk does not answer.
    """
    root = Path(os.path.abspath(path))  # noqa: PTH100  # Path.resolve() would follow the link that a user points at
    try:
        if root.is_file():
            return _of_file(root)
        return tuple(sorted(_walk(root, root, "", 0), key=lambda item: item.key))
    except FileNotFoundError as error:
        raise PermanentError("is not there", where=str(path), remedy="name a folder or a file of captions") from error
    except (PermissionError, NotADirectoryError) as error:
        raise PermanentError(f"cannot be looked through: {error.strerror}", where=str(path)) from error
    except OSError as error:
        raise TemporaryError(f"does not answer: {error.strerror}", where=str(path), remedy="try again") from error


def _of_file(file: Path) -> tuple[SourceItem, ...]:
    """The episode that ``file`` is of, with the files beside it of the same name."""
    for item in _items(file.parent, "", [entry for entry in _entries(file.parent, file.parent) if entry.is_file()]):
        if any(name == file.name for name, _, _ in item.stats):
            return (item,)
    raise PermanentError("is neither captions nor an info.json nor a recording", where=str(file))


def _walk(root: Path, folder: Path, prefix: str, depth: int) -> Iterator[SourceItem]:
    files, folders = [], []
    for entry in _entries(root, folder):
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
        elif entry.is_file():
            files.append(entry)
    yield from _items(folder, prefix, files)
    for name in folders if depth < MAX_DEPTH else ():
        yield from _walk(root, folder / name, f"{prefix}{name}/", depth + 1)


def _entries(root: Path, folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as scan:
            entries = [entry for entry in scan if _is_shown(entry, root)]
    except PermissionError:
        if folder == root:
            raise
        return []  # a folder within that is closed to the user is none of the source
    return sorted(entries, key=lambda entry: entry.name)


def _is_shown(entry: os.DirEntry[str], root: Path) -> bool:
    if entry.name.startswith(".") or entry.name.endswith(("~", ".part", ".ytdl", ".tmp", ".temp")):
        return False
    return not entry.is_symlink() or Path(entry.path).resolve().is_relative_to(root.resolve())


def _items(folder: Path, prefix: str, files: list[os.DirEntry[str]]) -> Iterator[SourceItem]:
    by_name = {entry.name: entry for entry in files}
    for stem, found in _grouped(by_name).items():
        captions = [*found.sure, *found.perhaps]
        captions = captions if captions or found.info or found.media else found.by_products
        names = [name for name in (found.info, *captions, *found.media[:1]) if name]
        yield SourceItem(
            key=prefix + stem,
            info=folder / found.info if found.info else None,
            captions=tuple(folder / name for name in captions),
            media=folder / found.media[0] if found.media else None,
            stats=tuple(_stat(by_name[name]) for name in sorted(names)),
            likely=bool(found.info or found.sure or found.media),
        )


def _stat(entry: os.DirEntry[str]) -> tuple[str, int, int]:
    stat = entry.stat()
    return entry.name, stat.st_size, stat.st_mtime_ns


def _grouped(names: dict[str, os.DirEntry[str]]) -> dict[str, _Found]:
    stems = {name.removesuffix(".info.json") for name in names if name.endswith(".info.json")}
    groups: dict[str, _Found] = {}
    for name in names:
        base, _, extension = name.rpartition(".")
        extension = extension.casefold()
        if name.endswith(".info.json") and len(name) > len(".info.json"):
            groups.setdefault(name.removesuffix(".info.json"), _Found()).info = name
        elif base and extension in _MEDIA:
            groups.setdefault(_stem(base, stems), _Found()).media.append(name)
        elif base and extension in _SURE | _PERHAPS:
            _add_captions(groups, name, base, extension, stems)
    return groups


def _add_captions(groups: dict[str, _Found], name: str, base: str, extension: str, stems: set[str]) -> None:
    stem = _stem(base, stems)
    group = groups.setdefault(stem, _Found())
    parts = base[len(stem) + 1 :].split(".")
    if _BY_PRODUCTS.intersection(parts):
        group.by_products.append(name)
    elif extension in _SURE or "transcript" in parts:
        group.sure.append(name)
    else:
        group.perhaps.append(name)


def _stem(base: str, stems: set[str]) -> str:
    """``NAME`` of ``NAME.en.transcript``: that of an info.json where one fits, else without language and kind."""
    if base in stems:
        return base
    head, _, last = base.rpartition(".")
    further, _, _ = head.rpartition(".")
    for candidate in (head, further):
        if candidate and candidate in stems:
            return candidate
    if head and (last == "transcript" or last in _BY_PRODUCTS or language_in(last)):
        return _stem(head, stems)
    return base


# --- reading --------------------------------------------------------------------------------------------------------


def read_item(item: SourceItem, root: Path) -> SourceEpisode:
    """The episode of ``item``, found by ``scan_folder(root)``, with the best of its captions.

    Raises CaptionError where there are none that can be read, or no info.json that can; NotAnEpisodeError where the
    files were hardly meant as an episode.
    """
    from ingest.sources import reading  # pydantic, YAML and the readers of captions: not for a scan

    return reading.read_item(item, root)
