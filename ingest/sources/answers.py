"""What an answer says in its status and headers. Anybody may have written them: what is kept is bounded, checked."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin

from ingest.errors import PermanentError, TemporaryError
from ingest.sources.addresses import check_address
from ingest.sources.urls import shown

if TYPE_CHECKING:
    from requests import Response

_MAX_HEADER = 1_000  # characters of a header that is kept
_LONGEST_WAIT_S = 7 * 86_400.0
_MOVED = frozenset({301, 302, 303, 307, 308})
_PASSES = frozenset({408, 425, 429})  # these and 5xx may be answered otherwise next time
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_SAYS = {
    401: "asks for a name and password",
    402: "asks for payment",
    403: "refuses access",
    404: "is not there",
    410: "is gone for good",
    429: "asks for fewer requests",
    451: "is withheld for legal reasons",
    503: "is not available at the moment",
}


def kept_header(value: str | None) -> str:
    """A header's value, if it is one that can be kept and sent back."""
    return value if value and len(value) <= _MAX_HEADER and re.fullmatch(r"[!-~][ -~]*", value) else ""


def on_the_way(error: Exception) -> str:
    """What went wrong on the way, in words."""
    import requests
    from urllib3.exceptions import NameResolutionError, NewConnectionError

    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, NameResolutionError):
        return "the server's name is not known, or the network is down"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server cannot show that it is the one that is asked for (its certificate is not accepted)"
    if isinstance(reason, NewConnectionError):
        return "the server cannot be reached"
    if isinstance(error, requests.Timeout):
        return "the server does not answer in time"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "what the server sent cannot be unpacked"
    return "the connection broke off"


def onward_from(response: Response, here: str) -> str:
    """Where a redirect leads; empty where the answer is none. Name and password go along on the same server only."""
    location = response.headers.get("Location", "")
    if response.status_code not in _MOVED or not location:
        return ""
    with contextlib.suppress(UnicodeError):  # http.client reads headers as Latin-1, servers mostly write UTF-8
        location = location.encode("latin-1").decode("utf-8")
    try:
        onward = urljoin(here, location.strip().replace(" ", "%20")).partition("#")[0]
        old, new = check_address(here), check_address(onward)
    except (PermanentError, ValueError):
        return location.strip()  # is refused as the next hop
    if "@" in old.netloc and "@" not in new.netloc and _same_server(old, new):
        return new._replace(netloc=f"{old.netloc.rpartition('@')[0]}@{new.netloc}").geturl()
    return onward


def _same_server(old: SplitResult, new: SplitResult) -> bool:
    """Whether a password for the one may be told to the other; from http to https on the usual ports it may."""
    if old.hostname != new.hostname:
        return False
    ports = {"http": 80, "https": 443}
    pair = (old.port or ports[old.scheme], new.port or ports[new.scheme])
    return (old.scheme == new.scheme and pair[0] == pair[1]) or (old.scheme == "http" and pair == (80, 443))


def is_weaker(old: str, new: str) -> bool:
    return old.startswith("https:") and not new.startswith("https:")


def failure(response: Response, url: str) -> TemporaryError | PermanentError:
    status = response.status_code
    what = (
        f"{_SAYS.get(status, 'answers with an error' if status >= 400 else 'answers otherwise than asked')} ({status})"
    )
    if status in _PASSES or status >= 500:
        wait = retry_after(response.headers.get("Retry-After", ""), now=time.time())
        return TemporaryError(what, where=shown(url), retry_after_s=wait)
    remedy = "check the name and password in its address" if status == 401 else ""
    return PermanentError(what, where=shown(url), remedy=remedy)


def retry_after(value: str, *, now: float) -> float | None:
    """The seconds that a Retry-After asks for, of which a week is believed; None where it says nothing."""
    text = value.strip()
    if re.fullmatch(r"\d{1,12}(\.\d{0,6})?", text, re.ASCII):
        return min(float(text), _LONGEST_WAIT_S)
    try:
        moment = email.utils.parsedate_to_datetime(text[:100])
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return min(max(moment.timestamp() - now, 0.0), _LONGEST_WAIT_S)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None


def length(response: Response) -> int:
    """The bytes that are announced, 0 where they are not known."""
    text = response.headers.get("Content-Length", "")
    return 0 if is_packed(response) or not re.fullmatch(r"\d{1,18}", text, re.ASCII) else int(text)


def is_packed(response: Response) -> bool:
    return response.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity")


def media_type_of(response: Response) -> tuple[str, str]:
    """(media type, character set), in lower case."""
    value = response.headers.get("Content-Type", "")[:_MAX_HEADER].lower()
    charset = re.search(r";\s*charset=[\"']?([\w.:-]{1,40})", value, re.ASCII)
    media_type = value.partition(";")[0].strip()
    return (
        media_type if re.fullmatch(r"[\w.+-]+/[\w.+-]+", media_type, re.ASCII) else "",
        charset[1] if charset else "",
    )


def is_page(media_type: str, start: bytes) -> bool:
    return media_type in _PAGES or start.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))
