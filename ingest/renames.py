"""Renames that the standard library has no name for: two files exchanged at one stroke, a name taken only if free.

Linux has renameat2, macOS renamex_np; both are called through ctypes. Where the system or the disk has neither, the
caller is told, or a second link to the file does the same.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

_HERE = -100  # AT_FDCWD
_LINUX = {"new": 1, "exchange": 2}  # RENAME_NOREPLACE, RENAME_EXCHANGE
_MACOS = {"new": 4, "exchange": 2}  # RENAME_EXCL, RENAME_SWAP
_CANNOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV, errno.EPERM})

Rename = Callable[[bytes, bytes, str], int]


@functools.cache
def _system_call() -> Rename | None:
    try:
        library = ctypes.CDLL(None, use_errno=True)
    except (OSError, TypeError):  # Windows
        return None
    if sys.platform.startswith("linux") and hasattr(library, "renameat2"):
        renameat2 = library.renameat2
        return lambda one, other, how: int(renameat2(_HERE, one, _HERE, other, ctypes.c_uint(_LINUX[how])))
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        renamex_np = library.renamex_np
        return lambda one, other, how: int(renamex_np(one, other, ctypes.c_uint(_MACOS[how])))
    return None


def _renamed(one: Path, other: Path, how: str) -> bool:
    """Whether it was done; False where it cannot be done here. Raises OSError for all else."""
    call = _system_call()
    if call is None:
        return False
    sys.audit("os.rename", str(one), str(other), -1, -1)  # as os.rename does: whoever watches renames sees these too
    if call(os.fsencode(one), os.fsencode(other), how) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


def exchange(one: Path, other: Path) -> bool:
    """Exchanges two files: at every moment there is one under each name. False where this disk cannot.

    Raises FileNotFoundError where one of them is gone.
    """
    return _renamed(one, other, "exchange")


def rename_new(source: Path, target: Path) -> None:
    """Renames a file to a name that nothing has. Raises FileExistsError."""
    if _renamed(source, target, "new"):
        return
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:  # a disk without links, or another one
        _copy_new(source, target)
    source.unlink()


def _copy_new(source: Path, target: Path) -> None:
    """Copies a file to a name that nothing has, whole or not at all.

    Where the target's disk has neither rename nor links, who takes the name within microseconds is overwritten.
    """
    beside = target.with_name(f".{source.name}")
    try:
        with beside.open("wb") as copy, source.open("rb") as original:
            shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copystat(source, beside)
        if _renamed(beside, target, "new"):
            return
        try:
            target.hardlink_to(beside)
        except FileExistsError:
            raise
        except OSError:
            if target.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
            beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def second_name(path: Path, other: Path) -> None:
    """Gives a file a second name; where the disk has no links, ``other`` becomes a copy of it."""
    try:
        other.hardlink_to(path)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(path, other)


def same_file(one: Path, other: Path) -> bool:
    """Whether two names are of one file; True as well where one is a copy, on a disk without links."""
    found, wanted = one.stat(), other.stat()
    return found.st_nlink == 1 or (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)


def is_open_for_writing(path: Path) -> bool | None:
    """Whether some process has a file open to write to it; None where the system does not tell.

    Linux grants a lease for reading only on a file that nobody has open for writing (fcntl(2), F_SETLEASE).
    """
    if not sys.platform.startswith("linux"):
        return None
    import fcntl

    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:  # another's file, or a file system without leases
        return None
    finally:
        os.close(handle)
    return False
