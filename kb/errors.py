"""The errors a user may see.

    HarkError
    ├── InputError            a file from outside cannot be used
    │   ├── CaptionError      ... captions or a transcript
    │   ├── NoteError         ... a note
    │   └── ConfigError       ... hark.toml
    ├── NotFoundError         an episode, note or show that the library does not have
    ├── ModelError            an embedding model that is missing, changed or unusable
    └── LibraryError          the library as a whole
        ├── NotALibraryError
        ├── LibraryBusyError      another process writes
        ├── LibraryReadOnlyError
        ├── DiskFullError
        ├── LibraryTooNewError    written by a newer Hark
        └── LibraryDamagedError   exit code 3

Each says what happened, where, and what to do about it. A bug is none of these: it keeps its traceback.
"""

from __future__ import annotations


class HarkError(Exception):
    """Something a user can understand and act upon.

    ``what`` happened, ``where`` (a file, an episode, a setting) and the ``remedy``. ``str()`` gives one line.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = " ".join(what.split())
        self.where = " ".join(where.split())
        self.remedy = " ".join(remedy.split())
        super().__init__(what)

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line} ({self.remedy})" if self.remedy else line


class InputError(HarkError):
    """A file from outside cannot be used."""


class CaptionError(InputError):
    """Captions or a transcript cannot be read."""


class NoteError(InputError):
    """A note cannot be read or written."""


class ConfigError(InputError):
    """``hark.toml`` is not as it should be."""

    exit_code = 2


class NotFoundError(HarkError):
    """The library has no such episode, note or show."""


class ModelError(HarkError):
    """An embedding model is missing, changed or unusable."""


class LibraryError(HarkError):
    """The library as a whole cannot be used."""


class NotALibraryError(LibraryError):
    """The folder holds no Hark library."""

    exit_code = 2


class LibraryBusyError(LibraryError):
    """Another process is writing to the library."""


class LibraryReadOnlyError(LibraryError):
    """The library cannot be written to."""


class DiskFullError(LibraryError):
    """No space is left for the library."""


class LibraryTooNewError(LibraryError):
    """The library was written by a newer Hark."""


class LibraryDamagedError(LibraryError):
    """What is stored contradicts itself."""

    exit_code = 3
