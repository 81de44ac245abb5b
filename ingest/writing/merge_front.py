"""Merges the head of a note key by key; see ``ingest.writing.merge``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kb.notes.frontmatter import UnreadableYamlError, read_yaml, yaml_scalar, yaml_value

_KEY = re.compile(r"(?P<key>[^\s#:'\"\[\]{}&*!|>%@`,?-][^:\n]{0,80}?)\s*:(?=\s|$)")
_LISTS = ("aliases", "speakers")  # what Hark and a person add to such a list does not contradict
_HARKS_OWN = "generated"  # by what, from what: a person who changed or removed it is not asked about it

_Found = tuple[str, str, str, str]  # key; what base, new and mine have


@dataclass(frozen=True, slots=True)
class Head:
    """The head merged: as ``ingest.writing.merge.Merged``, of which each is a part."""

    text: str
    proposed: str
    base: str
    conflicts: tuple[_Found, ...] = ()


def cut_front(text: str) -> tuple[str, str]:
    """The front matter with its dashes and the rest; the first is empty where there is none, or it is not closed."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    if not lines or lines[0].rstrip() != "---":
        return "", text
    for at, line in enumerate(lines[1:], start=1):
        if line.rstrip() in ("---", "..."):
            head = "".join(lines[: at + 1])
            return head, text[len(head) :]
    return "", text


def merge_front(base: str, new: str, mine: str) -> Head:
    """Merges three heads with their dashes, each perhaps empty."""
    if mine in (base, new):
        return Head(new, new, new)
    if new == base:
        return Head(mine, mine, base)
    was, now, own = (_entries(head) for head in (base, new, mine))
    if was is None or now is None or own is None:
        return Head(mine, new, base, (("front matter", base, new, mine),))
    return _by_key(was, now, own, mine)


def _entries(head: str) -> dict[str, str] | None:
    """The lines of each key, comments and lists below it among them; None where it cannot be told, or is no YAML."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", head)[1:-1]
    entries: dict[str, str] = {}
    key = ""
    for line in lines:
        if found := _KEY.match(line):
            key = found["key"]
            if key in entries:
                return None
            entries[key] = line
        elif key or not line.strip() or line.startswith("#"):
            entries[key] = entries.get(key, "") + line
        else:
            return None
    try:
        read = read_yaml("".join(lines))
    except UnreadableYamlError:
        return None
    return entries if head and set(read) == set(entries) - {""} else None


def _by_key(base: dict[str, str], new: dict[str, str], mine: dict[str, str], head: str) -> Head:
    texts: list[dict[str, str]] = [dict(mine), dict(mine), dict(new)]  # text, proposed, base
    conflicts: list[_Found] = []
    for key in dict.fromkeys([*mine, *new, *base]):
        b, n, m = base.get(key), new.get(key), mine.get(key)
        if m == b:
            values = n, n, n
        elif n in (b, m):
            values = m, m, n
        elif key in _LISTS and (row := _list_of_both(key, b, n, m)):
            values = row, row, n
        elif key == _HARKS_OWN:
            values = m, m, n
        else:
            values = m, n, b
            conflicts.append((key, b or "", n or "", m or ""))
        for entries, value in zip(texts, values, strict=True):
            _set(entries, key, value, list(new))
    text, proposed, kept = (_written(entries, head) for entries in texts)
    return Head(text, proposed, kept, tuple(conflicts))


def _set(entries: dict[str, str], key: str, value: str | None, order: list[str]) -> None:
    """Sets a key where it stands; a new one goes behind the key that it follows in ``order``, else to the end."""
    if value is None:
        entries.pop(key, None)
        return
    if key in entries or key not in order:
        entries[key] = value
        return
    before = next((other for other in reversed(order[: order.index(key)]) if other in entries), None)
    rest = list(entries.items())
    at = next((place for place, (other, _) in enumerate(rest, start=1) if other == before), len(rest))
    entries.clear()
    entries.update([*rest[:at], (key, value), *rest[at:]])


def _written(entries: dict[str, str], head: str) -> str:
    lines = re.findall(r"[^\n]*\n|[^\n]+", head)
    inside = "".join(text if text.endswith("\n") else f"{text}\n" for text in entries.values())
    return f"{lines[0]}{inside}{lines[-1]}"


def _list_of_both(key: str, base: str | None, new: str | None, mine: str | None) -> str | None:
    """The person's list with what Hark added, without what it took away; None where that cannot be said."""
    lists = [_items(key, text) for text in (base, new, mine)]
    if any(found is None for found in lists) or new is None or (mine is None and lists[0]):
        return None
    was, now, own = (found or [] for found in lists)
    gone = [item for item in was if item not in now and item in own]
    merged = [item for item in own if item not in gone] + [i for i in now if i not in was and i not in own]
    return f"{yaml_scalar(key)}: {yaml_value(merged)}\n"


def _items(key: str, text: str | None) -> list[str] | None:
    if text is None:
        return []
    found = read_yaml(text).get(key)
    if found == "":
        return []
    if not isinstance(found, list) or "#" in text or not all(isinstance(item, str) for item in found):
        return None
    return [item for item in found if isinstance(item, str)]
