"""The text of a note to markdown-it tokens, within bounds, and out of the code fence that some put around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from markdown_it.token import Token

from kb.model import Finding
from kb.notes.markup import FAILED_LINKS, MAX_FAILED_LINKS, shared_parser

MAX_CHARACTERS = 1_000_000
MAX_MARKS = 60_000  # of the characters below: each may cost markdown-it up to 20 µs, a letter costs it one
MAX_LINES = 25_000  # each may be a block of its own, at 70 µs
MAX_LINE = 20_000

_MARK = re.compile(r"[*_\[\]!~&`<\\$|>]")
_LINE_END = re.compile("\n")
_NEWLINE = re.compile(r"\r\n?")
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)")
_FROM_LINE = re.compile(r"\s*From:\s*(?:\[\[[^\n]*)?")
_NOTE_MARKUP = re.compile(r"\[\[|yt-timestamp|^#{1,6} ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ParsedText:
    """Tokens, whose lines count from ``first_line`` (1-based), and the YAML of the front matter, if there is one."""

    tokens: Sequence[Token]
    first_line: int
    front: str | None
    findings: tuple[Finding, ...]


def parse_text(text: str) -> ParsedText:
    """Never raises; takes at most about two seconds, whatever the text."""
    findings: list[Finding] = []
    source = _NEWLINE.sub("\n", text.removeprefix("\ufeff"))
    if (end := _understandable(source)) < len(source):
        message = f"only the first {end} of {len(source)} characters are understood"
        findings.append(Finding("note-too-long", message, source.count("\n", 0, end) + 1))
        source = source[:end]
    source, fence_line = _without_outer_fence(source)
    if fence_line:
        findings.append(Finding("note-in-code-fence", "the whole note is wrapped in a code fence", fence_line))
    leading = len(source) - len(source.lstrip())
    blank_lines = source.count("\n", 0, leading)
    if source.startswith("---", leading):  # front matter has to begin on the parser's first line
        source = source[leading:]
        if blank_lines and not fence_line:
            findings.append(Finding("front-matter-not-first", "empty lines stand before the front matter", 1))
    else:
        blank_lines = 0
    env: dict[str, Any] = {}
    tokens = shared_parser().parse(source, env)
    if env.get(FAILED_LINKS, 0) >= MAX_FAILED_LINKS:
        message = f"more than {MAX_FAILED_LINKS} brackets that are no links; those behind them were not looked at"
        findings.append(Finding("note-too-dense", message, blank_lines + 1))
    front = tokens[0].content if tokens and tokens[0].type == "front_matter" else None
    return ParsedText(tokens, blank_lines + 1, front, tuple(findings))


def _understandable(source: str) -> int:
    """How many characters are handed to markdown-it: fewer where markup is dense or lines are short."""
    if len(source) <= MAX_LINES:
        return len(source)
    bounds = [min(len(source), MAX_CHARACTERS)]
    for pattern, most in ((_MARK, MAX_MARKS), (_LINE_END, MAX_LINES)):
        beyond = next(islice(pattern.finditer(source, 0, MAX_CHARACTERS), most, None), None)
        bounds += [beyond.start()] if beyond else []
    end = min(bounds)
    return end if end == len(source) else _line_start(source, end)


def _line_start(source: str, end: int) -> int:
    """The start of the line that ``end`` is in, unless the line is a very long one."""
    newline = source.rfind("\n", max(0, end - MAX_LINE), end)
    return end if newline < 0 else newline + 1


def _without_outer_fence(source: str) -> tuple[str, int]:
    """``source`` with the lines of a fence around all of it emptied, and that fence's 1-based line, or 0."""
    if "```" not in source and "~~~" not in source:
        return source, 0
    lines = source.split("\n")
    first = next((at for at in range(_front_end(lines), len(lines)) if not _is_preamble(lines[at])), len(lines))
    opening = _FENCE.fullmatch(lines[first]) if first < len(lines) else None
    if opening is None or opening["info"].strip().lower() not in {"", "markdown", "md"}:
        return source, 0
    closing = _closing_line(lines, first, opening["fence"])
    inside = "\n".join(lines[first + 1 : closing])
    if closing is None or not (opening["info"].strip() or _NOTE_MARKUP.search(inside)):
        return source, 0
    lines[first] = ""
    if closing < len(lines):
        lines[closing] = ""
    return "\n".join(lines), first + 1


def _front_end(lines: Sequence[str]) -> int:
    if lines[0].rstrip() != "---":
        return 0
    return next((at + 1 for at, line in enumerate(lines) if at and line.rstrip() == "---"), 0)


def _is_preamble(line: str) -> bool:
    return not line.strip() or bool(_FROM_LINE.fullmatch(line))


def _closing_line(lines: Sequence[str], first: int, fence: str) -> int | None:
    """The line that closes the fence where that is the last of the text (its end, if nothing closes it), else None.

    Fences inside are counted as their writer meant them: one that names a language opens, a bare one closes.
    """
    inner = False
    for at in range(first + 1, len(lines)):
        match = _FENCE.fullmatch(lines[at])
        if not match or not match["fence"].startswith(fence):
            continue
        if inner:
            inner = bool(match["info"].strip())
        elif match["info"].strip():
            inner = True
        elif not any(line.strip() for line in lines[at + 1 :]):
            return at
        else:
            return None
    return None if inner else len(lines)
