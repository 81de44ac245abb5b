"""Which library a command works on, and the options that many commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from interfaces.cli.faults import CallError
from kb.errors import NotALibraryError

LIBRARY_VARIABLE = "HARK_LIBRARY"
_MARK = "hark.toml"

LibraryOption = Annotated[
    str, typer.Option("--library", metavar="PATH", help="The library's folder.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def library_root(ctx: typer.Context, named: str) -> Path:
    """The folder named by --library (after or before the command) or HARK_LIBRARY, else the nearest one upwards.

    Raises NotALibraryError where there is none.
    """
    before = str(ctx.parent.params.get("library") or "") if ctx.parent else ""
    chosen = named or before or os.environ.get(LIBRARY_VARIABLE, "")
    if chosen:
        return Path(chosen).expanduser().resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / _MARK).is_file():
            return folder
    raise NotALibraryError(
        "no Hark library here or in a folder above",
        where=str(here),
        remedy="make one: hark init; or name one: --library PATH",
    )


def existing(paths: list[str]) -> list[Path]:
    """The paths as given, made absolute. Raises CallError for one that is not there."""
    found = [Path(path).expanduser() for path in paths]
    for path in found:
        if not path.exists():
            raise CallError("no such file or folder", where=str(path), remedy="check the path")
    return [path.absolute() for path in found]
