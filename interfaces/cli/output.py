"""What goes to the terminal: safe text, plain lines, rich's console.

Titles and quotes come from strangers. Nothing of theirs reaches the terminal as a command: control characters,
escape sequences and marks that turn the direction of writing are replaced, and rich's markup is never read.
rich is imported where it is used: it takes as long as a whole `hark status`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from interfaces.rendering import to_json

if TYPE_CHECKING:
    from rich.console import Console

_FORBIDDEN = (
    *range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF
)  # fmt: skip
_IN_A_LINE = dict.fromkeys(_FORBIDDEN, "\N{REPLACEMENT CHARACTER}") | dict.fromkeys(map(ord, "\t\n\r\v\f\x85"), " ")
_IN_A_TEXT = {code: mark for code, mark in _IN_A_LINE.items() if code not in (0x09, 0x0A)}


def one_line(text: str) -> str:
    """Text that a terminal shows and does not obey, on one line."""
    return text.translate(_IN_A_LINE)


def many_lines(text: str) -> str:
    """The same for a text of several lines: line feeds and tabs stay."""
    return text.replace("\r\n", "\n").translate(_IN_A_TEXT)


def say(text: str = "") -> None:
    """One line for the user."""
    print(one_line(text))  # noqa: T201


def say_json(document: dict[str, Any]) -> None:
    """One JSON document, on one line."""
    print(to_json(document))  # noqa: T201


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stdout.flush()
    print(f"hark: {one_line(text)}", file=sys.stderr)  # noqa: T201


def count(number: int, one: str, many: str = "") -> str:
    """``1 episode``, ``1,204 episodes``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def new_console() -> Console:
    """Rich on standard output: no markup is read, no colour where it is not a terminal."""
    from rich.console import Console
    from rich.theme import Theme

    theme = Theme({"markdown.code": "cyan"})  # rich's own has a black background, also on a white screen
    return Console(markup=False, emoji=False, highlight=False, theme=theme)
