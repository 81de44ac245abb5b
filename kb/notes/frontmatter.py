"""The head of a note: YAML read within bounds, and written so that it reads the same."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from kb.model import Finding, FrontMatter, NoteKind
from kb.timecode import format_clock, format_cue, parse_clock

if TYPE_CHECKING:
    from yaml.events import Event

# A value as the file has it: every scalar is text, so `title: no` stays "no" and `12:30:45` a clock time.
Value = str | list["Value"] | dict[str, "Value"]

MAX_CHARACTERS = 200_000
MAX_DEPTH = 12
MAX_EVENTS = 20_000

_KNOWN = ("title", "videoId", "id", "show", "date", "duration", "url", "speakers", "aliases", "kind", "generated")
_KEY_LINE = re.compile(r"(?P<key>[^\s:#'\"\[\]{}][^:\n]{0,80}?)\s*:(?:\s+(?P<value>.*))?")


class UnreadableYamlError(ValueError):
    """YAML that is invalid, too deep, too large, or that refers to itself. ``line`` is 0-based within the YAML."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


def read_yaml(source: str) -> dict[str, Value]:
    """The mapping that ``source`` holds. Raises UnreadableYamlError; never recurses deeper than MAX_DEPTH."""
    if len(source) > MAX_CHARACTERS:
        raise UnreadableYamlError(f"longer than {MAX_CHARACTERS} characters")
    builder = _Builder()
    for event in yaml_events(source):
        builder.take(event)
    if builder.root in ("", None):
        return {}
    if not isinstance(builder.root, dict):
        raise UnreadableYamlError("not a list of keys and values")
    return builder.root


def yaml_events(source: str) -> list[Event]:
    """The parse events, which need no recursion. Raises UnreadableYamlError."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    events: list[Event] = []
    try:
        for event in yaml.parse(source, Loader=loader):
            events.append(event)
            if len(events) > MAX_EVENTS:
                raise UnreadableYamlError(f"more than {MAX_EVENTS} parts")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "invalid YAML"
        raise UnreadableYamlError(str(reason), mark.line if mark else 0) from error
    except UnicodeError as error:  # libyaml on lone surrogates
        raise UnreadableYamlError("characters that YAML does not allow") from error
    return events


class _Builder:
    """Puts events together to text, lists and mappings."""

    def __init__(self) -> None:
        self.root: Value | None = None
        self.open: list[list[Value] | dict[str, Value]] = []
        self.keys: list[str | None] = []

    def take(self, event: Event) -> None:
        import yaml

        line = event.start_mark.line if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise UnreadableYamlError("anchors and aliases are not allowed", line)
        if isinstance(event, yaml.ScalarEvent):
            empty = event.implicit[0] and event.value in {"~", "null", "Null", "NULL"}
            self._place("" if empty else str(event.value), line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            container: list[Value] | dict[str, Value] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._place(container, line)
            self.open.append(container)
            self.keys.append(None)
            if len(self.open) > MAX_DEPTH:
                raise UnreadableYamlError(f"nested deeper than {MAX_DEPTH}", line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.open.pop()
            self.keys.pop()

    def _place(self, value: Value, line: int) -> None:
        if not self.open:
            self.root = value
        elif isinstance(parent := self.open[-1], list):
            parent.append(value)
        elif self.keys[-1] is None:
            if not isinstance(value, str):
                raise UnreadableYamlError("a key that is no text", line)
            self.keys[-1] = value
        else:
            parent[self.keys[-1]] = value
            self.keys[-1] = None


# --- YAML to FrontMatter ---------------------------------------------------------------------------------------


def read_front_matter(source: str, line: int = 1) -> tuple[FrontMatter, tuple[Finding, ...]]:
    """What ``source``, the YAML between the dashes, says. ``line`` is the 1-based line where it begins.

    Invalid YAML is read line by line, as far as ``key: value`` goes, with a finding. Never raises.
    """
    findings: list[Finding] = []
    try:
        values = read_yaml(source)
    except UnreadableYamlError as error:
        findings.append(Finding("front-matter-invalid", f"the front matter is no YAML: {error}", line + error.line))
        values = _line_by_line(source)
    front, wrong = _front_matter(values)
    findings += [Finding("front-matter-value", message, line) for message in wrong]
    return front, tuple(findings)


def _line_by_line(source: str) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for line in source[:MAX_CHARACTERS].splitlines()[:400]:
        if match := _KEY_LINE.fullmatch(line):
            text = (match["value"] or "").strip()
            quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
            values.setdefault(match["key"], text[1:-1] if quoted else text)
    return values


def _front_matter(values: dict[str, Value]) -> tuple[FrontMatter, list[str]]:
    wrong: list[str] = []
    date, duration, kind = _text(values.get("date")), _text(values.get("duration")), _text(values.get("kind"))
    day, seconds = _read_date(date), _read_duration(duration)
    unread = {"date": bool(date) and day is None, "duration": bool(duration) and seconds is None}
    unread |= {"kind": bool(kind) and kind not in get_args(NoteKind)}
    generated = values.get("generated")
    unread["generated"] = bool(generated) and not isinstance(generated, dict)
    wrong += [f"{key} cannot be read: {_text(values[key])[:60]!r}" for key, is_unread in unread.items() if is_unread]
    extra = [(key, _text(value)) for key, value in values.items() if key not in _KNOWN or unread.get(key)]
    front = FrontMatter(
        title=_text(values.get("title")),
        id=_text(values.get("id")),
        video_id=_text(values.get("videoId")),
        show=_text(values.get("show")),
        date=day,
        duration_s=seconds,
        speakers=_texts(values.get("speakers")),
        aliases=_texts(values.get("aliases")),
        kind=kind if kind in ("episode", "concept", "show") else "episode",  # type: ignore[arg-type]  # narrowed here
        url=_text(values.get("url")),
        generated=tuple((k, _text(v)) for k, v in generated.items()) if isinstance(generated, dict) else (),
        extra=tuple(extra),
    )
    return front, wrong


def _text(value: Value | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _texts(value: Value | None) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(_text(item) for item in value)
    text = _text(value)
    return (text,) if text else ()


def _read_date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None


def _read_duration(text: str) -> float | None:
    if re.fullmatch(r"\d{1,7}(\.\d{1,6})?", text, re.ASCII):
        return float(text)
    seconds = parse_clock(text)
    return None if seconds is None else round(seconds, 3)


# --- FrontMatter to YAML ---------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[^\W\d_](?:[\w ./()'+-]|:(?=[\w/]))*(?<! )")
_SPECIAL = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]')


def yaml_scalar(text: str) -> str:
    """``text`` as a YAML scalar that every reader takes for this very text, in block and flow context."""
    if _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL and not text.lower().startswith(("0x", "0o")):
        return text
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":  # half of a pair: no text, and nothing could write it
        return "\ufffd"
    return {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}.get(character, f"\\u{ord(character):04x}")


def yaml_value(value: str | Sequence[str]) -> str:
    """A scalar, or a list in one line."""
    if isinstance(value, str):
        return yaml_scalar(value)
    return "[" + ", ".join(yaml_scalar(item) for item in value) + "]"


def render_front_matter(front: FrontMatter) -> str:
    """``---`` to ``---`` with the keys in the order of DESIGN.md; what is empty is left out."""
    unknown = dict(front.extra)
    lines = [f"{key}: {text}" for key, text in _rendered(front) if text and key not in unknown]
    lines += [f"{yaml_scalar(key)}: {yaml_scalar(text)}" for key, text in front.extra]
    return "---\n" + "".join(f"{line}\n" for line in lines) + "---\n"


def _rendered(front: FrontMatter) -> list[tuple[str, str]]:
    generated = ", ".join(f"{yaml_scalar(key)}: {_version(text)}" for key, text in front.generated)
    texts = {"title": front.title, "videoId": front.video_id, "id": front.id, "show": front.show}
    return [
        *((key, yaml_scalar(text) if text else "") for key, text in texts.items()),
        ("date", front.date.isoformat() if front.date else ""),
        ("duration", "" if front.duration_s is None else _clock(front.duration_s)),
        ("url", yaml_scalar(front.url) if front.url else ""),
        ("speakers", yaml_value(front.speakers) if front.speakers else ""),
        ("aliases", yaml_value(front.aliases)),
        ("kind", front.kind),
        ("generated", f"{{{generated}}}" if generated else ""),
    ]


def _clock(seconds: float) -> str:
    return format_clock(seconds) if float(seconds).is_integer() else format_cue(seconds)


def _version(text: str) -> str:
    return text if re.fullmatch(r"0|[1-9]\d{0,8}", text, re.ASCII) else yaml_scalar(text)
