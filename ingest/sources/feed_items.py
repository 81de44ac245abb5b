"""From the entries of a feed to episodes: who is who, when it was, where its recording is."""

from __future__ import annotations

import calendar
import datetime as dt
import email.utils
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from ingest.errors import PermanentError
from ingest.hearing.captions.json_forms import to_seconds
from ingest.sources.feed_xml import Extras, outline
from ingest.sources.info import label, web_address
from ingest.sources.items import language_in
from ingest.sources.listing import ListedEpisode, TranscriptLink
from ingest.sources.urls import shown, unsigned, without_login
from kb.transcripts.webvtt import normalise_text, unescape

Entry = Mapping[str, Any]  # as feedparser gives it
ENOUGH = 16  # characters of a guid that is taken to be unique in the world
MAX_DESCRIPTION = 20_000
_MAX_KEY = 200
_MAX_DURATION_S = 1_000_000
_AHEAD = dt.timedelta(days=2)  # a date further in the future than clocks and time zones explain

MEDIA_TYPES = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/m4a": "m4a",
    "audio/aac": "aac",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/flac": "flac",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/webm": "webm",
    "video/mp4": "mp4",
    "video/x-m4v": "m4v",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/ogg": "ogv",
}
MEDIA_ENDINGS = frozenset(MEDIA_TYPES.values()) | {"m4b", "oga"}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a feed, read: entries as feedparser gives them, each with its extras. Addresses are whole."""

    show: str
    language: str
    guid: str
    next_page: str
    new_address: str
    base: str
    entries: tuple[tuple[Entry, Extras], ...]
    people: tuple[str, ...] = ()
    problem: str = ""
    whole: bool = True


class Remarks:
    """What was wrong with the episodes of a feed: one line a kind, with the first title of each."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[str, int]] = {}

    def note(self, what: str, title: str) -> None:
        """``what`` goes on with the title of one episode: "has no date"."""
        first, count = self._kinds.get(what, (title, 0))
        self._kinds[what] = first, count + 1

    def lines(self) -> tuple[str, ...]:
        """One line a kind."""
        return tuple(
            f"“{first}” {what}" + (f", and {count - 1} more like it" if count > 1 else "")
            for what, (first, count) in self._kinds.items()
        )


def read_page(body: bytes, *, url: str) -> Page:
    """Reads a page of a feed that came from ``url``. Raises PermanentError where it is none."""
    import feedparser

    found = outline(body, url=url)
    # A stream, since feedparser takes bytes for the name of a file where there is one of that name.
    headers = {"content-type": "application/xml; charset=utf-8"}
    try:
        parsed = feedparser.parse(
            io.BytesIO(found.text.encode("utf-8", "replace")),
            response_headers=headers,
            resolve_relative_uris=False,
            sanitize_html=False,  # what is kept is made plain text below
        )
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        # feedparser's loose reading stumbles over some of what is no XML
        raise PermanentError("cannot be read as a feed", where=shown(url)) from error
    if not parsed.entries and (not parsed.version or not found.whole):
        what = found.problem or "is XML, but neither RSS nor Atom"
        raise PermanentError(what, where=shown(url), remedy="name the address of an RSS or Atom feed")
    return Page(
        show=_title(found.title or parsed.feed.get("title")),
        language=language_of(parsed.feed.get("language")),
        guid=label(found.guid),
        next_page=absolute(url, found.next_page),
        new_address=absolute(url, found.new_address),
        base=url,
        entries=tuple(_paired(parsed.entries, found.items)),
        people=found.people,
        problem=found.problem,
        whole=found.whole,
    )


def _paired(entries: Sequence[Entry], items: Sequence[Extras]) -> Iterator[tuple[Entry, Extras]]:
    if len(entries) == len(items):
        yield from zip(entries, items, strict=True)
        return
    by_guid = {extras.guid: extras for extras in reversed(items) if extras.guid}
    for entry in entries:
        yield entry, by_guid.get(str(entry.get("id", "")).strip(), Extras())


# --- episodes -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """An episode without its identity. ``sameness`` tells it from others of its guid."""

    guid: str
    sameness: str
    episode: ListedEpisode

    def is_again(self, other: _Found) -> bool:
        """Whether this is ``other``, listed twice, where they have one guid."""
        mine, its = ((one.title, one.published, one.media.partition("?")[0]) for one in (self.episode, other.episode))
        return self.sameness == other.sameness or (mine == its and self.episode.published is not None)


def episodes_of(pages: Sequence[Page], *, url: str, now: dt.datetime | None, remarks: Remarks) -> list[ListedEpisode]:
    """The episodes of all ``pages`` of the feed at ``url``, newest first, each once, with their ids.

    Dates after ``now`` are left out, where it is given.
    """
    found = [_found(entry, extras, page, now, remarks) for page in pages for entry, extras in page.entries]
    world = next((page.guid for page in pages if page.guid), url)
    return _identified(_newest_first(found), world, remarks)


def _newest_first(found: Sequence[_Found]) -> list[_Found]:
    """By date; an episode without one stays behind the one that the feed has before it."""
    dated: list[tuple[dt.datetime, _Found]] = []
    last = next((f.episode.published for f in found if f.episode.published), dt.datetime.min)
    for item in found:
        last = item.episode.published or last
        dated.append((last, item))
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return [item for _, item in dated]


def _identified(found: Sequence[_Found], world: str, remarks: Remarks) -> list[ListedEpisode]:
    """A guid that two episodes share stays the older one's; one that more share says nothing."""
    shared: dict[str, set[str]] = {}
    for item in found:
        shared.setdefault(item.guid, set()).add(item.sameness)
    taken: dict[str, _Found] = {}
    given: list[ListedEpisode] = []
    for item in reversed(found):
        key, alone = _key(item, len(shared[item.guid]))
        if key in taken and not item.is_again(taken[key]):
            remarks.note("has the guid of another episode, and is told from it by its recording", item.episode.title)
            key = f"{key} {item.sameness}"
        if key in taken:
            remarks.note("is listed twice, and taken once", item.episode.title)
            continue
        taken[key] = item
        what = key if alone and len(key) >= ENOUGH else f"{world} {key}"
        digest = hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()
        given.append(replace(item.episode, key=_bounded(key, digest), id=f"podcast:{digest[:16]}"))
    given.reverse()
    return given


def _key(item: _Found, sharing: int) -> tuple[str, bool]:
    """What identifies an episode, and whether that can be unique in the world."""
    if item.guid and sharing <= 2:
        return item.guid, True
    return item.sameness, item.sameness.startswith(("http://", "https://"))


def _bounded(key: str, digest: str) -> str:
    plain = label(key)
    return plain if plain == key and len(key) <= _MAX_KEY else f"{plain[:_MAX_KEY]} {digest[:16]}"


def _found(entry: Entry, extras: Extras, page: Page, now: dt.datetime | None, remarks: Remarks) -> _Found:
    media, media_type, size = _recording(entry, page.base)
    url = absolute(page.base, entry.get("link"))
    title = _title(entry.get("title")) or _title(entry.get("itunes_title")) or _named(media) or "Untitled"
    published = _published(entry, now, title, remarks)
    if not media and _enclosures(entry):
        remarks.note("names no recording that can be had: it is of another kind, or not on the web", title)
    transcripts = tuple(_transcripts(extras.transcripts, page.base))
    if len(transcripts) < len(extras.transcripts):
        remarks.note("names a transcript that is not on the web", title)
    episode = ListedEpisode(
        key="",
        id="",
        title=title,
        published=published,
        url=url,
        media=media,
        media_type=media_type,
        media_bytes=size,
        duration_s=_duration(entry.get("itunes_duration")),
        language=page.language,
        description=plain_text(_description(entry)),
        people=extras.people or page.people,
        transcripts=transcripts,
        chapters=absolute(page.base, extras.chapters),
    )
    guid = extras.guid or str(entry.get("id") or "").strip()
    place = without_login(unsigned(media or url))  # a query may be all that tells one from the next
    return _Found(guid, place or f"{title} {published or ''}".strip(), episode)


def _transcripts(links: Iterable[TranscriptLink], base: str) -> Iterator[TranscriptLink]:
    for link in links:
        if url := absolute(base, link.url):
            yield replace(link, url=url, language=language_of(link.language))


# --- fields ---------------------------------------------------------------------------------------------------------


def absolute(base: str, address: object) -> str:
    """A web address of what a feed at ``base`` names, or an empty string."""
    if not isinstance(address, str) or not address.strip():
        return ""
    try:
        return web_address(urljoin(base, address.strip()).replace(" ", "%20"))
    except ValueError:
        return ""


def language_of(value: object) -> str:
    """``en`` or ``pt-BR`` of ``EN``, ``pt_br``; empty where it is no language."""
    match = re.fullmatch(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}|[A-Za-z]{4}))?(?:[-_].*)?", label(value))
    if not match:
        return ""
    further = match[2] or ""
    further = further.upper() if len(further) == 2 else further.title()
    return language_in(match[1].casefold() + (f"-{further}" if further else ""))


def _enclosures(entry: Entry) -> list[Entry]:
    return [link for link in entry.get("links", ()) if link.get("rel") == "enclosure"]


def _recording(entry: Entry, base: str) -> tuple[str, str, int]:
    """Address, media type and size in bytes (0 where not said) of the first recording: sound before pictures."""
    offered = []
    for link in [*_enclosures(entry), *entry.get("media_content", ())]:
        url = absolute(base, link.get("href") or link.get("url"))
        media_type = label(link.get("type")).partition(";")[0].strip().casefold()
        if url and (rank := _is_recording(media_type, url)):
            offered.append((rank, url, media_type, _size(link.get("length") or link.get("filesize"))))
    return min(offered, key=lambda one: one[0])[1:] if offered else ("", "", 0)


def _is_recording(media_type: str, url: str) -> int:
    """1 for sound, 2 for pictures with sound, 3 for what may be either, 0 for anything else."""
    kind = media_type.partition("/")[0]
    if kind in {"audio", "video"}:
        return 1 if kind == "audio" else 2
    return 3 if media_ending(url) or media_type in {"application/ogg", "application/octet-stream"} else 0


def media_ending(url: str, media_type: str = "") -> str:
    """The ending of a recording's file without the dot, by its address or else its type; empty where neither tells."""
    path = urlsplit(url).path if url else ""
    ending = path.rpartition(".")[2].casefold()
    return ending if ending in MEDIA_ENDINGS else MEDIA_TYPES.get(media_type, "")


def _size(value: object) -> int:
    text = label(value)
    return int(text) if re.fullmatch(r"[0-9]{1,14}", text) else 0


def _named(media: str) -> str:
    name = media.partition("?")[0].rpartition("/")[2].rpartition(".")[0]
    return label(name.replace("_", " ").replace("-", " "))


def _duration(value: object) -> float | None:
    """Seconds of ``3600``, ``1:02:03``, ``95:00`` and the like."""
    text = label(value)[:40]
    if re.fullmatch(r"[0-9]{1,5}(:[0-9]{1,2}){1,2}(\.[0-9]{1,6})?", text):
        parts = [float(part) for part in text.split(":")]
        seconds: float | None = sum(part * 60**at for at, part in enumerate(reversed(parts)))
    else:
        seconds = to_seconds(text)
    return seconds if seconds is not None and 0 < seconds <= _MAX_DURATION_S else None


# --- dates ----------------------------------------------------------------------------------------------------------

_FORMS = (
    "%d %B %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%A, %d %B %Y",
    "%a, %d %B %Y %H:%M:%S %z",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%d %b %Y %H:%M",
)


def _published(entry: Entry, now: dt.datetime | None, title: str, remarks: Remarks) -> dt.datetime | None:
    written = entry.get("published") or entry.get("updated") or ""
    parsed = entry.get("published_parsed") or (None if entry.get("published") else entry.get("updated_parsed"))
    text = label(written)[:80]
    is_number = re.fullmatch(r"[0-9]{9,}", text)  # of which feedparser takes the first four digits for the year
    date = _of_seconds(text) if is_number else _of_struct(parsed) or _of_text(text)
    if date is None and written:
        remarks.note("has a date that cannot be read, which is left out", title)
    if date is not None and now is not None and date > now + _AHEAD:
        remarks.note("has a date in the future, which is left out", title)
        return None
    return date


def _of_struct(parsed: Any) -> dt.datetime | None:
    if not parsed:
        return None
    try:
        return _sensible(dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _of_seconds(text: str) -> dt.datetime | None:
    """The date of Unix time, in seconds or milliseconds."""
    if len(text) not in {9, 10, 12, 13}:
        return None
    return _sensible(dt.datetime.fromtimestamp(int(text[:-3] if len(text) > 10 else text), dt.UTC))


def _of_text(text: str) -> dt.datetime | None:
    """A date in a form that feedparser does not know."""
    for read in (email.utils.parsedate_to_datetime, dt.datetime.fromisoformat, *map(_by_form, _FORMS)):
        try:
            return _sensible(read(text))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _by_form(form: str) -> Callable[[str], dt.datetime]:
    return lambda text: dt.datetime.strptime(text, form)  # _sensible gives it a zone


def _sensible(date: dt.datetime) -> dt.datetime | None:
    date = date.replace(tzinfo=dt.UTC) if date.tzinfo is None else date.astimezone(dt.UTC)
    return date if date.year >= 1900 else None


# --- text -----------------------------------------------------------------------------------------------------------

_PIECE = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})[^<>]*>|<!--|<[!?][^<>]*>|([^<]+|<)")  # linear in any text
_HIDDEN = frozenset({"script", "style", "head", "title", "template"})
_LINES = frozenset({"p", "div", "br", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"})
_IN_TITLES = re.compile(r"</?(?:a|b|br|em|font|i|img|p|script|small|span|strong|style|sub|sup|u)\b[^<>]*>", re.I)


def plain_text(markup: str) -> str:
    """The words of a description, line by line."""
    said: list[str] = []
    hidden = ""
    for match in _PIECE.finditer(markup[: 3 * MAX_DESCRIPTION]):
        tag, words = (match[2] or "").casefold(), match[3] or ""
        if hidden:
            hidden = "" if match[1] and tag == hidden else hidden
        elif tag in _HIDDEN and not match[1]:
            hidden = tag
        else:
            said.append("\n" if tag in _LINES else words)
    lines = [normalise_text(line) for line in unescape("".join(said)).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:MAX_DESCRIPTION].rstrip()


def _description(entry: Entry) -> str:
    content: Sequence[Entry] = entry.get("content") or ({},)
    text = entry.get("summary") or content[0].get("value") or entry.get("itunes_summary") or ""
    return text if isinstance(text, str) else ""


def _title(value: object) -> str:
    text = value[:10_000] if isinstance(value, str) else ""
    return label(unescape(_IN_TITLES.sub("", text)))
