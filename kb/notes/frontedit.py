"""Changes single keys of a note's front matter and leaves every other byte as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.errors import NoteError
from kb.notes.frontmatter import UnreadableYamlError, Value, read_yaml, yaml_events, yaml_scalar, yaml_value

_PLAIN_TIME = re.compile(r"\d{4}-\d{2}-\d{2}|\d{2,4}:\d{2}:\d{2}", re.ASCII)  # as render_front_matter writes them

Change = str | Sequence[str] | None  # None takes the key away


@dataclass(frozen=True, slots=True)
class _Head:
    """The lines between the dashes: the first of them and the one behind the last, 0-based."""

    first: int
    end: int


def with_front_matter(text: str, changes: Mapping[str, Change]) -> str:
    """``text`` with these keys (as the file spells them: ``title``, ``videoId``) set or, for None, taken away.

    Only the lines of keys whose value changes are touched, and new keys come last. A note without front matter gets
    one. Raises NoteError where the front matter cannot be read.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines = _lines(text.removeprefix(mark))
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    head = _head(lines)
    if head is None:
        written = [f"{_line(key, value)}{newline}" for key, value in changes.items() if value is not None]
        front = [f"---{newline}", *written, f"---{newline}", newline] if written else []
        return mark + "".join([*front, *lines])
    return mark + "".join(_changed(lines, head, changes, newline))


def _lines(text: str) -> list[str]:
    """The lines with their ends; ``str.splitlines`` breaks at more characters than Markdown does."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _head(lines: Sequence[str]) -> _Head | None:
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    if first == len(lines) or lines[first].rstrip() != "---":
        return None
    for at in range(first + 1, len(lines)):
        if lines[at].rstrip() in {"---", "..."}:
            return _Head(first + 1, at)
    raise NoteError("the front matter is not closed", remedy="end it with a line of three dashes")


def _changed(lines: list[str], head: _Head, changes: Mapping[str, Change], newline: str) -> list[str]:
    source = "".join(lines[head.first : head.end])
    try:
        present, spans = read_yaml(source), _spans(source)
    except UnreadableYamlError as error:
        what = f"the front matter is no YAML: {error}"
        raise NoteError(what, remedy=f"mend line {head.first + error.line + 1}") from error
    inside = lines[head.first : head.end]
    added = []
    replaced: dict[int, tuple[int, list[str]]] = {}
    for key, value in changes.items():
        if key in present and _same(present[key], value):
            continue
        written = [] if value is None else [f"{_line(key, value)}{newline}"]
        if key in spans:
            start, end = spans[key]
            replaced[start] = (end, written)
        else:
            added += written
    kept: list[str] = []
    at = 0
    while at < len(inside):
        end, written = replaced.get(at, (at + 1, [inside[at]]))
        kept += written
        at = end
    return [*lines[: head.first], *kept, *added, *lines[head.end :]]


def _spans(source: str) -> dict[str, tuple[int, int]]:
    """The lines, 0-based, from each key at the top up to behind its value, comments after it left out."""
    import yaml

    keys: list[tuple[str, int]] = []
    depth, at_key = 0, True
    for event in yaml_events(source):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            at_key = at_key or depth == 1
        elif isinstance(event, yaml.ScalarEvent) and depth == 1 and event.start_mark:
            if at_key and event.start_mark.column:
                raise UnreadableYamlError("several keys in one line", event.start_mark.line)
            keys += [(event.value, event.start_mark.line)] if at_key else []
            at_key = not at_key
    lines = source.split("\n")
    ends = [line for _, line in keys[1:]] + [len(lines)]
    return {key: (start, _without_comments(lines, start, end)) for (key, start), end in zip(keys, ends, strict=True)}


def _without_comments(lines: Sequence[str], start: int, end: int) -> int:
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return end


def _same(present: Value, value: Change) -> bool:
    return value is not None and present == (value if isinstance(value, str) else list(value))


def _line(key: str, value: str | Sequence[str]) -> str:
    plain = key in {"date", "duration"} and isinstance(value, str) and _PLAIN_TIME.fullmatch(value)
    return f"{yaml_scalar(key)}: {value if plain else yaml_value(value)}"
