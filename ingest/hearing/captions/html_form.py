"""Podcasting 2.0 HTML: ``<cite>Name:</cite> <time>0:53</time> <p>what was said</p>``.

Cut at tags by one expression that is linear in any input. html.parser of Python 3.11 takes a time that grows with the
square of a hostile page (CVE-2025-6069), and captions come from outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.hearing.captions.cues import Cue, Reading, Tally, bounded
from kb.errors import CaptionError
from kb.timecode import parse_clock
from kb.transcripts.webvtt import unescape

_PIECE = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})[^<>]*>|<[!?][^<>]*>|([^<]+|<)")
_HIDDEN = frozenset({"script", "style", "head", "title", "nav", "footer", "template", "noscript"})
_MARKED = frozenset({"cite", "time"})
_BLOCKS = frozenset({"p", "div", "li", "blockquote", "section", "article", "br", "h1", "h2", "h3", "h4", "h5", "h6"})


def is_html(text: str) -> bool:
    return text[:200].lstrip().startswith("<")


def read_html(text: str, name: str, tally: Tally) -> Reading:
    if re.match(r"\s*<(?:\?xml|tt\b|transcript\b|timedtext\b|rss\b)", text[:500]):
        raise CaptionError("is XML, which Hark does not read", where=name, remedy="get the captions as WebVTT or SRT")
    cues = bounded(_cues(text), name)
    if not any(cue.start_s is not None for cue in cues):
        raise CaptionError("is a web page without times", where=name, remedy="a transcript has <time> before each <p>")
    return Reading(_after_preamble(cues, tally), names_settled=any(cue.speaker for cue in cues))


def _after_preamble(cues: tuple[Cue, ...], tally: Tally) -> tuple[Cue, ...]:
    first = next(at for at, cue in enumerate(cues) if cue.start_s is not None or cue.speaker)
    if first:
        tally.note("preamble", "paragraphs before the first name or time are not read", cues[0].line, first)
    return cues[first:]


def _cues(text: str) -> Iterator[Cue]:
    """A cue for each <time> or <cite>: all paragraphs up to the next one."""
    mark, speaker, start, line = "", "", None, 1
    marked, said, said_at = "", "", 1
    for closing, tag, words in _pieces(text):
        line += words.count("\n")
        if mark and tag == mark and closing:
            if said.strip():
                yield Cue(start, None, unescape(said), speaker, said_at)
                start = None
            said, label = "", unescape(marked).strip()
            if mark == "cite":
                speaker = label.rstrip(":").rstrip()
            else:
                start = parse_clock(label)
            mark, marked = "", ""
        elif tag in _MARKED and not closing:
            mark, marked = tag, ""
        elif mark:
            marked += words
        elif tag in _BLOCKS:
            said += " "
        elif words:
            said_at = said_at if said.strip() else line
            said += words
    if said.strip():
        yield Cue(start, None, unescape(said), speaker, said_at)


def _pieces(text: str) -> Iterator[tuple[bool, str, str]]:
    """``(closing, tag, "")`` and ``(False, "", words)``, without what a page does not show."""
    hidden = ""
    for match in _PIECE.finditer(text):
        tag, words = (match[2] or "").casefold(), match[3] or ""
        if hidden:
            hidden = "" if match[1] and tag == hidden else hidden
            yield False, "", "\n" * words.count("\n")
        elif tag in _HIDDEN and not match[1]:
            hidden = tag
        elif tag or words:
            yield bool(match[1]), tag, words
