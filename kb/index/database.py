"""The connection to ``library.db``: how it is opened, locked, and what its errors mean to a user."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

from kb.errors import (
    DiskFullError,
    LibraryBusyError,
    LibraryDamagedError,
    LibraryError,
    LibraryReadOnlyError,
)
from kb.index.schema import MIGRATIONS, PAGE_SIZE, REMEDY, migrate, version

BUSY_S = 10.0

Row = tuple[Any, ...]

# SQLite's primary result codes (https://www.sqlite.org/rescode.html) and what they mean here. All else is a bug.
_MEANINGS: dict[int, tuple[type[LibraryError], str, str]] = {
    sqlite3.SQLITE_FULL: (DiskFullError, "no space is left on the disk", "make room and run the command again"),
    sqlite3.SQLITE_READONLY: (LibraryReadOnlyError, "the library cannot be written to", "check its permissions"),
    sqlite3.SQLITE_PERM: (LibraryReadOnlyError, "the library may not be accessed", "check its permissions"),
    sqlite3.SQLITE_BUSY: (LibraryBusyError, "another process is writing to the library", "try again when it is done"),
    sqlite3.SQLITE_LOCKED: (LibraryBusyError, "another process is writing to the library", "try again when it is done"),
    sqlite3.SQLITE_CORRUPT: (LibraryDamagedError, "the database is damaged", REMEDY),
    sqlite3.SQLITE_NOTADB: (LibraryDamagedError, "not a database", REMEDY),
    sqlite3.SQLITE_CANTOPEN: (LibraryError, "the database cannot be opened", "check its permissions"),
    sqlite3.SQLITE_IOERR: (LibraryError, "the disk failed to read or write", "check the disk"),
}


def meaning(error: sqlite3.Error, where: str) -> LibraryError | None:
    """What an error of SQLite means to a user, or None where it is a bug of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    found = _MEANINGS.get(code & 0xFF) if code is not None else None
    if found is None:
        return None
    kind, what, remedy = found
    return kind(what, where=where, remedy=remedy)


@contextmanager
def understood(where: str) -> Iterator[None]:
    """Turns the errors of SQLite that a user can act upon into ours."""
    try:
        yield
    except sqlite3.Error as error:
        ours = meaning(error, where)
        if ours is None:
            raise
        raise ours from error


def connect(db: Path, *, read_only: bool) -> sqlite3.Connection:
    """An open, migrated database. Raises LibraryError and its kinds."""
    with understood(str(db)):
        connection = _open_to_read(db) if read_only else _open_to_write(db)
        try:
            _check(connection, read_only)
        except BaseException as error:
            connection.close()
            if isinstance(error, LibraryError):
                error.where = error.where or str(db)
            raise
    return connection


def _check(connection: sqlite3.Connection, read_only: bool) -> None:
    if not read_only:
        migrate(connection)
    elif version(connection) < len(MIGRATIONS):
        what = "written by an older Hark, and cannot be brought up to date while it is read-only"
        raise LibraryReadOnlyError(what, remedy="open it once where it can be written to")


def _open_to_write(db: Path) -> sqlite3.Connection:
    if not os.access(db.parent, os.W_OK):  # SQLite opens it all the same, and fails at the first write
        raise LibraryReadOnlyError("the library cannot be written to", remedy="check its permissions")
    connection = sqlite3.connect(db, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")  # counts only before the first table
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits when power fails
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _open_to_read(db: Path) -> sqlite3.Connection:
    """Opens without writing anything.

    A database in WAL mode needs its -shm file, which cannot be made in a read-only folder. Where no -wal is there,
    the file itself is complete, and may be read as one that does not change.
    """
    address = db.absolute().as_uri()
    try:
        return _try_reading(f"{address}?mode=ro")
    except sqlite3.OperationalError:
        wal = db.with_name(db.name + "-wal")
        if not db.is_file() or (wal.exists() and wal.stat().st_size):
            raise
        return _try_reading(f"{address}?immutable=1")


def _try_reading(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


class Database:
    """A connection that several threads may share: one statement, or one transaction, at a time."""

    def __init__(self, db: Path, *, read_only: bool = False) -> None:
        self.path = db
        self.read_only = read_only
        self._lock = RLock()
        self._connection = connect(db, read_only=read_only)
        self._depth = 0
        self._changed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; closing twice does no harm."""
        self._connection.close()

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        with self._lock, understood(str(self.path)):
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> Row | None:
        """The first row of a query."""
        found = self.rows(statement, values)
        return found[0] if found else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside becomes permanent together, or not at all. May be nested."""
        with self._lock, understood(str(self.path)):
            if self._depth:
                yield
                return
            if self.read_only:
                raise LibraryReadOnlyError("the library was opened for reading only", where=str(self.path))
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth, self._changed = 1, False
            try:
                yield
                if self._changed:
                    self._write("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'")
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite rolls back by itself when the disk is full
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """All that is read inside is of one moment, whatever others write meanwhile."""
        with self._lock, understood(str(self.path)):
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def _write(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        assert self._depth, "written outside a transaction"
        return self._connection.execute(statement, values)

    def _write_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        assert self._depth, "written outside a transaction"
        self._connection.executemany(statement, rows)
