"""Who speaks, where captions say so as ``Name: text``.

A colon alone proves nothing (``Note: ...``, ``Step 2: ...``). A name is taken for one where it is consistent with
being one through the file: most cues begin with a name, or the same names come back. Where names stand only at a
change of speaker (as Podcasting 2.0 asks of SRT), what follows belongs to the one named last.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ingest.hearing.captions.cues import Cue

_PREFIX = re.compile(r"\s*+(?:>>++\s*+|-\s++)?\[?([^\s:\[\]][^:\[\]\n]{0,58}?)\]?[ \t]*:(?:\s+|$)")
_CHANGE = re.compile(r"^\s*+>>++\s*+")  # broadcasters' mark for another, unnamed, speaker
_PROPER_WORD = re.compile(r"[\w&(@#][\w.'’&()/@#-]*")
_HANDLE = re.compile(r"[a-z0-9][\w.-]{1,29}")
_PARTICLE_LIST = "al and bin d' da de del della den der di dos du e el ibn la le of the van von y zu &"
_PARTICLES = frozenset(_PARTICLE_LIST.split())
# A second line of defence, and an English one: the first is that names come back.
_NOT_NAME_LIST = """
    a also an and answer answers april august because bonus but captions case chapter conclusion cons copyright date
    december disclaimer ed email episode example examples fact february figure finally first friday from hello here hi
    hint how http https i ingredients is it item january july june lesson link links listen look march may meaning
    monday music my myth next no note notes november october ok okay option our part point problem pros ps question
    questions re remember result rule saturday second section september so solution source sources step subject
    subtitles summary sunday table thanks that the then there these third this those thursday time tip title to today
    todo tomorrow track transcript translation translator tuesday update url warning we website wednesday welcome well
    what when where which who why yes yesterday you your
"""
_NOT_NAMES = frozenset(_NOT_NAME_LIST.split())


def name_speakers(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """``cues`` with the names at the beginning of their lines taken off and given to them, if they are names."""
    names = find_names([line for cue in cues for line in cue.text.split("\n")], [cue.text for cue in cues])
    return tuple(_named(cues, names)) if names else tuple(map(_without_marks, cues))


def find_names(lines: Iterable[str], texts: Sequence[str]) -> frozenset[str]:
    """The names that stand before a colon at the beginning of ``lines``, out of the cues' ``texts``."""
    found = Counter(name for line in lines if (name := split_name(line)[0]))
    if not found or not texts:
        return frozenset()
    firsts = [split_name(text)[0] for text in texts]
    named = [name for name in firsts if name and (is_proper(name) or _is_odd(name, found[name]))]
    if len(named) * 5 >= len(texts) * 4:
        return frozenset(name for name, n in found.items() if is_proper(name) or _is_odd(name, n))
    return _returning_names(found, firsts, texts)


def _returning_names(found: Counter[str], firsts: Sequence[str], texts: Sequence[str]) -> frozenset[str]:
    """Where names stand only at a change of speaker: those that return, and those among them that cannot be words."""
    proper = {name: n for name, n in found.items() if is_proper(name)}
    returning = {name for name, n in proper.items() if n > 1}
    often = sum(proper[name] for name in returning) * 20 >= len(texts)
    if not returning or not (often or firsts[0] in proper):
        return frozenset()
    words = frozenset(word for text in texts for word in re.findall(r"\w+", text) if word.islower())
    once = {name for name in proper if name not in returning and (" " in name or name.casefold() not in words)}
    return frozenset(returning | once)


def split_name(line: str) -> tuple[str, str]:
    """What stands before a colon at the beginning of ``line`` and what follows; an empty name where nothing does."""
    match = _PREFIX.match(line)
    return (" ".join(match[1].split()), line[match.end() :]) if match else ("", line)


def is_proper(name: str) -> bool:
    """Capitalised words, numbers and particles, up to six: ``Dr. Ana de la Cruz``, ``Speaker 1``, ``Tim (he/him)``."""
    words = name.split()
    if len(words) > 6 or not any(char.isalpha() for char in name) or (_is_no_name(words)):
        return False
    if words[0][0].islower():
        return False
    return all(_is_proper_word(word) for word in words)


def _is_no_name(words: Sequence[str]) -> bool:
    first = words[0].casefold().rstrip(".")
    return first in _NOT_NAMES and not (len(words) == 1 and len(first) == 1)  # Q: and A: are speakers


def _is_proper_word(word: str) -> bool:
    if word.endswith(".") and len(word) > 4:  # Dr. and Jr., but not the end of a sentence
        return False
    inner = word.lstrip("(")
    capital = not inner[:1].islower() or word.startswith("(")
    return word in _PARTICLES or (capital and _PROPER_WORD.fullmatch(word) is not None) or word == "|"


def _is_odd(name: str, count: int) -> bool:
    """A user's handle or a device's name that came back: believed only where most cues begin with a name."""
    words = name.split()
    return count > 1 and (_HANDLE.fullmatch(name) is not None or len(words) <= 4) and not _is_no_name(words)


def _named(cues: Sequence[Cue], names: frozenset[str]) -> Iterator[Cue]:
    speaker = ""
    for cue in cues:
        speaker = "" if _CHANGE.match(cue.text) else speaker
        held: list[str] = []
        for line in cue.text.split("\n"):
            name, rest = split_name(line)
            if name in names:
                if any(part.strip() for part in held):
                    yield replace(cue, text="\n".join(held), speaker=speaker)
                speaker, held = name, [rest]
            else:
                held.append(_CHANGE.sub("", line, count=1))
        yield replace(cue, text="\n".join(held), speaker=speaker)


def _without_marks(cue: Cue) -> Cue:
    return replace(cue, text=_CHANGE.sub("", cue.text, count=1)) if ">>" in cue.text else cue
