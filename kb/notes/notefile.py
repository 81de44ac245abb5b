"""A Markdown file to a Note. What is damaged becomes a finding, never an exception."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from markdown_it.token import Token

from kb.model import Claim, Finding, FrontMatter, Note, NoteBlock, WikiLink
from kb.notes.compose import compose_note, escape_text, plain_line, timestamp_anchor, wiki_link
from kb.notes.decoding import decode_note, encode_note
from kb.notes.frontmatter import read_front_matter, render_front_matter
from kb.notes.parsing import parse_text
from kb.notes.prose import Prose, claims_of, join_prose, links_of, prose_of

__all__ = [
    "compose_note",
    "escape_text",
    "note_bytes",
    "parse_note",
    "plain_line",
    "render_front_matter",
    "timestamp_anchor",
    "wiki_link",
]

MAX_FINDINGS = 50  # of one rule in one note
_BETWEEN_LINKS = re.compile(r"[\s,]*")


def parse_note(path: str, data: bytes | str) -> Note:
    """What a note says: its text untouched, its blocks, claims, links and findings.

    ``path`` is relative to ``notes/``. Never raises for what ``data`` holds.
    """
    text, encoding, findings = (data, "utf-8", ()) if isinstance(data, str) else decode_note(data)
    parsed = parse_text(text)
    front, front_findings = _front_matter(parsed.front, parsed.first_line + 1, text)
    reading = _Reading(parsed.first_line)
    reading.read(parsed.tokens)
    if not reading.blocks:
        reading.findings.append(Finding("note-empty", "the note says nothing"))
    timing = _beyond_end(reading.claims, front.duration_s)
    return Note(
        path=path,
        text=text,
        front=front,
        blocks=tuple(reading.blocks),
        claims=tuple(reading.claims),
        links=tuple(reading.links),
        findings=_bounded((*findings, *parsed.findings, *front_findings, *reading.findings, *timing)),
        encoding=encoding,
    )


def note_bytes(note: Note) -> bytes:
    """The file's bytes: those that were read, unless the text was changed. Raises NoteError where it was no text."""
    return encode_note(note.text, note.encoding)


def _front_matter(source: str | None, line: int, text: str) -> tuple[FrontMatter, tuple[Finding, ...]]:
    if source is not None:
        return read_front_matter(source, line)
    if text.lstrip("\ufeff \t\r\n").startswith("---"):
        return FrontMatter(), (Finding("front-matter-invalid", "the front matter is not closed", 1),)
    return FrontMatter(), (Finding("front-matter-missing", "the note has no front matter", 1),)


def _beyond_end(claims: Iterable[Claim], duration_s: float | None) -> list[Finding]:
    """Times after the end of the episode, where the front matter says how long it is.

    ``18:30:00`` in an episode of 40 minutes is 18 minutes and 30 seconds; without a duration nobody can tell.
    """
    found = []
    for claim in claims if duration_s else ():
        for seconds in claim.times_s:
            if duration_s and seconds > duration_s + 1:
                shifted = seconds % 60 == 0 and seconds / 60 <= duration_s
                rule = "timestamp-minutes-as-hours" if shifted else "timestamp-beyond-end"
                found.append(Finding(rule, f"{seconds:g} s in an episode of {duration_s:g} s", claim.line))
    return found


def _bounded(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """At most MAX_FINDINGS of each rule, the last of which says how many there are more."""
    totals = Counter(finding.rule for finding in findings)
    seen: Counter[str] = Counter()
    kept = []
    for finding in findings:
        seen[finding.rule] += 1
        if seen[finding.rule] < MAX_FINDINGS or totals[finding.rule] <= MAX_FINDINGS:
            kept.append(finding)
        elif seen[finding.rule] == MAX_FINDINGS:
            more = totals[finding.rule] - MAX_FINDINGS + 1
            kept.append(Finding(finding.rule, f"and {more} more of this kind from here on", finding.line))
    return tuple(kept)


class _Reading:
    """Walks the tokens of one note and collects what it says."""

    def __init__(self, first_line: int) -> None:
        self.first_line = first_line
        self.blocks: list[NoteBlock] = []
        self.claims: list[Claim] = []
        self.links: list[WikiLink] = []
        self.findings: list[Finding] = []
        self.heading = ""
        self.title: Prose | None = None  # of the callout that the next paragraph belongs to
        self.rows: list[Prose] = []
        self.cells: list[Prose] = []
        self.in_table = False

    def read(self, tokens: Sequence[Token]) -> None:
        parent = ""
        for token in tokens:
            if token.type == "inline":
                self._inline(token, parent)
            elif token.type == "table_open":
                self.in_table = True
            elif token.type == "tr_close":
                self.rows.append(join_prose(self.cells, " | "))
                self.cells = []
            elif token.type == "table_close":
                self._table()
            elif token.type == "callout_close":
                self._callout_end()
            parent = token.type

    def _inline(self, token: Token, parent: str) -> None:
        line = self.first_line + (token.map[0] if token.map else 0)
        children = token.children or []
        self._damage(token, line)
        if not (self.blocks or self.heading or self.in_table) and (skip := _from_line(children)):
            self.links += links_of(prose_of(children[:skip], line))
            line += sum(child.type == "softbreak" for child in children[:skip])
            children = children[skip:]
        prose = prose_of(children, line)
        if self.in_table:
            self.cells.append(prose)
        elif parent == "heading_open":
            self._heading(prose)
        elif parent == "callout_title_open":
            self.title = prose
        else:
            title, self.title = self.title, None
            self._block([title, prose] if title and title.text else [prose])

    def _heading(self, prose: Prose) -> None:
        self.heading = prose.text
        if prose.times:
            self._block([prose])
        else:
            self.links += links_of(prose)

    def _block(self, parts: Sequence[Prose]) -> None:
        """A paragraph, below the title of its callout if it has one: a title claims nothing unless it cites."""
        for part in parts:
            self.links += links_of(part)
            if part.times or part is parts[-1]:
                self.claims += claims_of(part, self.heading)
        self._add(join_prose(parts, "\n"))

    def _table(self) -> None:
        """All rows as one block, each but the head as a claim."""
        rows, self.rows, self.in_table = [row for row in self.rows if row.text], [], False
        for row in rows:
            self.links += links_of(row)
            if row.times or row is not rows[0]:
                self.claims.append(Claim(row.text, _distinct(row.times), row.line, self.heading))
        self._add(join_prose(rows, "\n"))

    def _add(self, prose: Prose) -> None:
        if prose.text:
            self.blocks.append(NoteBlock(prose.text, self.heading, _distinct(prose.times), prose.line))

    def _callout_end(self) -> None:
        if self.title:
            self._block([self.title])
            self.title = None

    def _damage(self, token: Token, line: int) -> None:
        counted = 0
        for child in token.children or ():
            for rule, message in child.meta.get("damage", ()):
                line += token.content.count("\n", counted, child.meta["offset"])
                counted = child.meta["offset"]
                self.findings.append(Finding(rule, message, line))


def _distinct(times: Iterable[tuple[int, float]]) -> tuple[float, ...]:
    return tuple(dict.fromkeys(seconds for _, seconds in times))


def _from_line(children: Sequence[Token]) -> int:
    """How many tokens the line ``From: [[show]] <br/>`` takes at the start of a note; it is a link, not a sentence."""
    if not children or children[0].type != "text" or not children[0].content.startswith("From:"):
        return 0
    linked = False
    for at, token in enumerate(children):
        content = token.content.removeprefix("From:") if at == 0 else token.content
        if token.type in {"hardbreak", "softbreak"}:
            following = children[at + 1 : at + 2]
            return at + 1 + bool(following and token.type == "hardbreak" and following[0].type == "softbreak")
        linked = linked or token.type == "wikilink"
        if token.type != "wikilink" and not (token.type == "text" and _BETWEEN_LINKS.fullmatch(content)):
            return 0
    return len(children) if linked else 0
