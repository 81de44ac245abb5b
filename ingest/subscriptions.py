"""The sources that a library follows, as ``[[sources]]`` in its ``hark.toml``.

    [[sources]]
    url = "https://example.org/feed.xml"    # or a channel's address, or a folder: relative to the library, or not
    show = "Leader Tape"                    # the rest may be left out
    newest = 20

Nothing is fetched here. What the file says is checked as it is read: a key that was mistyped is told, not ignored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, NoReturn
from urllib.parse import parse_qs, quote, urlsplit

from ingest.sources.urls import MAX_ADDRESS, shown, without_login
from ingest.sync_settings import SyncSettings, load_sync_settings
from ingest.tomlfile import edit, read_table, with_entries, without_entries
from kb.errors import ConfigError
from kb.settings import SETTINGS_FILE

__all__ = [
    "KINDS",
    "MAX_FOLDERS",
    "SourceKind",
    "Subscription",
    "SyncSettings",
    "add_subscription",
    "add_subscriptions",
    "checked",
    "folder_path",
    "identities",
    "identity",
    "is_web_address",
    "join_folder",
    "kind_of",
    "load_subscriptions",
    "load_sync_settings",
    "remove_subscription",
    "shown",
    "split_folder",
    "subscription_to",
]

SourceKind = Literal["feed", "video", "folder"]
KINDS: tuple[SourceKind, ...] = ("feed", "video", "folder")
MAX_FOLDERS = 20  # one in another
_SOURCES = "sources"
_MAX_NAME = 300  # characters of a show's name
_MAX_FOLDER = 2000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One of them. ``url`` is its identity: an address, or for a folder its path as the person wrote it."""

    url: str
    kind: SourceKind
    show: str = ""  # what a person calls it; its own title where empty
    folder: str = ""  # where a podcast app had it, "News/Daily"
    newest: int = 0  # take only so many of its newest episodes; 0: all
    audio: bool = False  # keep the recordings in media/
    allow_private: bool = False  # addresses in this network are allowed


# --- what hark.toml has -----------------------------------------------------------------------------------------------


def load_subscriptions(root: Path) -> tuple[Subscription, ...]:
    """Those of a library, in their order. Raises NotALibraryError, and ConfigError that names entry and key."""
    path = root / SETTINGS_FILE
    entries = read_table(root).get(_SOURCES, [])
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise ConfigError("sources must be tables", where=str(path), remedy="write each under its own [[sources]]")
    found: dict[str, int] = {}
    subscriptions = []
    for number, entry in enumerate(entries, 1):
        subscription = _subscription(entry, f"{path}, source {number}")
        first = found.setdefault(identity(subscription.url), number)
        if first != number:
            raise ConfigError(
                f"is source {first} again: {shown(subscription.url)}",
                where=f"{path}, source {number}",
                remedy="delete one of the two",
            )
        subscriptions.append(subscription)
    return tuple(subscriptions)


def add_subscription(root: Path, subscription: Subscription) -> bool:
    """Writes one more into ``hark.toml``; False where it is there already. Raises what ``add_subscriptions`` does."""
    return bool(add_subscriptions(root, [subscription]))


def add_subscriptions(root: Path, subscriptions: Sequence[Subscription]) -> tuple[Subscription, ...]:
    """Writes those that are not there yet into ``hark.toml``, in one go, and returns them.

    Raises NotALibraryError, ConfigError where one of them or the file is not right, LibraryBusyError, LibraryError.
    """
    wanted = [checked(one) for one in subscriptions]
    added: list[Subscription] = []

    def change(text: str) -> str:
        known = {identity(one.url) for one in load_subscriptions(root)}
        added.clear()
        for one in wanted:
            if identity(one.url) not in known:
                known.add(identity(one.url))
                added.append(one)
        return with_entries(text, _SOURCES, [_entry(one) for one in added])

    edit(root, change)
    return tuple(added)


def checked(subscription: Subscription) -> Subscription:
    """The same as it stands in ``hark.toml``. Raises ConfigError where it may not stand there."""
    return _subscription(_entry(subscription), shown(subscription.url))


def remove_subscription(root: Path, url: str) -> bool:
    """Takes one out of ``hark.toml``; False where it is not there. What was taken in from it stays.

    Raises NotALibraryError, ConfigError where the file is no TOML or cannot be edited, LibraryBusyError, LibraryError.
    """
    key = identity(url)

    def unwanted(entry: Mapping[str, Any]) -> bool:
        return isinstance(entry.get("url"), str) and identity(entry["url"]) == key

    return edit(root, lambda text: without_entries(text, _SOURCES, unwanted))


def folder_path(root: Path, subscription: Subscription) -> Path:
    """The folder of a subscription of that kind: a relative one is meant from the library."""
    return root / Path(subscription.url).expanduser()


# --- one entry ------------------------------------------------------------------------------------------------------


def _entry(subscription: Subscription) -> dict[str, Any]:
    """A table for ``hark.toml``: what is as always is left out."""
    given = {field.name: (field.default, getattr(subscription, field.name)) for field in fields(subscription)}
    return {key: value for key, (usual, value) in given.items() if value != usual}


def _subscription(entry: Mapping[str, Any], where: str) -> Subscription:
    url = _Given(entry, where).line("url", MAX_ADDRESS)
    if not url:
        _Given(entry, where).refuse("url", "is missing", "say what to follow")
    given = _Given(entry, where if shown(url) in where else f"{where} ({shown(url)})")
    given.only(field.name for field in fields(Subscription))
    kind = given.line("kind", _MAX_NAME) or kind_of(url)
    if kind not in KINDS:
        given.refuse("kind", f"must be one of {', '.join(KINDS)}, not {kind!r:.60}")
    _check_url(given, url, kind)
    return Subscription(
        url=url,
        kind=kind,
        show=given.line("show", _MAX_NAME),
        folder=_checked_folder(given),
        newest=given.number("newest"),
        audio=given.switch("audio"),
        allow_private=given.switch("allow_private"),
    )


def _check_url(given: _Given, url: str, kind: str) -> None:
    if kind != "folder" and not is_web_address(url):
        given.refuse("url", "is no http or https address", 'a folder has kind = "folder"')
    if kind == "folder":
        try:
            Path(url).expanduser()
        except RuntimeError:
            given.refuse("url", "names the home of nobody", "write the whole path")


def _checked_folder(given: _Given) -> str:
    folder = given.line("folder", _MAX_FOLDER)
    if len(split_folder(folder)) > MAX_FOLDERS:
        given.refuse("folder", f"is more than {MAX_FOLDERS} folders deep")
    return folder


class _Given:
    """The values of one table, each asked for by its kind. All raise ConfigError, which names the entry and the key."""

    def __init__(self, entry: Mapping[str, Any], where: str) -> None:
        self._entry = entry
        self._where = where

    def refuse(self, key: str, what: str, remedy: str = "mend it") -> NoReturn:
        raise ConfigError(f"{key} {what}", where=self._where, remedy=remedy)

    def line(self, key: str, most: int) -> str:
        """A text of at most so many characters without control characters; empty where it is not given."""
        value = self._entry.get(key, "")
        if not isinstance(value, str):
            self.refuse(key, f"must be a text, not {value!r:.60}", "put it in quotes")
        if len(value) > most or _CONTROL.search(value):
            self.refuse(key, f"must be one line of at most {most} characters")
        return value.strip()

    def number(self, key: str) -> int:
        """A whole number of 0 or more; 0 where it is not given."""
        value = self._entry.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.refuse(key, f"must be a whole number of 0 or more, not {value!r:.60}")
        return value

    def switch(self, key: str) -> bool:
        """True or false; false where it is not given."""
        value = self._entry.get(key, False)
        if not isinstance(value, bool):
            self.refuse(key, f"must be true or false, not {value!r:.60}")
        return value

    def only(self, known: Iterable[str]) -> None:
        """Refuses a key that is none of these."""
        known = tuple(known)
        for key in self._entry:
            if key not in known:
                self.refuse(f"{key!r:.60}", "is not known here", f"known are {', '.join(known)}")


# --- addresses --------------------------------------------------------------------------------------------------------

# Known by their host, with www. or m. before it. Others are asked for with kind = "video".
_VIDEO_SITES = (
    "youtube.com youtu.be music.youtube.com youtube-nocookie.com vimeo.com dailymotion.com twitch.tv ted.com "
    "media.ccc.de rumble.com odysee.com bitchute.com bilibili.com nebula.tv soundcloud.com mixcloud.com"
)
_VIDEO_HOSTS = frozenset(_VIDEO_SITES.split())
_FEED_PATH = re.compile(r"\.(?:xml|rss|atom)$|/(?:rss|feed|feeds)(?:/|$)|podcast-\w+\.xml", re.IGNORECASE)
_FEED_SCHEME = re.compile(r"(?:feed|itpc|pcast|podcast):(?://)?", re.IGNORECASE)
_WEB = re.compile(r"https?://[^\s<>\"\x00-\x1f\x7f]+", re.IGNORECASE)
_USUAL_PORTS = {"http": 80, "https": 443}
_YOUTUBE_FEEDS = {"channel_id": "channel/", "playlist_id": "playlist?list=", "user": "user/"}


def subscription_to(address: str, *, kind: str = "") -> Subscription:
    """A subscription to an address as people and their apps write it: ``feed://example.org/rss``, ``youtu.be/x``.

    The feed that YouTube has of a channel lists no captions: the channel itself is followed instead.
    """
    url = _web_form(address.strip())
    if _plain_host(url) == "youtube.com" and urlsplit(url).path == "/feeds/videos.xml" and kind != "feed":
        asked = parse_qs(urlsplit(url).query)
        for key, path in _YOUTUBE_FEEDS.items():
            if key in asked:
                url = f"https://www.youtube.com/{path}{quote(asked[key][0], safe='')}"
                break
    return Subscription(url=url, kind=kind or kind_of(url))  # type: ignore[arg-type]  # checked when it is added


def _web_form(address: str) -> str:
    scheme = _FEED_SCHEME.match(address)
    if scheme:
        rest = address[scheme.end() :]
        return rest if _WEB.match(rest) else f"https://{rest}"
    if "://" not in address and _plain_host(f"https://{address}") in _VIDEO_HOSTS:
        return f"https://{address}"
    return address


def kind_of(url: str) -> SourceKind:
    """What an address leads to, as far as it tells: a folder, a site of videos, else a feed."""
    if not re.match(r"[a-z][a-z0-9+.-]+:", url, re.IGNORECASE):
        return "folder"
    if _plain_host(url) in _VIDEO_HOSTS and not _FEED_PATH.search(_path(url)):
        return "video"
    return "feed"


def is_web_address(url: str) -> bool:
    """Whether it is an http or https address with a host. Whether that host may be asked is the client's to say."""
    return len(url) <= MAX_ADDRESS and bool(_WEB.fullmatch(url)) and bool(_plain_host(url))


def identity(url: str) -> str:
    """What two ways to write one address have in common; of a path, the path without a needless ``./`` or ``/``."""
    if not is_web_address(url):
        return os.path.normpath(url)
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    port = "" if parts.port in (None, _USUAL_PORTS[parts.scheme]) else f":{parts.port}"
    host = _plain_host(url) if _plain_host(url) in _VIDEO_HOSTS else (parts.hostname or "").rstrip(".")
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"//{login}@{host}{port}{parts.path or '/'}{query}{fragment}"


def identities(url: str) -> frozenset[str]:
    """What a source may be called by: its address, that without a name and password, or as it is shown."""
    return frozenset(map(identity, (url, without_login(url), shown(url))))


def _plain_host(url: str) -> str:
    """The host in lower case without ``www.`` or ``m.``; empty where the address cannot be taken apart."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".") if parts.port != 0 else ""
    except ValueError:
        return ""
    return re.sub(r"^(?:www|m)\.", "", host)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


# --- folders of a podcast app -----------------------------------------------------------------------------------------


def join_folder(names: Iterable[str]) -> str:
    r"""Folders, each in the one before it, as one text: ``News/Daily``. A slash in a name is written ``\/``."""
    return "/".join(re.sub(r"[\\/]", r"\\\g<0>", name) for name in names if name)


def split_folder(folder: str) -> tuple[str, ...]:
    """The names that ``join_folder`` joined."""
    names = re.findall(r"(?:\\[\\/]|[^/])+", folder)
    return tuple(re.sub(r"\\([\\/])", r"\1", name).strip() for name in names if name.strip())
