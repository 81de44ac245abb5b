"""Words that are misheard time and again, put right: what a person lists under ``[corrections]`` in ``hark.toml``.

Whole words in what is said and in the names of who says it; never a title, which somebody wrote. A correction written
in lower case finds capitals too and keeps a capital at the start; any other is found only as it stands. All are looked
for in one pass, the longest first, so none is applied to what another has written; and where what was meant stands
already ("Brad Tolinski" for "Tolinski"), it stays.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.files import sha256
from kb.model import Transcript
from kb.settings import Corrections, Rules

CORRECTING_VERSION = 1  # a new one looks at all transcripts again
# Scripts that are written without spaces: there, a word has no edge to look for.
_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_EDGED = re.compile(rf"[^\W{_NO_SPACES}]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was put right: the ``segment``, -1 for the episode; in its ``part``, from character ``at`` on."""

    segment: int
    part: str  # "text", "speaker" or a number among the episode's speakers
    at: int
    meant: str


@dataclass(frozen=True, slots=True)
class Corrected:
    """A transcript put right, the places, and the ``used`` rules: these alone give the same again."""

    transcript: Transcript
    places: frozenset[Place] = frozenset()
    used: Rules = ()


def rules_key(rules: Rules) -> str:
    """What tells one list of corrections from another; empty for none."""
    return _key(rules) if rules else ""


def corrections_key(corrections: Corrections) -> str:
    """What tells all the corrections of a library from others; empty for none."""
    return _key(corrections) if corrections != Corrections() else ""


def _key(value: object) -> str:
    return sha256(f"{CORRECTING_VERSION} {value!r}".encode("utf-8", "replace"))


def may_apply(rules: Rules, text: str) -> bool:
    """Whether anything in ``text``, a transcript as a file, could be put right: quick, and sure where it says no."""
    folded = text.casefold()
    return any(_has_words(folded, heard) for heard, _ in rules)


def _has_words(folded: str, form: str) -> bool:
    """Whether all words of ``form`` are somewhere: a file has spaces and marks in other forms."""
    return all(word in folded for word in re.findall(r"\w+", form.casefold()))


def _concerned(transcript: Transcript, rules: Rules) -> Rules:
    """The rules of which what is misheard may be there: the fewer, the faster."""
    said = "\n".join(segment.text for segment in transcript.segments)
    names = {*transcript.episode.speakers, *(segment.speaker for segment in transcript.segments)}
    folded = "\n".join([said, *names]).casefold()
    return tuple((heard, meant) for heard, meant in rules if _has_words(folded, heard))


def correct(transcript: Transcript, rules: Rules) -> Corrected:
    """``transcript`` with all ``rules`` (what is misheard, and what was meant) applied, each place once."""
    rules = _concerned(transcript, rules) if rules else ()
    if not rules:
        return Corrected(transcript)
    finder = _Finder(rules)
    episode = transcript.episode
    speakers = tuple(finder.put_right(name, -1, str(at)) for at, name in enumerate(episode.speakers))
    segments = tuple(
        replace(
            segment,
            text=finder.put_right(segment.text, at, "text"),
            speaker=finder.put_right(segment.speaker, at, "speaker"),
        )
        for at, segment in enumerate(transcript.segments)
    )
    if not finder.places:
        return Corrected(transcript, used=finder.used())
    speakers = tuple(dict.fromkeys(speakers)) if speakers != episode.speakers else speakers
    found = replace(transcript, episode=replace(episode, speakers=speakers), segments=segments)
    return Corrected(found, frozenset(finder.places), finder.used())


class _Finder:
    """All rules as one expression, and what it found."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._exact = {heard: meant for heard, meant in rules if not _is_lower(heard)}
        self._folded = {heard.casefold(): meant for heard, meant in rules if _is_lower(heard)}
        self._stays = {meant for _, meant in rules if self._meant(meant) is None}
        self._pattern = re.compile("|".join(self._alternatives()))
        self._used: set[str] = set()
        self.places: list[Place] = []

    def _alternatives(self) -> Iterator[str]:
        forms = [(heard, _is_lower(heard)) for heard, _ in self._rules] + [(meant, False) for meant in self._stays]
        for form, any_case in sorted(forms, key=lambda pair: (-len(pair[0]), pair)):
            words = r"\s+".join(map(re.escape, form.split(" ")))
            before = r"(?<!\w)" if _EDGED.match(form[0]) else ""
            after = r"(?!\w)" if _EDGED.match(form[-1]) else ""
            yield f"{before}(?i:{words}){after}" if any_case else f"{before}{words}{after}"

    def _meant(self, found: str) -> str | None:
        exact = self._exact.get(found)
        return self._folded.get(found.casefold()) if exact is None else exact

    def put_right(self, text: str, segment: int, part: str) -> str:
        """``text`` with what is misheard replaced, and the places noted."""
        if not text:
            return text
        at: list[tuple[int, str]] = []
        new = self._pattern.sub(lambda match: self._replaced(match, at), text)
        self.places += [Place(segment, part, start, meant) for start, meant in at]
        return new

    def _replaced(self, match: re.Match[str], at: list[tuple[int, str]]) -> str:
        found = " ".join(match[0].split())
        self._used.add(found)
        meant = self._meant(found)
        if meant is None or _goes_on(match):
            return match[0]
        if found[0].isupper() and meant[0].islower() and found not in self._exact:
            meant = meant[0].upper() + meant[1:]
        if meant != match[0]:
            at.append((match.start(), meant))
        return meant

    def used(self) -> Rules:
        """The rules of which either side was found."""
        folded = {found.casefold() for found in self._used}
        return tuple(
            (heard, meant)
            for heard, meant in self._rules
            if meant in self._used or (heard.casefold() in folded if _is_lower(heard) else heard in self._used)
        )


def _is_lower(heard: str) -> bool:
    return heard == heard.lower()


def _goes_on(match: re.Match[str]) -> bool:
    """Whether a mark follows that belongs to the last letter: an accent, a vowel sign."""
    after = match.string[match.end() : match.end() + 1]
    return after != "" and unicodedata.category(after).startswith("M")


def changed_places(before: Iterable[Place], after: Iterable[Place]) -> int:
    """At how many places two corrections of one transcript differ."""
    old, new = ({(p.segment, p.part, p.at): p.meant for p in places} for places in (before, after))
    return sum(old.get(where) != new.get(where) for where in old.keys() | new.keys())


def as_rules(pairs: Sequence[Sequence[str]]) -> Rules:
    """Rules from JSON."""
    return tuple((str(heard), str(meant)) for heard, meant in pairs)
