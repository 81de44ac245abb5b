"""What a wiki-link points to: names compared as people write them, and who links to whom."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kb.model import WikiLink

# Spelling that carries no meaning in a name. Full stops go too (gpt_35 is GPT-3.5: slugs drop them); + and # stay,
# or C, C++ and C# were one page.
_DROPPED = frozenset("_'\"`´’‘‚“”„‹›«»,;:.!?¡¿()…·")
_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Pd", "Zs", "Zl", "Zp"})
_SIMPLE = re.compile(r"[A-Za-z0-9_ -]*")
_SIMPLE_DROPPED = str.maketrans("", "", "_ -")

Links = Iterable[tuple[str, Sequence[WikiLink]]]  # a note's path and its links
_Matched = Literal["path", "name", "title", "alias"]


@lru_cache(maxsize=65536)
def fold(name: str) -> str:
    """The key of a name, without regard to case, spaces, underscores, hyphens, apostrophes and Unicode form.

    Equal keys mean the same page. A name of nothing but such characters keeps them.
    """
    if _SIMPLE.fullmatch(name):
        key = name.translate(_SIMPLE_DROPPED).lower()
    else:
        flat = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
        key = "".join(c for c in flat if c not in _DROPPED and unicodedata.category(c) not in _DROPPED_CATEGORIES)
        key = unicodedata.normalize("NFKC", key)  # a mark may stand beside another letter now
    return key or " ".join(name.split())


@dataclass(frozen=True, slots=True)
class NamedPage:
    """A note and the names it goes by. ``path`` is relative to ``notes/``: ``show/slug.md``."""

    path: str
    title: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Backlink:
    """``source`` links to the page with ``link``."""

    source: str
    link: WikiLink


class LinkTable:
    """Resolves the targets of wiki-links to paths.

    An exact path wins, then a page in the linking note's folder, then one elsewhere; among these the file name before
    the title before an alias, the same spelling before another, and the lesser path where all else is equal.
    """

    def __init__(self, pages: Iterable[NamedPage]) -> None:
        self._paths: dict[str, list[str]] = defaultdict(list)
        self._names: dict[str, list[tuple[_Matched, str, str]]] = defaultdict(list)
        for page in sorted(pages, key=lambda page: page.path):
            self._paths[_fold_path(page.path)].append(page.path)
            for matched, name in _names_of(page):
                self._names[fold(name)].append((matched, name, page.path))

    def resolve(self, target: str, from_path: str = "") -> str | None:
        """The path of the page, or None where no page has such a name. ``from_path`` is the note with the link.

        An empty target (``[[#heading]]``) is the note itself.
        """
        target = target.strip()
        if not target:
            return from_path or None
        folder = posixpath.dirname(from_path)
        if path := self._by_path(target, folder) if "/" in target else self._at_top(target):
            return path
        # A path that is not there is not searched by its last part: a page of that name elsewhere is another page.
        found = self._names.get(fold(target)) or self._names.get(fold(_stem(target))) or []
        return min(found, key=lambda name: _rank(name, target, folder))[2] if found else None

    def _at_top(self, target: str) -> str | None:
        """A page at the top of the notes whose whole path this is."""
        paths = self._paths.get(_fold_path(target), ())
        return next((path for path in paths if _stem(path) == _stem(target)), None)

    def _by_path(self, target: str, folder: str) -> str | None:
        """The page at this path: from the top, from the linking note's folder, or as the end of one path."""
        written = posixpath.normpath(target.lstrip("/"))
        near = posixpath.normpath(posixpath.join(folder, target)) if not target.startswith("/") else written
        for candidate in (written, near):
            if paths := self._paths.get(_fold_path(candidate)):
                return min(paths, key=lambda path: (_stem(path) != _stem(candidate), path))
        ending = "/" + _fold_path(written)
        named = self._names.get(fold(_stem(written.rsplit("/", 1)[-1])), ())
        ends = [path for matched, _, path in named if matched == "name" and ("/" + _fold_path(path)).endswith(ending)]
        return min(ends, default=None)


def _names_of(page: NamedPage) -> list[tuple[_Matched, str]]:
    names: list[tuple[_Matched, str]] = [("name", _stem(page.path.rsplit("/", 1)[-1]))]
    names += [("title", page.title)] if page.title else []
    return names + [("alias", alias) for alias in page.aliases if alias.strip()]


def _rank(found: tuple[_Matched, str, str], name: str, folder: str) -> tuple[bool, int, bool, str]:
    matched, spelling, path = found
    order = ("path", "name", "title", "alias").index(matched)
    return posixpath.dirname(path) != folder, order, spelling != name, path


def _stem(path: str) -> str:
    return path[:-3] if path.lower().endswith(".md") else path


def _fold_path(path: str) -> str:
    return "/".join(fold(part) if part not in {".", ".."} else part for part in _stem(path).split("/"))


def backlinks(table: LinkTable, links: Links) -> dict[str, tuple[Backlink, ...]]:
    """Who links to each page: path to backlinks, by source and line. A page's links to itself are left out."""
    found: dict[str, list[Backlink]] = defaultdict(list)
    for source, of_source in sorted(links, key=lambda pair: pair[0]):
        for link in of_source:
            page = table.resolve(link.target, source)
            if page is not None and page != source:
                found[page].append(Backlink(source, link))
    return {page: tuple(of_page) for page, of_page in sorted(found.items())}


def wanted(table: LinkTable, links: Links) -> tuple[tuple[str, int], ...]:
    """Targets that no page answers to and how many links ask for them, most wanted first.

    Spellings of one name count together and show as the most frequent of them.
    """
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for source, of_source in links:
        for link in of_source:
            if link.target and table.resolve(link.target, source) is None:
                spellings[_fold_path(link.target)][link.target] += 1
    counted = [(_most_frequent(of_key), of_key.total()) for of_key in spellings.values()]
    return tuple(sorted(counted, key=lambda pair: (-pair[1], pair[0])))


def _most_frequent(spellings: Counter[str]) -> str:
    return min(spellings, key=lambda spelling: (-spellings[spelling], spelling))
