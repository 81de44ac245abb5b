"""The plain text of a paragraph, with the places of its times and links, and its sentences."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it.token import Token

from kb.model import Claim, WikiLink
from kb.notes.wikisyntax import link_text
from kb.timecode import parse_clock

_BETWEEN_TIMES = re.compile(r"\s*(?:[,;/&–—-]|and|to)?\s*")
# Possessive: a run of marks is tried once, or ten thousand dots would take a minute.
_SENTENCE_END = re.compile(r"(?<![\s.!?…])[.!?…]++[\"'”’»)\]*]*+\s+|[。！？]++[」』”]*+\s*|\n\s*")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+")
# A capital may follow these within a sentence; e.g., i.e. and a.m. are _INITIALS.
_BEFORE_NAMES = frozenset(("dr.", "mr.", "mrs.", "ms.", "prof.", "st.", "vs.", "cf."))
_BEFORE_NUMBERS = frozenset(("al.", "ca.", "eq.", "fig.", "no.", "nr.", "p.", "pp.", "vol."))


@dataclass(frozen=True, slots=True)
class Prose:
    """Plain ``text``; times and links with the offset in it where they stand; offsets where source lines begin."""

    text: str
    times: tuple[tuple[int, float], ...] = ()
    links: tuple[tuple[int, WikiLink], ...] = ()
    line_starts: tuple[int, ...] = ()
    line: int = 0  # 1-based, of the first source line

    def line_at(self, offset: int) -> int:
        """The 1-based source line of an offset."""
        return self.line + bisect_right(self.line_starts, offset)


def prose_of(children: Sequence[Token], line: int) -> Prose:
    """The plain text of an inline token's children. ``line`` is the 1-based line of the first."""
    return _Reading(line).read(children)


def join_prose(parts: Sequence[Prose], separator: str) -> Prose:
    """Several pieces as one, the lines being those of the first piece."""
    text, times, links = "", [], []
    for part in parts:
        text += separator if text and part.text else ""
        times += [(len(text) + at, seconds) for at, seconds in part.times]
        links += [(len(text) + at, link) for at, link in part.links]
        text += part.text
    return Prose(text, tuple(times), tuple(links), (), parts[0].line if parts else 0)


class _Reading:
    """Collects the text of one paragraph. A time leaves no trace in the text but its offset."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.parts: list[str] = []  # none of them empty
        self.length = 0
        self.times: list[tuple[int, float]] = []
        self.links: list[tuple[int, WikiLink]] = []
        self.line_starts: list[int] = []
        self.after_time = False

    def read(self, children: Sequence[Token]) -> Prose:
        for index, token in enumerate(children):
            if token.type == "text":
                self._words(token, children, index)
            elif token.type == "moment":
                self._moment(token.meta["times"])
            elif token.type == "wikilink":
                self._link(token.meta["link"])
            elif token.type in {"softbreak", "hardbreak"}:
                self._break(token)
            elif token.type == "image":
                self._append("".join(child.content for child in token.children or ()))
            elif token.type == "math_inline":
                self._append(f"{token.markup}{token.content}{token.markup}")
            elif token.content:
                self._append(token.content)
        return self._finished()

    def _words(self, token: Token, children: Sequence[Token], index: int) -> None:
        following = children[index + 1].type if index + 1 < len(children) else ""
        if self.after_time and following == "moment" and _BETWEEN_TIMES.fullmatch(token.content):
            return
        linked = index > 0 and children[index - 1].type == "link_open" and following == "link_close"
        seconds = parse_clock(token.content.strip("[]() ")) if linked else None
        if seconds is None:
            self._append(token.content)
        else:
            self._moment((seconds,))

    def _moment(self, times: Sequence[float]) -> None:
        self._trim()
        self.times += [(self.length, seconds) for seconds in times]
        self.after_time = True

    def _link(self, link: WikiLink) -> None:
        shown = link_text(link)
        self._append(shown)
        self.links.append((self.length - len(shown), replace(link, line=self.line + len(self.line_starts))))

    def _break(self, token: Token) -> None:
        self.after_time = False
        self._trim()
        self._append("\n" if token.type == "hardbreak" else " ")
        if not token.markup.startswith("<"):  # <br/> is a new line for the reader, none in the source
            self.line_starts.append(self.length)

    def _append(self, content: str) -> None:
        if self.after_time:
            self.after_time = not content
            content = self._close_gap(content)
        if content:
            self.parts.append(content)
            self.length += len(content)

    def _close_gap(self, content: str) -> str:
        """What follows a time: neither a gap before punctuation nor an empty pair of brackets stays."""
        stripped = content.lstrip(" ")
        if stripped.startswith(")") and self.parts and self.parts[-1].endswith("("):
            self._shorten(self.parts[-1][:-1])
            self._trim()
            self.times = [(min(at, self.length), seconds) for at, seconds in self.times]
            stripped = stripped[1:].lstrip(" ")
        if not stripped or stripped[0] in ".,;:!?)":
            return stripped
        return stripped if not self.parts or self.parts[-1][-1].isspace() else " " + stripped

    def _trim(self) -> None:
        while self.parts and self.parts[-1][-1] == " ":
            self._shorten(self.parts[-1].rstrip(" "))

    def _shorten(self, last: str) -> None:
        self.length -= len(self.parts[-1]) - len(last)
        self.parts[-1:] = [last] if last else []

    def _finished(self) -> Prose:
        whole = "".join(self.parts)
        text = whole.strip()
        shift = len(whole) - len(whole.lstrip())
        times = tuple((_within(at - shift, text), seconds) for at, seconds in self.times)
        links = tuple((_within(at - shift, text), link) for at, link in self.links)
        return Prose(text, times, links, tuple(at - shift for at in self.line_starts), self.line)


def _within(offset: int, text: str) -> int:
    return max(0, min(offset, len(text)))


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence of ``text``, without the white space between them."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if not _ends_sentence(text, start, match):
            continue
        end = start + len(text[start : match.end()].rstrip())
        if end > start:
            yield start, end
        start = match.end()
    if rest := text[start:].rstrip():
        yield start, start + len(rest)


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    if not match[0].startswith(".") or "\n" in match[0]:
        return True
    following = text[match.end() : match.end() + 1]
    if following.islower() or following in ",;:":
        return False
    if match[0].rstrip() != ".":
        return True
    before = text[max(start, match.start() - 24) : match.start() + 1].split()
    word = before[-1].lstrip("(\"'“‘[")
    if word.lower() in _BEFORE_NUMBERS:
        return not following.isdigit()
    return not (word.lower() in _BEFORE_NAMES or _INITIALS.fullmatch(word))


def claims_of(prose: Prose, heading: str) -> tuple[Claim, ...]:
    """The sentences, each with the times it cites.

    A time belongs to the sentence that it stands in or behind. Where a paragraph opens with a time, as lists of
    moments do, those between two sentences belong to the one that follows.
    """
    spans = tuple(sentence_spans(prose.text))
    if not spans:
        return ()
    leading = bool(prose.times) and prose.times[0][0] == 0
    cited: list[list[float]] = [[] for _ in spans]
    starts = [start for start, _ in spans]
    for at, seconds in prose.times:
        index = max(0, bisect_right(starts, at - 1) - 1)
        if leading and at >= spans[index][1] and index + 1 < len(spans):
            index += 1
        cited[index].append(seconds)
    return tuple(
        Claim(prose.text[start:end], tuple(dict.fromkeys(times)), prose.line_at(start), heading)
        for (start, end), times in zip(spans, cited, strict=True)
    )


def links_of(prose: Prose) -> tuple[WikiLink, ...]:
    """The links, each with the sentence around it."""
    if not prose.links:
        return ()
    spans = tuple(sentence_spans(prose.text))
    starts = [start for start, _ in spans]
    found = []
    for at, link in prose.links:
        start, end = spans[max(0, bisect_right(starts, at) - 1)] if spans else (0, 0)
        found.append(replace(link, context=prose.text[start:end][:500]))
    return tuple(found)
