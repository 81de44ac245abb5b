"""yt-dlp's errors as ours: one line, what it means, and whether to try again. Knows yt-dlp by its messages alone."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.errors import IngestError, PermanentError, TemporaryError
from ingest.sources.fetch import retry_after
from kb.errors import DiskFullError, HarkError

HOUR_S = 3600.0
_MAX_CHARACTERS = 300
_COOKIES = 'set "cookiefile" or "cookiesfrombrowser" under [ytdlp] in hark.toml'
_UPDATE = "try again later; where it stays so, update yt-dlp"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as yt-dlp reported it, and the exception that it was handling then."""

    text: str
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class _Meaning:
    """A pattern of yt-dlp's messages and what it stands for. ``retry_after_s`` None: it does not pass by itself.

    ``alone`` as in TemporaryError.
    """

    pattern: str
    what: str
    remedy: str = ""
    retry_after_s: float | None = None
    alone: bool = False


_ADVICE = (
    r"[;.,]? *(please report this|confirm you are on the latest|use --|see +https?://|you might want to use a vpn)"
)
_BY_STATE = "it comes when it is over"
_MEANINGS = (
    _Meaning(r"not a bot|captcha|too many requests|rate.?limit|try again later", "the site asks for patience",
             f"or {_COOKIES}", HOUR_S),
    _Meaning(r"will begin in|premieres? in|premiere will|has not (yet )?started|starting soon|is upcoming",
             "is not there yet", _BY_STATE, HOUR_S, alone=True),
    _Meaning(r"not currently live|is offline", "is not live now", "", HOUR_S, alone=True),
    _Meaning(r"members?.only|join this channel|channel's members|subscribers? only|requires payment|premium",
             "is for members only", _COOKIES),
    _Meaning(r"private", "is private", _COOKIES),
    _Meaning(r"confirm your age|age.?restrict|inappropriate", "is for adults only", _COOKIES),
    _Meaning(r"in your country|geo.?restrict|your location|your region", "is not offered in this country"),
    _Meaning(r"\bdrm\b", "is encrypted"),
    _Meaning(r"did not get any data", "comes empty"),
    _Meaning(r"unsupported url|no suitable extractor", "is no page that yt-dlp knows",
             "look for the feed of the show, and add that"),
    _Meaning(r"does not have a \w+ tab|no videos|there are no entries|playlist does not exist", "lists no videos"),
    _Meaning(r"removed|deleted|terminated|no longer available|does(n't| not) exist|unavailable|n't available|not found",
             "is not there any more"),
    _Meaning(r"log ?in|sign in|registered users|account", "is only for those who have an account", _COOKIES),
    _Meaning(r"cookies", "the cookies cannot be read", 'look at "cookiefile" and "cookiesfrombrowser" in hark.toml'),
)  # fmt: skip


def understood(failures: Sequence[Failure], *, where: str = "") -> HarkError:
    """What the first of the failures that says something means. At least one has to be given."""
    for failure in failures:
        for error in chain(failure.error):
            known = _of_exception(error, where)
            if known is not None:
                return known
    return understood_text(failures[0].text or str(failures[0].error), where=where) or TemporaryError(
        f"yt-dlp could not read it: {plain(failures[0].text) or type(failures[0].error).__name__}",
        where=where,
        remedy=_UPDATE,
    )


def understood_text(text: str, *, where: str = "") -> IngestError | None:
    """What a message means; None where it is none that is known."""
    for meaning in _MEANINGS:
        if re.search(meaning.pattern, text, re.IGNORECASE):
            said = plain(text)
            what = f"{meaning.what}: {said}" if said else meaning.what
            if meaning.retry_after_s is None:
                return PermanentError(what, where=where, remedy=meaning.remedy)
            return TemporaryError(
                what, where=where, remedy=meaning.remedy, retry_after_s=meaning.retry_after_s, alone=meaning.alone
            )
    return None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that it came from, as Python and yt-dlp note them."""
    todo, seen = [error], set[int]()
    while todo:
        here = todo.pop(0)
        if not isinstance(here, BaseException) or id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        info = getattr(here, "exc_info", None)
        inner = info[1] if isinstance(info, tuple) and len(info) > 1 else None
        todo += [getattr(here, "cause", None), inner, here.__cause__, here.__context__]
        todo += getattr(here, "unexpected_errors", ())


def _of_exception(error: BaseException, where: str) -> HarkError | None:
    if isinstance(error, IngestError):
        return _placed(error, where)
    if isinstance(error, HarkError):
        return error
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFullError("no space is left on the disk", where=where, remedy="make room and run the command again")
    return _of_the_way(error, where)


def _of_the_way(error: BaseException, where: str) -> IngestError | None:
    """Known by their names: this module does not import yt-dlp."""
    names = {base.__name__ for base in type(error).__mro__}
    status = getattr(error, "status", None)
    if "HTTPError" in names and isinstance(status, int):
        return _of_status(status, error, where)
    if "CertificateVerifyError" in names:
        return PermanentError("the server's certificate is not valid", where=where)
    if names & {"TransportError", "ConnectionError", "TimeoutError"}:
        return TemporaryError(f"does not answer: {plain(str(error))}", where=where, remedy="try again later")
    return None


def _placed(error: IngestError, where: str) -> IngestError:
    if error.where or not where:
        return error
    if isinstance(error, TemporaryError):
        return TemporaryError(
            error.what, where=where, remedy=error.remedy, retry_after_s=error.retry_after_s, alone=error.alone
        )
    return type(error)(error.what, where=where, remedy=error.remedy)


def _of_status(status: int, error: BaseException, where: str) -> IngestError:
    if status in {404, 410}:
        return PermanentError(f"is not there (HTTP {status})", where=where)
    if status in {403, 408, 425, 429} or status >= 500:
        return TemporaryError(
            f"the site refuses for now (HTTP {status})",
            where=where,
            remedy="try again later",
            retry_after_s=_retry_after(error) or (HOUR_S if status in {403, 429} else None),
        )
    remedy = _COOKIES if status == 401 else ""
    return PermanentError(f"the site refuses (HTTP {status})", where=where, remedy=remedy)


def _retry_after(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return retry_after(str(headers.get("Retry-After") or ""), now=time.time()) if headers is not None else None


def is_about_the_way(warning: str) -> bool:
    """Whether a warning says that something did not come, so that a list may lack a part."""
    return bool(re.search(r"http error|unable to download|incomplete|timed? ?out|giving up|connection", warning, re.I))


def plain(text: str) -> str:
    """A message of yt-dlp's without colours, prefixes, advice on reporting, and credentials; one line."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text[: 10 * _MAX_CHARACTERS])
    text = re.sub(r"//[^/\s@]*@", "//", " ".join(text.split()))
    text = re.sub(r"^((ERROR|WARNING|Error):\s*)+", "", text)
    text = re.sub(r"^\[[^\]]{1,60}\] (\S{1,60}: )?", "", text)
    text = re.split(_ADVICE, text, maxsplit=1, flags=re.IGNORECASE)[0]
    text = re.split(r" \(caused by ", text, maxsplit=1)[0].strip(" ;.")
    return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS].rstrip() + " ..."
