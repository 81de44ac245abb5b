"""The library that this server shows: opened once per process, by the path in ``HARK_LIBRARY`` or the nearest one."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from kb.settings import SETTINGS_FILE

if TYPE_CHECKING:
    from kb.library import Library

_opening = threading.Lock()
_libraries: dict[Path, Library] = {}


def library_root() -> Path:
    """``HARK_LIBRARY``, or the nearest folder upwards with a ``hark.toml``, or the working folder."""
    named = os.environ.get("HARK_LIBRARY", "")
    if named:
        return Path(named).expanduser().resolve()
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / SETTINGS_FILE).is_file()), here)


def library() -> Library:
    """The open library, shared by all readers. Raises HarkError where it cannot be opened; then the next call tries."""
    from kb.library import open_library

    root = library_root()
    with _opening:
        if root not in _libraries:
            _libraries[root] = open_library(root)
        return _libraries[root]
