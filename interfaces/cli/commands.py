"""The commands of `hark`, gathered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from interfaces.cli import finding, making, serving, showing, state
from interfaces.cli.light import LightCommand, LightGroup
from interfaces.cli.output import say
from interfaces.cli.where import LibraryOption

app = typer.Typer(
    name="hark",
    cls=LightGroup,
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


_commands: dict[str, Callable[..., None]] = {
    "init": making.init,
    "ingest": making.ingest,
    "import": making.import_notes,
    "index": making.index,
    "search": finding.search,
    "ask": finding.ask,
    "show": showing.show,
    "status": state.status,
    "app": serving.serve,
}
for _name, _command in _commands.items():
    app.command(_name, cls=LightCommand)(_command)
