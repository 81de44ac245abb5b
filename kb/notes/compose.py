"""Text for notes that Hark writes: links, anchors and quotes that read as what they are."""

from __future__ import annotations

import re
import unicodedata

from kb.model import FrontMatter
from kb.notes.frontmatter import render_front_matter
from kb.notes.timestamps import times_in
from kb.timecode import format_clock

# Markdown's marks, and those of Obsidian and of mathematics. CommonMark lets a backslash take any of them back.
_MARKS = re.compile(r"[\\`*_\[\]<$|^]|~(?=~)|(?<=~)~|%(?=%)|(?<=%)%|=(?==)|(?<==)=|&(?=#?\w{1,32};)|(?<!\S)#(?=\S)|!$")
_BLOCK_START = re.compile(r"(?:[-+=>#~]|\d{1,9}(?=[.)]))")
_NOT_IN_TARGET = re.compile(r"[\[\]|#^\\<>\s]+")


def plain_line(text: str) -> str:
    """``text`` in one line: white space to single spaces, control characters and halves of pairs gone."""
    if not text.isprintable():
        text = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in {"Cc", "Cs"})
    return " ".join(text.split())


def escape_text(text: str) -> str:
    """``plain_line(text)`` as Markdown that renders as itself: a verbatim quote, wherever in a note it is put."""
    escaped = _MARKS.sub(lambda mark: "\\" + mark[0], plain_line(text))
    start = _BLOCK_START.match(escaped)
    if not start:
        return re.sub(r"(?<=\s)(#+)$", r"\\\1", escaped)
    if start[0].isdigit():
        return f"{start[0]}\\{escaped[start.end() :]}"
    return "\\" + escaped


def wiki_link(target: str, label: str = "") -> str:
    """``[[target | label]]``, or ``[[target]]`` without a label; the label as text where no target is left.

    A link's label cannot be escaped: brackets and pipes in it become parentheses and slashes.
    """
    name = _NOT_IN_TARGET.sub(" ", plain_line(target)).strip()
    shown = plain_line(label).translate({ord("["): "(", ord("]"): ")", ord("|"): "/", ord("\\"): "/"}).strip()
    if not name:
        return escape_text(label)
    if times_in(name):  # a name that is a time would be taken for one in double brackets
        return f"[[{name} | {shown or name}]]"
    return f"[[{name} | {shown}]]" if shown and shown != name else f"[[{name}]]"


def timestamp_anchor(seconds: float) -> str:
    """The anchor of a moment, rounded down to the second. Raises ValueError below zero."""
    clock = format_clock(seconds)
    return f'<a class="yt-timestamp" data-t="{clock}">[{clock}]</a>'


def compose_note(front: FrontMatter, body: str) -> str:
    """The whole text of a note: front matter, a blank line, the body, one newline at the end."""
    return f"{render_front_matter(front)}\n{body.strip(chr(10))}\n"
