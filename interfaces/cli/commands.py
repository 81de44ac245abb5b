"""The commands of `hark`, gathered. Only the one that is called is imported."""

from __future__ import annotations

from typing import Annotated

import typer

from interfaces.cli.light import LightGroup
from interfaces.cli.where import LibraryOption

# The function of each command, in the order of `hark --help`.
COMMANDS = {
    "init": "interfaces.cli.making:init",
    "ingest": "interfaces.cli.making:ingest",
    "import": "interfaces.cli.making:import_notes",
    "add": "interfaces.cli.subscribing:add",
    "remove": "interfaces.cli.subscribing:remove",
    "sources": "interfaces.cli.subscribing:sources",
    "opml": "interfaces.cli.subscribing:opml",
    "sync": "interfaces.cli.syncing:sync",
    "watch": "interfaces.cli.syncing:watch",
    "retry": "interfaces.cli.syncing:retry",
    "review": "interfaces.cli.reviewing:review",
    "index": "interfaces.cli.making:index",
    "search": "interfaces.cli.finding:search",
    "ask": "interfaces.cli.finding:ask",
    "show": "interfaces.cli.showing:show",
    "status": "interfaces.cli.state:status",
    "app": "interfaces.cli.serving:serve",
}


class Commands(LightGroup):
    """Finds a command when it is called, or listed."""

    places = COMMANDS


app = typer.Typer(
    name="hark",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import version

    from interfaces.cli.output import say

    say(f"hark {version('hark')}")
    raise typer.Exit


@app.callback()
def hark(
    library: LibraryOption = "",
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Podcasts and talks as a library to read, search and cite.

    A command works on the library named by --library or HARK_LIBRARY, else on the nearest folder upwards with a
    hark.toml.
    """
