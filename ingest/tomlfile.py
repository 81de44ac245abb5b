"""``hark.toml``, read as a whole and edited by the entry: what a person wrote around an entry stays as it is.

tomlkit finds where an entry begins and ends; the text is then cut or added to there, and what comes out is read again
with tomllib before it is written. A comment above an entry is a person's and stays, also where the entry goes.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.files import understood
from kb.errors import ConfigError, LibraryBusyError, NotALibraryError
from kb.settings import SETTINGS_FILE

if TYPE_CHECKING:
    from tomlkit.items import AoT, Table

WAIT_S = 10.0  # for another Hark that edits the file at this moment
_TRIES = 5  # where a person's editor saves it while it is being edited
_BOM = b"\xef\xbb\xbf"
_MARK = "\0"  # no TOML file holds one
_MARKED = re.compile(rf"(?:(?<=\n)\r?\n)?{_MARK}[^{_MARK}]*{_MARK}")  # an entry, with an empty line before it


def read_table(root: Path) -> dict[str, Any]:
    """What ``root/hark.toml`` says. Raises NotALibraryError where there is none, ConfigError where it is no TOML."""
    return _parsed(_text(_read(root / SETTINGS_FILE), root / SETTINGS_FILE), root / SETTINGS_FILE)


def edit(root: Path, change: Callable[[str], str]) -> bool:
    """Replaces the text of ``root/hark.toml`` by what ``change`` makes of it; False where that is the same.

    The file is written whole or not at all, keeps its permissions, and is written where a link leads. What a person
    saves meanwhile is read again and edited. Raises NotALibraryError, ConfigError, LibraryBusyError and LibraryError.
    """
    path = root / SETTINGS_FILE
    with _one_at_a_time(root):
        for _ in range(_TRIES):
            before = _read(path)
            text = _text(before, path)
            changed = change(text)
            if changed == text:
                return False
            mark = _BOM if before.startswith(_BOM) else b""
            if _replaced(path.resolve(), before, mark + changed.encode()):
                return True
    raise LibraryBusyError("something else keeps changing it", where=str(path), remedy="try again")


def with_entries(text: str, name: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """``text`` with more tables ``[[name]]``, after the last one there is, or at the end.

    Raises ConfigError where it cannot be done without changing something else.
    """
    if not entries:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    whole = text if text.endswith("\n") or not text else text + newline
    before, after = _around_the_end(whole, name)
    blocks = [_block(name, entry).replace("\n", newline) for entry in entries]
    space = newline if before else ""
    changed = before + space + newline.join(blocks) + after
    return _verified(text, changed, name, [*_entries(_parsed(text), name), *map(dict, entries)])


def without_entries(text: str, name: str, unwanted: Callable[[Mapping[str, Any]], bool]) -> str:
    """``text`` without the tables ``[[name]]`` that are ``unwanted``.

    Raises ConfigError where it cannot be done without changing something else.
    """
    entries = _entries(_parsed(text), name)
    kept = [entry for entry in entries if not unwanted(entry)]
    if len(kept) == len(entries):
        return text
    changed = text if text.endswith("\n") else text + "\n"
    tables = _tables(changed, name)
    if tables is not None:
        for table in tables[0].body:
            if unwanted(table.unwrap()):
                _mark_end(table)
                table.trivia.indent = _MARK + table.trivia.indent
        changed = _MARKED.sub("", tables[1]())
    return _verified(text, changed, name, kept)


# --- where an entry begins and ends -----------------------------------------------------------------------------------


def _tables(text: str, name: str) -> tuple[AoT, Callable[[], str]] | None:
    """The tables ``[[name]]`` and how to write the whole again; None where there is no such run of tables."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import AoT

    try:
        document = tomlkit.parse(text)
        tables = document.get(name)
    except (TOMLKitError, RecursionError):
        return None
    return (tables, document.as_string) if isinstance(tables, AoT) and tables.body else None


def _around_the_end(text: str, name: str) -> tuple[str, str]:
    """The text up to the end of the last table ``[[name]]``, and the rest."""
    tables = _tables(text, name)
    if tables is None:
        return text, ""
    _mark_end(tables[0].body[-1])
    before, _, after = tables[1]().partition(_MARK)
    return before, after


def _mark_end(table: Table) -> None:
    """Puts the mark behind the last key: the comments below that stand above something else."""
    from tomlkit.items import Comment, Trivia

    body = table.value.body
    last = max((at for at, (key, _) in enumerate(body) if key is not None), default=-1)
    body.insert(last + 1, (None, Comment(Trivia(indent="", comment_ws="", comment=_MARK, trail=""))))


def _block(name: str, entry: Mapping[str, Any]) -> str:
    import tomlkit

    table = tomlkit.table()
    for key, value in entry.items():
        table.add(key, value)
    return f"[[{name}]]\n{table.as_string()}"


def _verified(before: str, after: str, name: str, entries: list[dict[str, Any]]) -> str:
    """``after``, where it says what ``before`` says but for these entries."""
    expected = {key: value for key, value in _parsed(before).items() if key != name}
    try:
        found = tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        found = {}
    if found.pop(name, []) != entries or found != expected:
        raise ConfigError(
            f"[[{name}]] cannot be changed here without changing something else",
            where=SETTINGS_FILE,
            remedy="edit the file by hand",
        )
    return after


def _entries(table: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = table.get(name, [])
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []


# --- the file -------------------------------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotALibraryError(
            "no Hark library here",
            where=str(path.parent),
            remedy="make one with: hark init, or name one with --library PATH",
        ) from None


def _text(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not in UTF-8: {error}", where=str(path), remedy="save it as UTF-8") from None


def _parsed(text: str, path: Path = Path(SETTINGS_FILE)) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=str(path), remedy="mend that line") from None


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Not the library's lock: that one is held for as long as a sync takes, and a person may add a show meanwhile."""
    from filelock import FileLock, Timeout

    with understood(".hark"):
        (root / ".hark").mkdir(exist_ok=True)
        lock = FileLock(root / ".hark" / "settings.lock", timeout=WAIT_S)
        try:
            lock.acquire()
        except Timeout:
            raise LibraryBusyError(
                "another Hark is changing it", where=str(root / SETTINGS_FILE), remedy="try again"
            ) from None
    try:
        yield
    finally:
        lock.release()


def _replaced(target: Path, before: bytes, after: bytes) -> bool:
    """Whether the file was replaced; it is not where it no longer is as it was ``before``.

    Not through ``write_files``: an address may hold a password, so the file's permissions are kept from the start.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with understood(target.name):
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
                file.write(after)
                file.flush()
                os.fsync(file.fileno())
            if target.read_bytes() != before:
                return False
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
    return True


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
