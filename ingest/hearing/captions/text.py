"""Plain text and Markdown with times: each line is a turn, the head of one, or goes on with it.

[00:01:02] Ann: text          a time, perhaps a range, perhaps a name, text
Ann: 00:01:02                 a head; the paragraphs under it are the turn
**Ann:** text                 a turn without a time, perhaps with marks ``\\[01:02\\]`` within
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.hearing.captions.cues import Cue, Reading, Tally, bounded
from ingest.hearing.captions.front import front_matter
from ingest.hearing.captions.names import find_names, is_proper, split_name
from kb.errors import CaptionError
from kb.timecode import parse_clock

_CLOCK = r"(?:\d{1,3}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?"
_RANGE = rf"({_CLOCK})(?:[ \t]*(?:-->|-|–|—|to)[ \t]*({_CLOCK}))?"
_SEPARATOR = r"[ \t]*(?:[-–—|:][ \t]+)?"
_BRACKETED = re.compile(rf"[\[(]{_RANGE}[\])]{_SEPARATOR}")
_BARE = re.compile(rf"{_RANGE}(?=[ \t]|$){_SEPARATOR}")
_NAME = r"([^\s:\[\]()#][^:\[\]()\n]{0,58}?)[ \t]*"
_HEAD = re.compile(rf"{_NAME}(:?)[ \t]+[\[(]?({_CLOCK})[\])]?:?[ \t]*$")
_NAME_AND_TIME = re.compile(rf"{_NAME}(:?)[\[(]({_CLOCK})[\])][ \t]*:?[ \t]+(?=\S)")
_BOLD = re.compile(r"(?:\*\*|__)([^*_\n]{1,80}?)[ \t]*(?::[ \t]*(?:\*\*|__)|(?:\*\*|__)[ \t]*:)[ \t]*")
_INLINE = re.compile(rf"\[({_CLOCK})\][ \t]*")
_ESCAPE = re.compile(r"\\([\[\]()*_#.`~!+-])")
_SKIPPED = re.compile(r"#{1,6}[ \t]|[-*_][ \t]*(?:[-*_][ \t]*){2,}$|<!--|!\[|```")
_MIN_WORDS_A_MINUTE = 15.0  # people say 100 to 200; a list of chapters has two or three


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file, or the part of it from a mark on; None where it says nothing of time or speaker."""

    number: int
    text: str
    start_s: float | None = None
    end_s: float | None = None
    speaker: str | None = None


def read_text(text: str, name: str, tally: Tally) -> Reading:
    """Raises CaptionError where there are no times, or so little between them that it is no transcript."""
    if "yt-timestamp" in text:
        raise CaptionError("is a note, not a transcript", where=name, remedy="hark import reads notes")
    if "[Script Info]" in text[:200]:
        raise CaptionError("is an ASS subtitle file, which Hark does not read", where=name, remedy="save it as SRT")
    episode, head = front_matter(text, tally)
    lines = list(_lines(text.split("\n")[head:], head))
    cues = bounded(_turns(_with_names(lines), tally), name)
    _check(cues, tally, name)
    return Reading(cues, episode, names_settled=True)


def _check(cues: Sequence[Cue], tally: Tally, name: str) -> None:
    marks = [at for at, cue in enumerate(cues) if cue.start_s is not None]
    if not marks or (len(marks) == 1 and any(finding.rule == "preamble" for finding in tally.findings())):
        raise CaptionError("has no times", where=name, remedy="a transcript says when each thing was said")
    times = [cue.start_s for cue in cues if cue.start_s is not None]
    words = sum(len(cue.text.split()) for cue in cues[marks[0] : marks[-1]])
    if words < (max(times) - min(times)) / 60 * _MIN_WORDS_A_MINUTE:
        raise CaptionError("has times with too little text between them: chapters or show notes", where=name)


# --- lines ----------------------------------------------------------------------------------------------------------


def _lines(raw: Sequence[str], before: int) -> Iterator[_Line]:
    shown = [_ESCAPE.sub(r"\1", line.strip()) for line in raw]
    leading = _BRACKETED if any(_BRACKETED.match(line) for line in shown) else _BARE
    last = 0.0
    for number, line in enumerate(shown, before + 1):
        if not line or _SKIPPED.match(line):
            continue
        for part in _split_at_marks(_line(line, number, leading), last):
            last = max(last, part.start_s or 0.0)
            yield part


def _line(text: str, number: int, leading: re.Pattern[str]) -> _Line:
    if match := leading.match(text):
        start, end = parse_clock(match[1]), parse_clock(match[2] or "")
        if start is not None:
            speaker, rest = _bold_name(text[match.end() :])
            return _Line(number, rest, start, end, speaker)
    speaker, rest = _bold_name(text)
    if speaker is not None:
        at = _HEAD.match(speaker)
        return _Line(number, rest, parse_clock(at[3]), None, at[1]) if at else _Line(number, rest, speaker=speaker)
    match = _HEAD.match(text) or _NAME_AND_TIME.match(text)
    if match and (is_proper(match[1]) or match[2]) and (start := parse_clock(match[3])) is not None:
        return _Line(number, text[match.end() :], start, None, match[1])
    return _Line(number, text)


def _bold_name(text: str) -> tuple[str | None, str]:
    match = _BOLD.match(text)
    return (match[1].strip(), text[match.end() :]) if match else (None, text)


def _split_at_marks(line: _Line, last: float) -> Iterator[_Line]:
    """``line``, cut at each ``[MM:SS]`` within it that does not go back: "as at [02:10]" is text."""
    begin, part = 0, line
    for match in _INLINE.finditer(line.text):
        start = parse_clock(match[1])
        if start is None or start < max(last, part.start_s or 0.0):
            continue
        if held := line.text[begin : match.start()].strip():
            yield replace(part, text=held)
            part = _Line(line.number, "")
        begin, part = match.end(), replace(part, start_s=start, end_s=None)
    yield replace(part, text=line.text[begin:].strip())


def _with_names(lines: Sequence[_Line]) -> Iterator[_Line]:
    """``lines`` with ``Name: text`` understood, unless the file names its speakers in another way."""
    if any(line.speaker for line in lines):
        yield from lines
        return
    texts = [line.text for line in lines if line.text]
    names = find_names(texts, texts)
    for line in lines:
        name, rest = split_name(line.text)
        yield replace(line, speaker=name, text=rest) if name in names else line


# --- turns ----------------------------------------------------------------------------------------------------------


def _turns(lines: Iterator[_Line], tally: Tally) -> Iterator[Cue]:
    turn: list[_Line] = []
    speaker = ""
    for line in lines:
        if line.start_s is not None or line.speaker is not None:
            if turn:
                yield _turn(turn, speaker)
            speaker = line.speaker if line.speaker is not None else speaker
            turn = [line]
        elif turn:
            turn.append(line)
        else:
            tally.note("preamble", "lines before the first time or name are not read", line.number)
    if turn:
        yield _turn(turn, speaker)


def _turn(lines: Sequence[_Line], speaker: str) -> Cue:
    first = lines[0]
    return Cue(first.start_s, first.end_s, "\n".join(line.text for line in lines), speaker, first.number)
