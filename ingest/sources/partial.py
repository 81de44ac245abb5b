"""A download that is not whole yet: ``NAME.part``, and beside it of which address and version it is the beginning."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from ingest.files import understood

_MAX_NOTE = 10_000  # bytes


@dataclass(frozen=True, slots=True)
class Version:
    """What a server called the version that it began to send; nothing where it cannot be asked for again."""

    etag: str = ""
    last_modified: str = ""

    @property
    def condition(self) -> str:
        """The value of If-Range, for which a weak ETag is not good enough (RFC 9110, 13.1.5)."""
        return self.etag if self.etag.startswith('"') else self.last_modified

    def is_other(self, version: Version) -> bool:
        """Whether both say what they are, and it is not the same; where strong ETags say so, dates say no more."""
        if self.etag.startswith('"') and version.etag.startswith('"'):
            return self.etag != version.etag
        etags = self.etag.removeprefix("W/"), version.etag.removeprefix("W/")
        pairs = (etags, (self.last_modified, version.last_modified))
        return any(one and other and one != other for one, other in pairs)


class Partial:
    """The beginning of ``target``: ``size`` bytes of a ``version``. Raises what ``understood`` makes of disk errors."""

    def __init__(self, target: Path, url: str) -> None:
        self.target = target
        self._path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self._url = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()  # it may hold a password
        self._file: BinaryIO | None = None
        self.version = self._known()
        self.size = self._path.stat().st_size if self.version.condition and self._path.is_file() else 0

    def _known(self) -> Version:
        try:
            with self._note.open("rb") as file:
                note = json.loads(file.read(_MAX_NOTE))
            if note["url"] == self._url:
                return Version(str(note["etag"]), str(note["last_modified"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none, or torn by a kill: then the download begins anew
        return Version()

    @property
    def asks(self) -> dict[str, str]:
        """The headers that ask for the rest."""
        return {"Range": f"bytes={self.size}-", "If-Range": self.version.condition} if self.size else {}

    def begin(self, version: Version) -> None:
        """Starts anew with this version."""
        self.drop()
        note = {"url": self._url, "etag": version.etag, "last_modified": version.last_modified}
        with understood(str(self._note)):
            self._note.write_text(json.dumps(note), "utf-8")

    def write(self, data: bytes) -> None:
        """Appends; inside ``with`` only."""
        assert self._file is not None
        with understood(str(self._path)):
            self._file.write(data)
        self.size += len(data)

    def __enter__(self) -> Partial:
        with understood(str(self._path)):
            self._file = self._path.open("ab" if self.size else "wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        with understood(str(self._path)), self._file as file:
            file.flush()
            os.fsync(file.fileno())
        self._file = None

    def finish(self) -> Path:
        """Puts the whole file in its place, to stay."""
        with understood(str(self.target)):
            self._path.replace(self.target)
            self._note.unlink(missing_ok=True)
            folder = os.open(self.target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self.target

    def drop(self) -> None:
        """Forgets what there is of it."""
        with understood(str(self._path)):
            self._path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
        self.size = 0
