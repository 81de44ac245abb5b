"""Errors become one line on standard error and an exit code. A bug is not caught: it keeps its traceback."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from interfaces.cli.output import complain
from kb.errors import DiskFullError, HarkError, InputError, LibraryReadOnlyError

INTERRUPTED = 130


class CallError(HarkError):
    """The command was called wrongly."""

    exit_code = 2


# What the operating system says of the user's files, where nothing below had better words for it.
_SYSTEM_ERRORS: dict[int, tuple[type[HarkError], str, str]] = {
    errno.ENOSPC: (DiskFullError, "no space is left", "make room, then run the same command again"),
    errno.EDQUOT: (DiskFullError, "the disk quota is used up", "make room, then run the same command again"),
    errno.EROFS: (LibraryReadOnlyError, "cannot be written to", "it is on a read-only file system"),
    errno.EACCES: (InputError, "permission denied", "change its permissions or its owner"),
    errno.EPERM: (InputError, "permission denied", "change its permissions or its owner"),
}


@contextmanager
def reported() -> Iterator[None]:
    """Prints a HarkError as `hark: ...` and exits with its code; Ctrl-C with 130; a closed pipe without a word."""
    try:
        yield
    except HarkError as error:
        complain(str(error))
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None
    except OSError as error:
        known = as_hark_error(error)
        if known is None:
            raise
        complain(str(known))
        raise typer.Exit(known.exit_code) from error


def as_hark_error(error: OSError) -> HarkError | None:
    """A full disk, a read-only file system or a forbidden file as an error a user may see; None for all else."""
    if error.errno not in _SYSTEM_ERRORS:
        return None
    kind, what, remedy = _SYSTEM_ERRORS[error.errno]
    return kind(what, where=str(error.filename or ""), remedy=remedy)
