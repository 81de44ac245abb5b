"""The XML of a feed, from hostile bytes to two things: a plain copy for feedparser, and what feedparser would lose.

feedparser keeps the last of repeated elements, takes the title of a live item for the feed's, and costs some 50 µs an
element. So the feed is read once by expat (defusedxml: no entities), which counts elements and depth, notes the podcast
namespace (https://podcasting2.org/docs/podcast-namespace) and the links of paged feeds (RFC 5005), and writes down
only those fields of an episode that feedparser is asked for. A feed that is not well-formed is mended where the faults
are the usual ones; else feedparser reads it loosely, and the podcast namespace is looked for by its tags.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr

from ingest.errors import PermanentError
from ingest.hearing.captions.cues import Tally
from ingest.hearing.captions.decode import decode
from ingest.sources.info import label
from ingest.sources.listing import TranscriptLink
from ingest.sources.urls import shown
from kb.errors import CaptionError
from kb.transcripts.webvtt import unescape

MAX_ELEMENTS = 3_000_000
MAX_DEPTH = 100
MAX_ITEMS = 50_000
_MAX_FIELDS = 200  # of one episode that feedparser is to read
MAX_LINKS = 20  # transcripts of one episode
MAX_PEOPLE = 100
_MAX_LOOSE = 8_000_000  # characters, and
_MAX_LOOSE_TAGS = 100_000  # ... of a feed that is not well-formed: feedparser is slow with those
_MAX_FIELD = 60_000  # characters of a title, a description
_HEAD = 20_000  # characters in which the root element is looked for

ATOM = "http://www.w3.org/2005/Atom"
_PODCAST = (
    "https://podcastindex.org/namespace/1.0",
    "https://github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md",
)
_KINDS = {
    "": "",
    ATOM.casefold(): "",
    "http://purl.org/atom/ns#": "",
    "http://purl.org/rss/1.0/": "",
    "http://my.netscape.com/rdf/simple/0.9/": "",
    "http://backend.userland.com/rss2": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://search.yahoo.com/mrss/": "media",
    "http://search.yahoo.com/mrss": "media",
    **dict.fromkeys(_PODCAST, "podcast"),
}
_PREFIXES = {
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "media": "http://search.yahoo.com/mrss/",
}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_COMMON = _PREFIXES | {"podcast": _PODCAST[0], "atom": ATOM, "rdf": _RDF}
_OF_FEED = frozenset({":title", ":link", ":language", "itunes:new-feed-url"})
_TEXTS = "title link pubdate published issued updated modified description summary content enclosure guid id"
_OF_ITEM = frozenset(
    [f":{name}" for name in _TEXTS.split()]
    + ["itunes:title", "itunes:duration", "itunes:summary", "content:encoded", "media:content", "dc:date"]
)
_LONG = frozenset({":content", "content:encoded"})  # only where there is no shorter description
_SHORT = frozenset({":description", ":summary", "itunes:summary"})
_ATTRIBUTES = frozenset({"href", "rel", "type", "url", "length", "isPermaLink", "version", "fileSize"})


@dataclass(frozen=True, slots=True)
class Extras:
    """What the podcast namespace says of one episode, and its guid; addresses as written."""

    guid: str = ""
    transcripts: tuple[TranscriptLink, ...] = ()
    chapters: str = ""
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A page of a feed: ``text`` is for feedparser, ``items`` in the order of its entries; addresses as written.

    ``problem`` says where it is not well-formed XML; it is ``whole`` where nothing can have been lost by that.
    """

    text: str
    title: str = ""
    guid: str = ""
    next_page: str = ""
    new_address: str = ""
    people: tuple[str, ...] = ()
    items: tuple[Extras, ...] = ()
    problem: str = ""
    whole: bool = True


def outline(body: bytes, *, url: str) -> Outline:
    """Reads a page of a feed. Raises PermanentError where it is none, or of more or deeper elements than any feed."""
    where = shown(url)
    text = _text(body, where)
    _check_kind(text, where)
    try:
        return _read(text, where)
    except _BrokenError as error:
        problem = f"is not well-formed XML (line {error.line})"
    mended = _mended(text)
    try:
        return replace(_read(mended, where), problem=problem)
    except _BrokenError:
        return _loosely(mended, problem, where)


# --- bytes and text -------------------------------------------------------------------------------------------------

_DECLARATION = re.compile(rb"""\s*<\?xml[^<>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.-]{1,40})["']""")
_ENCODINGS = re.compile(
    r"iso-?8859-\d+|latin-?1|windows-\d+|cp\d+|koi8-[ru]|shift[_-]jis|sjis|euc-(jp|kr)|iso-2022-jp|gb(2312|k|18030)|big5",
    re.IGNORECASE,
)


def _text(body: bytes, where: str) -> str:
    """The text of a feed: what it declares to be, if that is true, else what it looks like."""
    if not body.strip():
        raise PermanentError("is empty", where=where, remedy="try again later")
    declared = _DECLARATION.match(body[:400])
    if declared and _ENCODINGS.fullmatch(name := declared[1].decode("ascii")):
        try:
            return body.decode(name)
        except (UnicodeError, LookupError):
            pass
    try:
        return decode(body, name=where, tally=Tally())
    except CaptionError as error:
        raise PermanentError("is no text, so no feed", where=where) from error


_ROOT = re.compile(r"<(?:[A-Za-z][\w.-]{0,20}:)?(rss|feed|rdf|channel|html|opml|urlset|sitemapindex)(?=[\s>/])", re.I)
_ALTERNATE = re.compile(r"<link\b[^<>]{0,500}application/(?:rss|atom)\+xml[^<>]{0,500}>", re.I)
_HREF = re.compile(r"""\bhref\s*=\s*["']?([^\s"'<>]{1,500})""", re.I)


def _check_kind(text: str, where: str) -> None:
    """Raises PermanentError for what is plainly something else."""
    root = _ROOT.search(text[:_HEAD])
    name = root[1].casefold() if root else ""
    if re.search(r"<!doctype\s+html", text[:1000], re.I) or name == "html":
        raise PermanentError("is a web page, not a feed", where=where, remedy=_remedy(text))
    if name == "opml":
        raise PermanentError("is a list of subscriptions, not a feed", where=where, remedy="hark opml import FILE")
    if name in {"urlset", "sitemapindex"}:
        raise PermanentError("is a site map, not a feed", where=where, remedy="name the feed's address")
    if not text.lstrip("\ufeff \t\n").startswith("<") and not root:
        what = "is JSON, not a feed" if text.lstrip()[:1] in {"{", "["} else "is no feed"
        raise PermanentError(what, where=where, remedy="name the address of an RSS or Atom feed")


def _remedy(page: str) -> str:
    link = _ALTERNATE.search(page[:200_000])
    href = _HREF.search(link[0]) if link else None
    if href:
        return f"it says that its feed is {label(unescape(href[1]))}"
    return "name the feed's address, or hark remove it and hark add it with --kind video"


# --- mending --------------------------------------------------------------------------------------------------------

_AMPERSAND = re.compile(r"&(?:(#\d{1,7};|#[xX][0-9A-Fa-f]{1,6};)|([A-Za-z][A-Za-z0-9]{0,31};))?")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_OF_XML = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})


def _mended(text: str) -> str:
    """``text`` without the usual faults: HTML's entities, bare ``&``, control characters, prefixes that nobody
    declared, and words of a web server before the root."""
    root = _ROOT.search(text[:_HEAD])
    text = _NO_XML.sub("", text[root.start() :] if root else text)
    head, *others = text.split("<![CDATA[")
    parts = [_AMPERSAND.sub(_entity, head)]
    for other in others:
        cdata, close, rest = other.partition("]]>")
        parts.append(cdata + close + _AMPERSAND.sub(_entity, rest))
    mended = "<![CDATA[".join(parts)
    opening = re.match(r"<[^\s<>/]+", mended)
    if not opening:
        return mended
    end = mended.find(">") + 1
    missing = [f' xmlns:{p}="{uri}"' for p, uri in _COMMON.items() if f"xmlns:{p}=" not in mended[:end]]
    return opening[0] + "".join(missing) + mended[opening.end() :]


def _entity(match: re.Match[str]) -> str:
    number, name = match[1], match[2]
    if number:
        code = int(number[2:-1], 16) if number[1] in "xX" else int(number[1:-1])
        return match[0] if 0 < code < 0x110000 and not _NO_XML.match(chr(code)) else ""
    if name is None:
        return "&amp;"
    if name in _OF_XML:
        return match[0]
    return escape(html.entities.html5[name]) if name in html.entities.html5 else f"&amp;{name}"


# --- well-formed feeds ----------------------------------------------------------------------------------------------


class _BrokenError(Exception):
    """What was to be read is not well-formed."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _read(text: str, where: str) -> Outline:
    """Raises _BrokenError."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser, ParseError

    target = _Outliner(where)
    parser = DefusedXMLParser(target=target)
    try:
        parser.feed(text.encode("utf-8", "replace").decode("utf-8"))
        parser.close()
    except DefusedXmlException as error:
        raise PermanentError("defines entities of its own, which no feed needs", where=where) from error
    except ParseError as error:
        raise _BrokenError(error.position[0]) from error
    return target.outline()


class _Outliner:
    """Receives the elements of a feed from the parser. Names are ``kind:local``, in lower case."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._depth = 0
        self._elements = 0
        self._own = ""  # the namespace of the root: some feeds have one of their own
        self._feed_at = 0  # the depth of <channel> or <feed>
        self._item_at = 0
        self._field_at = 0  # the depth of the field that is being written
        self._cut_at = 0  # the depth of what is passed over
        self._field = ""
        self._size = 0
        self._out: list[str] = []
        self._long: list[str] = []
        self._described = False
        self._fields = 0
        self._heard: list[str] | None = None  # the text of the element whose text is wanted
        self._heard_as = ""
        self._heard_at = 0
        self._closing: list[str] = []
        self._item = _Item()
        self._items: list[Extras] = []
        self._of_feed: dict[str, str] = {}
        self._people: list[str] = []

    # --- what the parser calls ---

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        self._check()
        if self._cut_at:
            return
        uri, _, local = tag.rpartition("}")
        if self._depth == 1:
            self._own = uri
        kind = "" if uri == self._own else _KINDS.get(uri[1:].casefold(), "?")
        name = f"{kind}:{local.casefold()}"
        if self._field_at:
            self._write(" ")
        elif kind == "podcast" and self._depth > 1:
            self._podcasting(local.casefold(), attributes)
            self._cut_at = self._depth
        elif self._item_at:
            self._in_item(name, attributes)
        elif name in {":item", ":entry"} and 1 < self._depth <= 3:
            self._start_item(local, attributes)
        elif self._depth == 1 or (name == ":channel" and self._depth == 2):
            self._start_container(local, uri[1:], attributes)
        elif name in _OF_FEED and self._depth == self._feed_at + 1:
            self._in_feed(name, attributes)
        else:
            self._cut_at = self._depth

    def data(self, text: str) -> None:
        if self._heard is not None:
            self._heard.append(text)
        if self._field_at and not self._cut_at:
            self._write(escape(text))
            if self._field in _SHORT and not self._described:
                self._described = bool(text.strip())

    def end(self, tag: str) -> None:
        if self._heard is not None and self._depth == self._heard_at:
            self._keep("".join(self._heard).strip())
        if self._cut_at == self._depth:
            self._cut_at = 0
        elif self._field_at == self._depth:
            self._sink().append(f"</{self._field.lstrip(':')}>")
            self._field_at = 0
        elif self._item_at == self._depth:
            self._end_item()
        elif not self._cut_at and not self._field_at and self._closing:
            self._out.append(self._closing.pop())
            self._feed_at = 0 if self._feed_at == self._depth else self._feed_at
        self._depth -= 1

    def close(self) -> None:
        """The parser asks for it."""

    def outline(self) -> Outline:
        """What there was."""
        return Outline(
            text="".join(self._out),
            title=self._of_feed.get(":title", ""),
            guid=self._of_feed.get("guid", ""),
            next_page=self._of_feed.get("next") or self._of_feed.get("prev-archive", ""),
            new_address=self._of_feed.get("itunes:new-feed-url", ""),
            people=tuple(dict.fromkeys(self._people)),
            items=tuple(self._items),
        )

    # --- its parts ---

    def _check(self) -> None:
        if self._depth > MAX_DEPTH:
            raise PermanentError(f"is nested more than {MAX_DEPTH} deep", where=self._where)
        if self._elements > MAX_ELEMENTS:
            raise PermanentError(f"has more than {MAX_ELEMENTS:,} elements", where=self._where)

    def _start_container(self, local: str, uri: str, attributes: Mapping[str, str]) -> None:
        """The root, or the channel in it."""
        name = "rdf:RDF" if local.casefold() == "rdf" else local
        spaces = ""
        if self._depth == 1:
            # without Atom's, by which feedparser would take anything for a feed
            own = "http://purl.org/rss/1.0/" if name == "rdf:RDF" else uri if name == "feed" else ""
            spaces = "".join(f" xmlns:{prefix}={quoteattr(to)}" for prefix, to in (_PREFIXES | {"rdf": _RDF}).items())
            spaces += f" xmlns={quoteattr(own)}" if own else ""
        self._out.append(f"<{name}{spaces}{_written(attributes)}>")
        self._closing.append(f"</{name}>")
        if local.casefold() in {"channel", "feed"}:
            self._feed_at = self._depth

    def _start_item(self, local: str, attributes: Mapping[str, str]) -> None:
        if len(self._items) >= MAX_ITEMS:
            self._cut_at = self._depth
            return
        self._item_at = self._depth
        self._item = _Item(guid=attributes.get(f"{{{_RDF}}}about", "").strip())
        self._described = False
        self._fields = 0
        self._long.clear()
        self._out.append(f"<{local.casefold()}>")
        self._closing.append(f"</{local.casefold()}>")

    def _end_item(self) -> None:
        self._out += [] if self._described else self._long
        self._out.append(self._closing.pop())
        self._items.append(self._item.extras())
        self._item_at = 0

    def _in_item(self, name: str, attributes: Mapping[str, str]) -> None:
        if name not in _OF_ITEM or self._fields >= _MAX_FIELDS:
            self._cut_at = self._depth
            return
        self._fields += 1
        if name in {":guid", ":id"}:
            self._hear("item guid")
        self._start_field(name, attributes)

    def _in_feed(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == ":link" and attributes.get("rel") in {"next", "prev-archive"}:
            self._of_feed.setdefault(attributes["rel"], attributes.get("href", ""))
        if name != ":link":
            self._hear(name)
        self._start_field(name, attributes)

    def _start_field(self, name: str, attributes: Mapping[str, str]) -> None:
        self._field_at, self._field, self._size = self._depth, name, 0
        self._sink().append(f"<{name.lstrip(':')}{_written(attributes)}>")

    def _sink(self) -> list[str]:
        return self._long if self._item_at and self._field in _LONG else self._out

    def _write(self, text: str) -> None:
        if self._size < _MAX_FIELD:
            self._size += len(text)
            self._sink().append(text)

    def _podcasting(self, local: str, attributes: Mapping[str, str]) -> None:
        in_item, in_feed = self._depth == self._item_at + 1, self._depth == self._feed_at + 1
        if self._item_at and in_item:
            self._item.note(local, attributes)
            if local == "person":
                self._hear("item person")
        elif in_feed and local in {"guid", "person"}:
            self._hear(local)

    def _hear(self, what: str) -> None:
        self._heard, self._heard_as, self._heard_at = [], what, self._depth

    def _keep(self, text: str) -> None:
        self._heard = None
        if self._heard_as == "item guid":
            self._item.guid = self._item.guid or text
        elif self._heard_as == "item person":
            self._item.people += [label(text)] if label(text) and len(self._item.people) < MAX_PEOPLE else []
        elif self._heard_as == "person":
            self._people += [label(text)] if label(text) and len(self._people) < MAX_PEOPLE else []
        elif text:
            self._of_feed.setdefault(self._heard_as, text)


class _Item:
    """The extras of one episode while it is read."""

    def __init__(self, guid: str = "") -> None:
        self.guid = guid
        self.people: list[str] = []
        self._transcripts: list[TranscriptLink] = []
        self._chapters = ""

    def note(self, local: str, attributes: Mapping[str, str]) -> None:
        """Takes a ``podcast:transcript`` or ``podcast:chapters``."""
        url = attributes.get("url", "").strip()
        if local == "chapters":
            self._chapters = self._chapters or url
        elif local == "transcript" and url and len(self._transcripts) < MAX_LINKS:
            media_type = label(attributes.get("type", "")).partition(";")[0].strip().casefold()
            captions = attributes.get("rel", "").strip().casefold() == "captions"
            self._transcripts.append(TranscriptLink(url, media_type, label(attributes.get("language", "")), captions))

    def extras(self) -> Extras:
        """What was noted."""
        return Extras(self.guid, tuple(self._transcripts), self._chapters, tuple(dict.fromkeys(self.people)))


def _written(attributes: Mapping[str, str]) -> str:
    """The attributes that feedparser is to see; XHTML was made text."""
    kept = ((name, value) for name, value in attributes.items() if name in _ATTRIBUTES)
    return "".join(f" {name}={quoteattr(value[:_MAX_FIELD])}" for name, value in kept if value != "xhtml")


# --- feeds that are not ---------------------------------------------------------------------------------------------

_ITEM = re.compile(r"<(?:item|entry)(?=[\s>])", re.IGNORECASE)
_TAG = re.compile(r"<podcast:(transcript|chapters|person|guid)\b([^<>]{0,5000})>([^<]{0,500})", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([A-Za-z]{1,20})\s{0,9}=\s{0,9}(?:"([^"<>]{0,3000})"|'([^'<>]{0,3000})')""")


def _loosely(text: str, problem: str, where: str) -> Outline:
    if len(text) > _MAX_LOOSE or text.count("<") > _MAX_LOOSE_TAGS:
        raise PermanentError(f"{problem}, and too large to be read all the same", where=where)
    head, *chunks = _ITEM.split(text)
    guid = next((unescape(words).strip() for local, _, words in _tags(head) if local == "guid"), "")
    return Outline(
        text=text, guid=guid, items=tuple(map(_loose_extras, chunks[:MAX_ITEMS])), problem=problem, whole=False
    )


def _loose_extras(chunk: str) -> Extras:
    item = _Item()
    for local, attributes, words in _tags(chunk):
        item.note(local, attributes)
        if local == "person" and (name := label(unescape(words))):
            item.people.append(name)
    return item.extras()


def _tags(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    for match in _TAG.finditer(text):
        attributes = {m[1].casefold(): unescape(m[2] or m[3] or "") for m in _ATTRIBUTE.finditer(match[2])}
        yield match[1].casefold(), attributes, match[3]
