"""Addresses as text: what of one is shown to people, and what of one tells the same thing tomorrow."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

MAX_ADDRESS = 8_000  # characters; signed addresses of recordings are long
_SHOWN = 200  # characters of an address in a message
_SHOWN_PATH = 1_000  # ... and of a folder's path
_TELLING = frozenset({"feed", "format", "lang", "list", "p", "page", "v"})  # which thing is meant; no secrets
_SIGNED = re.compile(
    r"(x-amz-|x-goog-|expires?$|exp$|e$|signature$|sig$|token$|policy$|key-pair-id$|hdn)", re.IGNORECASE
)


def shown(url: str) -> str:
    """The address for a person's eyes: no name and password, and of its query, often a secret, only what is none.

    The path of a folder stays as it is, up to a question mark.
    """
    clean = "".join(char for char in url if char.isprintable()).strip()
    try:
        parts = urlsplit(clean)
        _ = parts.port  # a password with a slash in it looks like a host and a port
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme and host:
        text = f"{parts.scheme}://{host}{parts.path}"
    else:
        place = clean.partition("?")[0]
        text = place.rpartition("@")[2] if ":" in place or host else place
    most = _SHOWN if parts.scheme or host else _SHOWN_PATH
    return text[:most] + ("…" if len(text) > most else "") + _shown_query(parts.query)


def _shown_query(query: str) -> str:
    given = query.split("&") if query else []
    told = [one for one in given if one.partition("=")[0] in _TELLING and len(one) <= _SHOWN]
    return "?" + "&".join([*told, "…"] if len(told) < len(given) else told) if given else ""


def without_login(url: str) -> str:
    """An address without the name and password in it; any other text as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url


def unsigned(url: str) -> str:
    """An address without the parameters that a server signs anew for everybody who asks."""
    place, mark, query = url.partition("?")
    kept = [one for one in query.split("&") if not _SIGNED.match(one.partition("=")[0])] if mark else []
    return f"{place}?{'&'.join(kept)}" if kept else place
