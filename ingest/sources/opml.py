"""OPML, by which podcast apps and readers hand over what they follow (http://opml.org/spec2.opml).

An outline with an ``xmlUrl`` is a subscription, one without is a folder for those in it. Read leniently: titles stand
in ``title`` or ``text``, a bare ``feeds`` around everything (Pocket Casts, Overcast) is no folder, episodes that some
apps list below a feed are passed over, and a stray ``&`` in a title is mended. What a stranger's file may not say is
that addresses of this network are allowed, or that a folder of this disk is followed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html.entities import html5
from typing import TYPE_CHECKING

from ingest.errors import PermanentError
from ingest.sources.urls import shown
from ingest.subscriptions import (
    MAX_FOLDERS,
    Subscription,
    checked,
    identity,
    is_web_address,
    join_folder,
    split_folder,
    subscription_to,
)
from kb.errors import ConfigError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 20_000_000
MAX_SUBSCRIPTIONS = 10_000
_GROUP = "feeds"  # what some apps call the one outline around all others
_VIDEO = "video"  # the type we give a channel: it is no feed, and others pass it over
_STRAY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)(\w{1,32};)?")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Opml:
    """What a file lists, in its order; each feed once. ``passed_over`` says what cannot be followed, a line each."""

    subscriptions: tuple[Subscription, ...]
    title: str = ""
    passed_over: tuple[str, ...] = ()


def read_opml(data: bytes, *, where: str = "") -> Opml:
    """The subscriptions in an OPML file. Raises PermanentError where it is none."""
    if len(data) > MAX_BYTES:
        raise PermanentError(f"is larger than {MAX_BYTES // 1_000_000} MB", where=where)
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException

    try:
        try:
            return _parse(data.lstrip())
        except DefusedXmlException:
            raise
        except (ParseError, LookupError, ValueError):  # the last two: an encoding that expat does not know
            return _parse(_mended(data))
    except ParseError as error:
        raise PermanentError(f"is no OPML: {error}", where=where, remedy="export it again") from None
    except DefusedXmlException:
        raise PermanentError("defines entities, and is not read", where=where, remedy="export it again") from None
    except _NotOpmlError as error:
        raise PermanentError(str(error), where=where, remedy="name a file that a podcast app exported") from None


def write_opml(subscriptions: Iterable[Subscription], title: str) -> bytes:
    """An OPML file of subscriptions, folders within folders. Those to folders of this disk are left out."""
    import xml.etree.ElementTree as ET

    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = _xml(title)
    folders: dict[tuple[str, ...], Element] = {(): ET.SubElement(root, "body")}
    for subscription in subscriptions:
        if subscription.kind != "folder":
            parent = _folder(folders, split_folder(subscription.folder))
            ET.SubElement(parent, "outline", _attributes(subscription))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


# --- reading --------------------------------------------------------------------------------------------------------


class _NotOpmlError(Exception):
    """It is XML, and something else than OPML; or too much of it."""


class _Outlines:
    """Gathers what expat tells; no tree is built, so a file that is nested deeply costs no more than its bytes."""

    def __init__(self) -> None:
        self._open: list[str] = []  # the folders around this place; "" for an element that is none
        self._tags: list[str] = []
        self._title: list[str] = []
        self._found: dict[str, Subscription] = {}
        self._passed_over: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        tag = _local(tag)
        if not self._tags and tag != "opml":
            raise _NotOpmlError(f"is no OPML, but {'a web page' if tag == 'html' else f'<{tag[:40]}>'}")
        self._tags.append(tag)
        self._open.append(self._outline(attributes) if tag == "outline" else "")

    def end(self, tag: str) -> None:
        self._tags.pop()
        self._open.pop()

    def data(self, text: str) -> None:
        if self._tags == ["opml", "head", "title"]:
            self._title.append(text)

    def close(self) -> Opml:
        return Opml(tuple(self._found.values()), _label("".join(self._title)), tuple(self._passed_over))

    def _outline(self, attributes: Mapping[str, str]) -> str:
        """Takes a subscription; the name of a folder, or an empty text."""
        given = {_local(name): value for name, value in attributes.items()}
        title = _label(given.get("title")) or _label(given.get("text"))
        if given.get("xmlurl"):
            self._take(given["xmlurl"].strip(), title)
            return ""
        if given.get("type") == _VIDEO and given.get("url"):
            self._take(given["url"].strip(), title, kind=_VIDEO)
            return ""
        is_group = title.lower() == _GROUP and "title" not in given and self._tags[-2] == "body"
        return "" if is_group else title

    def _take(self, address: str, title: str, kind: str = "") -> None:
        subscription = subscription_to(address, kind=kind)
        if subscription.kind == "folder" or not is_web_address(subscription.url):
            self._passed_over.append(f"{title or 'a feed'}: {_label(shown(address))} is no web address")
            return
        if len(self._found) >= MAX_SUBSCRIPTIONS:
            raise _NotOpmlError(f"lists more than {MAX_SUBSCRIPTIONS:,} feeds")
        folder = join_folder([name for name in self._open if name][:MAX_FOLDERS])
        show = "" if title == _label(address) else title
        try:
            taken = checked(replace(subscription, show=show, folder=folder))
        except ConfigError as error:  # one that could not be added would keep out all others
            self._passed_over.append(f"{title or 'a feed'}: {error.what}")
        else:
            self._found.setdefault(identity(taken.url), taken)


def _parse(data: bytes) -> Opml:
    from defusedxml.ElementTree import DefusedXMLParser

    parser = DefusedXMLParser(target=_Outlines())
    parser.feed(data)
    found = parser.close()
    assert isinstance(found, Opml)
    return found


def _mended(data: bytes) -> bytes:
    """The same in UTF-8, with what apps that glue text together get wrong put right."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    text = _DECLARATION.sub("", _NOT_XML.sub("", text))
    return _STRAY.sub(_escaped, text).strip().encode()


def _escaped(stray: re.Match[str]) -> str:
    name = stray[1] or ""
    return html.escape(html5[name]) if name in html5 else f"&amp;{name}"


def _local(name: str) -> str:
    """A tag or an attribute in lower case, without its namespace."""
    return name.rpartition("}")[2].lower()


def _label(value: object) -> str:
    from ingest.sources.info import label

    return label(value)


# --- writing --------------------------------------------------------------------------------------------------------


def _folder(folders: dict[tuple[str, ...], Element], path: tuple[str, ...]) -> Element:
    """The outline of a folder, made with those around it where it is not there."""
    import xml.etree.ElementTree as ET

    if path not in folders:
        name = _xml(path[-1])
        folders[path] = ET.SubElement(_folder(folders, path[:-1]), "outline", {"text": name, "title": name})
    return folders[path]


def _attributes(subscription: Subscription) -> dict[str, str]:
    """A title is written for those that have one; ``text``, which every outline must have, is else the address."""
    url = _xml(subscription.url)
    titled = {"title": _xml(subscription.show)} if subscription.show else {}
    text = {"text": _xml(subscription.show) or url, **titled}
    return text | ({"type": "rss", "xmlUrl": url} if subscription.kind == "feed" else {"type": _VIDEO, "url": url})


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)
