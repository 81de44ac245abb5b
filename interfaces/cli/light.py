"""Typer's commands without pydantic, and with Hark's errors.

Typer converts each parameter through pydantic, whose import takes longer than a whole `hark ingest` with nothing to
do. Hark's parameters are texts, numbers, switches and lists of texts, converted here. Where Typer has no such hook
(older versions have no pydantic either) nothing changes.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from interfaces.cli.faults import reported


class LightCoercion:
    """Converts what was typed for one parameter: str, int, bool, or a list of str."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as the parameter's type; a list for several. Raises typer.BadParameter."""
        if param.multiple or param.nargs == -1:
            return [str(item) for item in value or ()]
        if value is None or self.annotation is not int:
            return value
        try:
            return int(value)
        except ValueError:
            raise typer.BadParameter(f"{value!r} is not a whole number", ctx=ctx, param=param) from None


def _lighten(params: list[Any]) -> list[Any]:
    for param in params:
        annotation = getattr(getattr(param, "type_descriptor", None), "annotation", None)
        if annotation in (str, int, bool, list[str]):
            param.get_runtime_param = functools.partial(LightCoercion, annotation)
    return params


class LightCommand(TyperCommand):
    """One command of `hark`."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _lighten(super().get_params(ctx))


class LightGroup(TyperGroup):
    """All of them, each at its place, ``module:function``; an error becomes a line and an exit code."""

    places: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.places)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.places:
            return None
        module, _, function = self.places[cmd_name].partition(":")
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        alone.command(cmd_name, cls=LightCommand)(getattr(import_module(module), function))
        return typer.main.get_command(alone)

    def get_params(self, ctx: Any) -> list[Any]:
        return _lighten(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        with reported():
            return super().invoke(ctx)
