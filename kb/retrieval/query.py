"""What a person types -> what to search for.

Words, ``"an exact phrase"``, and filters: ``show:``, ``speaker:``, ``after:``, ``before:``, ``kind:quote`` or
``kind:note``; a filter's value of several words stands in quotes, ``speaker:"Ada Moor"``. Dates are ``2024``,
``2024-03`` or ``2024-03-15``: ``after:`` includes the first day named, ``before:`` excludes it. What is malformed is
searched as plain words, with a remark.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace

from kb.model import PassageKind

LONGEST_QUERY = 2_000  # characters
MOST_WORDS = 64  # a longer question says no more to the ranking

_PART = re.compile(r'(?:(?P<key>[A-Za-z]+):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))')
_WORD = re.compile(r"[^\W_]+")  # as the lexical index cuts them
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", re.ASCII)
# What a question is made of beside what it is about. It counts in the ranking, where it was measured to help (a host
# reads a listener's question aloud), but a sentence that holds nothing else of the query is no answer.
_ASKING = """about am can could did do does from had has have he her him his how i it its may me might must my our she
should so tell them us was we were what when where which who whom whose why would you your"""
ASKING = frozenset(_ASKING.split())
_KEYS = ("show", "speaker", "after", "before", "kind")


@dataclass(frozen=True, slots=True)
class Query:
    """A query understood. ``text`` is what is embedded: the words and phrases without the filters."""

    raw: str
    text: str = ""
    words: tuple[str, ...] = ()  # of ``text``, lower case, each once, in order
    phrases: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    after: dt.date | None = None
    before: dt.date | None = None
    kind: PassageKind | None = None
    remarks: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.words


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, in order."""
    return tuple(_WORD.findall(text.lower()))


def parse_query(raw: str) -> Query:
    """Never raises: what cannot be understood is searched as plain words, and ``remarks`` says so."""
    typed = "".join(c if c.isprintable() else " " for c in raw[:LONGEST_QUERY]).strip()
    query = Query(raw=typed)
    if len(raw) > LONGEST_QUERY:
        query = _remark(query, f"only the first {LONGEST_QUERY} characters of the query were read")
    if typed.count('"') % 2:
        query = _remark(query, "a quotation mark is not closed: searched as plain words")
        typed = typed[::-1].replace('"', " ", 1)[::-1]
    plain: list[str] = []
    for part in _PART.finditer(typed):
        query = _take(query, part, plain)
    distinct = tuple(dict.fromkeys(words_of(" ".join(plain))))
    if len(distinct) > MOST_WORDS:
        query = _remark(query, f"only the first {MOST_WORDS} words were searched for")
    return replace(query, text=" ".join(plain), words=distinct[:MOST_WORDS])


def _take(query: Query, part: re.Match[str], plain: list[str]) -> Query:
    """One part of the query: a filter goes into the query, all else into ``plain``."""
    key, quoted, bare = (part["key"] or "").lower(), part["quoted"], part["bare"]
    value = (bare if quoted is None else quoted).strip()
    if key in _KEYS:
        filtered = _filter(query, key, value)
        if filtered is not None:
            return filtered
        plain.append(f"{key} {value}")
        return _remark(query, f"{part[0]} is no filter ({_expected(key)}): searched as plain words")
    plain.append(f"{key} {value}".strip())
    if quoted is not None and not key and words_of(value):
        return replace(query, phrases=(*query.phrases, value))
    return query


def _filter(query: Query, key: str, value: str) -> Query | None:
    """The query with one filter more, or None where the value makes none."""
    day = _first_day(value)
    match key:
        case "show" if value:
            return replace(query, shows=(*query.shows, value))
        case "speaker" if value:
            return replace(query, speakers=(*query.speakers, value))
        case "after" | "before" if day:
            return replace(query, after=day) if key == "after" else replace(query, before=day)
        case "kind" if value.lower() in ("quote", "note"):
            return replace(query, kind="quote" if value.lower() == "quote" else "note")
    return None


def _first_day(value: str) -> dt.date | None:
    """The first day of a year, a month or a day, or None."""
    match = _DATE.fullmatch(value)
    if not match:
        return None
    try:
        return dt.date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None


def _expected(key: str) -> str:
    return {
        "after": "a date such as 2024-03-15 is expected",
        "before": "a date such as 2024-03-15 is expected",
        "kind": "quote or note is expected",
    }.get(key, "a name is expected")


def _remark(query: Query, text: str) -> Query:
    return replace(query, remarks=(*query.remarks, text))
