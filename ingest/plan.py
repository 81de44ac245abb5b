"""What there is to do: decided from what a source lists, what the journal says was done, and what lies on the disk.

Pure: nothing is opened, read or written here. Files that look other than when they were written (by size or time of
change) are hashed by the caller, who then knows whether a person changed them or just touched them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import operator
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeVar

from ingest.records import DONE, DUE, Entry, Followed, Made, Page, Source, State, write_state
from ingest.sources.urls import unsigned
from ingest.versions import FETCH_VERSION, READER_VERSION

if TYPE_CHECKING:
    from ingest.files import FileState
    from ingest.sources.items import SourceItem
    from ingest.sources.listing import ListedEpisode, Listing

MOST_TRIES = 6  # then an episode is set aside until somebody asks for it
FIRST_PAUSE_S = 900.0  # fourfold at each failure: the last try comes three and a half days after the first
DUPLICATE = "duplicate of "  # begins the reason of an item whose episode another item has
SAME_ID = ": both have the id "
ADOPTED = "adopted"  # what a file is made from that was found without a row: perhaps a person's, so never overwritten

_NOT_BROUGHT = frozenset[State]({"elsewhere", "silent", "aside"})  # by this source: another may bring it

_Mark = TypeVar("_Mark")

Stats = Mapping[str, tuple[int, int]]  # path -> size, time of change
Condition = Literal["same", "missing", "edited"]
Why = Literal["new", "changed", "transcript missing", "again"]


@dataclass(frozen=True, slots=True)
class Read:
    """Read an item's files. ``where`` is its path, ``looks`` what its files look like."""

    item: SourceItem
    where: str
    looks: str
    why: Why


@dataclass(frozen=True, slots=True)
class Fail:
    """Say again why an item gives no episode: its files are as they were."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """What to do with the items of a source, in their order."""

    reads: tuple[Read, ...] = ()
    fails: tuple[Fail, ...] = ()
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class NoteDue:
    """Write an episode's note. ``transcript`` is the file's SHA-256 now."""

    episode_id: str
    transcript_path: str
    transcript: str


@dataclass(frozen=True, slots=True)
class WritingPlan:
    """Notes and pages to write, those that a person changed among them."""

    notes: tuple[NoteDue, ...] = ()
    pages: tuple[Page, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.notes or self.pages)


@dataclass(frozen=True, slots=True)
class Files:
    """The files that Hark made, and how each is now. ``hashes`` has those of files that look changed."""

    transcripts: Mapping[str, Made]
    notes: Mapping[str, Made]
    pages: Mapping[str, Page]
    stats: Stats
    hashes: Mapping[str, str] = field(default_factory=dict)

    def condition(self, path: str, made: Made | Page) -> Condition:
        """Whether a file is as it was made."""
        if path not in self.stats:
            return "missing"
        if made.state is None or made.state.same_stat(self.stats[path]):
            return "same"
        return "same" if self.hashes.get(path) == made.state.sha256 else "edited"

    def to_hash(self) -> list[str]:
        """The files that look other than when they were made."""
        made: list[tuple[str, Made | Page]] = [(m.path, m) for m in self.transcripts.values()]
        made += [(m.path, m) for m in self.notes.values()]
        made += list(self.pages.items())
        return [
            path
            for path, m in made
            if m.state is not None and path in self.stats and not m.state.same_stat(self.stats[path])
        ]


def touched(files: Files, states: Mapping[str, FileState]) -> Iterator[Entry]:
    """New rows for files that look changed and are not, by their ``states`` now: they need not be hashed again."""
    for stage, all_made in (("transcript", files.transcripts), ("note", files.notes)):
        for episode_id, made in all_made.items():
            if (state := states.get(made.path)) and state.sha256 == made.state.sha256:
                yield Entry(f"episode:{episode_id}", stage, made.input, write_state(state), made.path)
    for path, page in files.pages.items():
        if page.state and (state := states.get(path)) and state.sha256 == page.state.sha256:
            yield Entry(f"page:{path}", "page", DUE if page.due else DONE, write_state(state), page.about)


def looks(item: SourceItem, show: str = "") -> str:
    """An item's files, and the show that it is said to be of, in one line: equal lines, nothing to read."""
    files = ";".join(f"{name}:{size}:{changed}" for name, size, changed in item.stats)
    return f"{READER_VERSION};{files}" + (f";{show}" if show else "")


def plan_sources(
    items: Sequence[tuple[str, SourceItem]],
    known: Mapping[str, Source],
    files: Files,
    shows: Mapping[str, str] = MappingProxyType({}),  # it cannot change
) -> SourcePlan:
    """What to read of ``items``, each with its path; ``shows`` as in ``ingest.pipeline.Shelf``."""
    listed = {where for where, _ in items}
    reads: list[Read] = []
    fails: list[Fail] = []
    unchanged = 0
    for where, item in items:
        source, now = known.get(where), looks(item, shows.get(where, ""))
        why = _why(source, now, listed, files)
        if why:
            reads.append(Read(item, where, now, why))
        elif source and source.reason:
            fails.append(Fail(where, source.reason))
        else:
            unchanged += 1
    return SourcePlan(tuple(reads), tuple(fails), unchanged)


def _why(source: Source | None, now: str, listed: Iterable[str], files: Files) -> Why | None:
    """Why an item has to be read, None where it need not be."""
    if source is None:
        return "new"
    if source.input != now:
        return "changed"
    if source.reason.startswith(DUPLICATE):  # the item that had the episode may be gone
        return None if source.reason.removeprefix(DUPLICATE).rpartition(SAME_ID)[0] in listed else "again"
    if source.reason:
        return None
    made = files.transcripts.get(source.episode_id)
    if made is None or files.condition(made.path, made) == "missing":
        return "transcript missing"
    return None


def plan_writing(
    files: Files, writer: str, *, among: Iterable[str] | None = None, pages_due: Iterable[Page] = ()
) -> WritingPlan:
    """Which notes and pages to write; ``writer`` names the writer and its version.

    Where it is known that only the episodes ``among`` and ``pages_due`` can need writing, nothing else is looked at.
    """
    due: list[NoteDue] = []
    found = (
        dict(files.transcripts)
        if among is None
        else {one: files.transcripts[one] for one in among if one in files.transcripts}
    )
    for episode_id, transcript in sorted(found.items(), key=lambda pair: pair[1].path):
        condition = files.condition(transcript.path, transcript)
        if condition == "missing":
            continue
        now = files.hashes[transcript.path] if condition == "edited" else transcript.state.sha256
        note = files.notes.get(episode_id)
        if note is None or files.condition(note.path, note) == "missing" or note.input != made_from(now, writer):
            due.append(NoteDue(episode_id, transcript.path, now))
    if among is None:
        pages_due = (page for path, page in files.pages.items() if page.due or _is_gone(path, page, files))
    return WritingPlan(tuple(due), tuple(sorted(pages_due)))


def _is_gone(path: str, page: Page, files: Files) -> bool:
    return page.state is not None and path not in files.stats


def made_from(transcript: str, writer: str) -> str:
    """What a note is made from, as the journal has it."""
    return f"{transcript} {writer}"


# --- what sources list --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListingPlan:
    """What a listing brings: rows to write, and for each episode that is to be fetched why.

    ``gone`` counts those that the source had and lists no more: they stay in the library.
    """

    rows: tuple[Followed, ...] = ()
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    remarks: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()  # keys under which episodes are no longer known


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """What is known beside a source: the ids of episodes that the library has, or that are on their way to it, and
    whether another source brings an episode."""

    have: Container[str] = ()
    bring: Callable[[ListedEpisode], bool] = lambda _: False


def plan_listing(
    listing: Listing,
    followed: Mapping[str, Followed],
    others: Others,
    *,
    newest: int = 0,
    audio: bool = False,
    listed_before: int = 0,
) -> ListingPlan:
    """What to do about a listing.

    An episode under a key that was never seen is known again by its recording, or by its title and date: a source may
    change all its keys. One under a known key of which title, date and recording are all others is another episode.
    ``newest`` is how many are taken of a source that is listed for the first time, 0 for all; ``audio`` whether its
    recordings are kept, ``listed_before`` how many it listed the last time.
    """
    if not listing.episodes:
        remark = f"lists nothing, and had {len(followed)}: nothing is deleted" if followed else "lists no episode"
        return ListingPlan(gone=len(followed), remarks=(remark,))
    episodes = [_under_its_own_key(episode, followed) for episode in listing.episodes]
    listed = {episode.key for episode in episodes}
    missing = [one for key, one in followed.items() if key not in listed]
    again = _Again(missing, episodes)
    rows: list[Followed] = []
    forget: list[str] = []
    new = changed = unchanged = 0
    for rank, episode in enumerate(episodes):
        known = followed.get(episode.key) or again.find(episode)
        if known and known.key != episode.key:
            forget.append(known.key)
        too_old = bool(newest and not followed and rank >= newest)
        row = _row(episode, known, others, _looks(episode, known, audio=audio), too_old=too_old)
        if known is None or (known.state == "elsewhere" and row.state == "due"):
            new += row.state == "due"
        elif row.looks != known.looks and row.state == "due":
            changed += 1
        else:
            unchanged += 1
        if row != known:
            rows.append(row)
    gone = len(again.left) if listing.complete else 0
    remarks = _dwindled(len(episodes), listed_before) if listing.complete else ()
    return ListingPlan(tuple(rows), new, changed, unchanged, gone, remarks, tuple(forget))


def _dwindled(lists: int, before: int) -> tuple[str, ...]:
    if lists * 2 >= before:
        return ()
    return (f"lists {lists} episodes, and listed {before} before: nothing is deleted",)


def _under_its_own_key(episode: ListedEpisode, followed: Mapping[str, Followed]) -> ListedEpisode:
    """The episode; one that has the key of another gets a key and an id of its own."""
    known = followed.get(episode.key)
    own = episode.title, listed_date(episode), unsigned(episode.media)
    if known is None or not all(own) or any(map(operator.eq, own, (known.title, known.date, known.media))):
        return episode
    if not all((known.title, known.date, known.media)):
        return episode
    mark = hashlib.sha256(repr(own).encode("utf-8", "replace")).hexdigest()[:8]
    return replace(episode, key=f"{episode.key} {mark}", id=f"{episode.id}-{mark}")


def _row(episode: ListedEpisode, known: Followed | None, others: Others, looks: str, *, too_old: bool) -> Followed:
    if known and known.id != episode.id:
        episode = replace(episode, id=known.id)
    if known and known.state == "elsewhere" and not others.bring(episode):
        known = None  # nobody else does any more
    if known and known.looks == looks:
        return known if known.key == episode.key else replace(known, key=episode.key)
    row = Followed(
        key=episode.key,
        id=episode.id,
        looks=looks,
        state="due",
        title=episode.title,
        date=listed_date(episode),
        media=unsigned(episode.media),
        listed=episode,
    )
    if (known and known.state == "older") or (known is None and too_old):
        return replace(row, state="older", listed=None)
    if (known is None or known.state in _NOT_BROUGHT) and others.bring(episode):
        return replace(row, state="elsewhere")
    return row.finished() if known is None and episode.id in others.have else row


def _looks(episode: ListedEpisode, known: Followed | None, *, audio: bool) -> str:
    """As ``episode_looks``; that recordings are no longer to be kept calls for no fetch."""
    looks = episode_looks(episode, audio=audio)
    if known is None or audio or known.looks == looks:
        return looks
    return known.looks if known.looks == episode_looks(episode, audio=True) else looks


def is_moved(listing: Listing, followed: Mapping[str, Followed]) -> bool:
    """Whether a source lists what another had, ``followed``: it is the same one under another address.

    Most of what can be in both has to be there under the same key, with the same title and date.
    """
    same = sum(
        (one.title, one.date) == (episode.title, listed_date(episode))
        for episode in listing.episodes
        if (one := followed.get(episode.key))
    )
    return same * 2 > min(len(listing.episodes), len(followed))


def episode_looks(episode: ListedEpisode, *, audio: bool = False) -> str:
    """What of a listed episode calls for a fetch when it changes: not its recording, whose address may change daily."""
    links = ((unsigned(link.url), link.type, link.language) for link in episode.transcripts)
    length = None if episode.duration_s is None else round(episode.duration_s)
    chapters = unsigned(episode.chapters)
    told = (FETCH_VERSION, episode.title, listed_date(episode), length, episode.show, episode.people, chapters, audio)
    return hashlib.sha256(repr((told, sorted(links))).encode("utf-8", "replace")).hexdigest()[:24]


def listed_date(episode: ListedEpisode) -> str:
    """The day, as a row has it; empty where it is not known."""
    return episode.published.date().isoformat() if episode.published else ""


class _Again:
    """Episodes that a source lists no more, to be known again under other keys; each once.

    A recording's address tells only where nobody else has it, and title or date agree: some sources have one address
    for all that they play.
    """

    def __init__(self, missing: Iterable[Followed], listed: Iterable[ListedEpisode]) -> None:
        self.left = {one.key: one for one in missing}
        recordings = Counter(unsigned(episode.media) for episode in listed)
        self._by_media = _only(
            (one.media, one.key) for one in self.left.values() if one.media and recordings[one.media] <= 1
        )
        self._by_title = _only(((one.title, one.date), one.key) for one in self.left.values() if one.title and one.date)

    def find(self, episode: ListedEpisode) -> Followed | None:
        """The episode under its old key."""
        date = listed_date(episode)
        by_media = self.left.get(self._by_media.get(unsigned(episode.media), ""))
        if by_media and (by_media.title == episode.title or (date and by_media.date == date)):
            return self.left.pop(by_media.key)
        return self.left.pop(self._by_title.get((episode.title, date), ""), None)


def _only(pairs: Iterable[tuple[_Mark, str]]) -> dict[_Mark, str]:
    """Marks and what has them, without those that several have."""
    found = list(pairs)
    counts = Counter(mark for mark, _ in found)
    return {mark: key for mark, key in found if counts[mark] == 1}


@dataclass(frozen=True, slots=True)
class Action:
    """What a sync would do with an episode, or why nothing."""

    what: Literal["new", "changed", "retry", "later", "aside", "silent"]
    source: str
    episode: str  # its id
    title: str
    reason: str = ""


def action(address: str, one: Followed, have: Container[str], now: dt.datetime) -> Action:
    """What there is to do for an episode that is not done."""
    if one.state == "due":
        return Action("changed" if one.id in have else "new", address, one.id, one.title)
    if one.state == "later":
        what: Literal["retry", "later"] = "retry" if is_due(one, now) else "later"
        return Action(what, address, one.id, one.title, f"{one.reason}; not before {one.next_at}")
    what_else: Literal["aside", "silent"] = "silent" if one.state == "silent" else "aside"
    return Action(what_else, address, one.id, one.title, one.reason)


# --- what failed ---------------------------------------------------------------------------------------------------


def after_failure(
    one: Followed, reason: str, now: dt.datetime, wait_s: float | None, *, at_last: State = "aside"
) -> Followed:
    """An episode that could not be had for now: later, at growing distances; after ``MOST_TRIES`` it is ``at_last``.

    ``wait_s`` is how long its server wants to be left alone, None where it did not say.
    """
    tries = one.tries + 1
    if tries >= MOST_TRIES:
        return replace(one, state=at_last, tries=tries, next_at="", reason=f"{reason}; tried {tries} times")
    pause = max(FIRST_PAUSE_S * 4 ** (tries - 1), wait_s or 0.0)
    next_at = (now + dt.timedelta(seconds=pause)).isoformat(timespec="seconds")
    return replace(one, state="later", tries=tries, next_at=next_at, reason=reason)


def is_due(one: Followed, now: dt.datetime) -> bool:
    """Whether an episode is to be fetched now."""
    if one.listed is None:
        return False
    return one.state == "due" or (one.state == "later" and dt.datetime.fromisoformat(one.next_at) <= now)
