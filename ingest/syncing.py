"""Keeps a library in step with what it follows: asks every source, fetches what is new, and writes what follows.

    list      all sources side by side, each asked only for what changed since
    plan      what they list beside what is known of it: rows, before anything is fetched
    fetch     side by side into .hark/fetched
    read, correct, write, index     as for any folder: see ``ingest.pipeline``

A source's answer counts as seen only together with the rows of all that it listed, so a killed run loses nothing of
it. An episode is done only after its transcript's row.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest.errors import IngestError, TemporaryError
from ingest.fetching import FETCHED, clear_fetched, fetch_all, folder_name, list_all
from ingest.files import clear_temporary
from ingest.journal import Journal, followed_entry, listed_subject, source_entry
from ingest.pipeline import Shelf, adopt, folder_shelf, take_in
from ingest.plan import Action, ListingPlan, Others, action, is_due, plan_listing
from ingest.records import Entry, Followed, Made, SourceState
from ingest.report import IngestReport, Problem, SyncReport
from ingest.sources.folder import scan_folder
from ingest.sources.listing import Listing, Source, Validators
from ingest.sources.opening import open_sources
from ingest.subscriptions import Subscription, folder_path, identity, load_subscriptions, load_sync_settings, shown
from ingest.unchanged import Unchanged, keep_sync, nothing_to_take_in
from kb.errors import NotFoundError
from kb.ports import Progress, no_progress

if TYPE_CHECKING:
    from kb.library import Library

_NOTHING = ListingPlan()
_FETCHED = "fetched:"  # begins what the journal calls an item that was fetched


@dataclass(slots=True)
class _Have(Container[str]):
    """The ids of episodes that have a transcript, or are ``coming`` from a source."""

    made: Mapping[str, Made]
    coming: set[str] = field(default_factory=set)

    def __contains__(self, episode_id: object) -> bool:
        return episode_id in self.coming or episode_id in self.made


class _Bring(Container[str]):
    """The ids of episodes that other sources bring; read once, and only where an episode is new to its source."""

    def __init__(self, journal: Journal, address: str, have: _Have) -> None:
        self._journal = journal
        self._address = address
        self._have = have
        self._ids: frozenset[str] | None = None

    def __contains__(self, episode_id: object) -> bool:
        if episode_id not in self._have:
            return False
        if self._ids is None:
            self._ids = self._journal.listed_ids(but=self._address)
        return episode_id in self._ids


@dataclass(slots=True)
class _Heard:
    """What the sources said, while a run gathers it."""

    not_modified: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    fetched: int = 0
    failed: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)


def sync(
    library: Library, *, only: Collection[str] = (), now: dt.datetime | None = None, progress: Progress = no_progress
) -> SyncReport:
    """Brings the library in step with its sources, or with ``only`` some of them, by address.

    What cannot be had is in the report, and the rest goes on. Raises ConfigError, NotFoundError for a source that is
    not followed, and LibraryError (busy, read-only, disk full): then what was done before stays done.
    """
    began = time.monotonic()
    followed = chosen_subscriptions(library.root, only)
    settings = load_sync_settings(library.root)
    with library.lock(), open_sources(followed, settings) as sources:
        clear_temporary(library.root)
        run = _Sync(library, followed, sources, now or dt.datetime.now(dt.UTC), progress)
        run.ask()
        waiting = run.fetch()
        taken = run.take_in(waiting)
        return run.report(taken, time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a sync would do."""

    actions: tuple[Action, ...]
    failed: tuple[Problem, ...]
    remarks: tuple[Problem, ...]


def plan(library: Library, *, only: Collection[str] = (), now: dt.datetime | None = None) -> SyncPlan:
    """Asks the sources what a sync would ask them, and says what it would do. Nothing is written."""
    moment = now or dt.datetime.now(dt.UTC)
    followed = chosen_subscriptions(library.root, only)
    with open_sources(followed, load_sync_settings(library.root)) as sources:
        run = _Sync(library, followed, sources, moment, no_progress, dry=True)
        run.ask()
        return run.plan()


def retry(library: Library, wanted: Collection[str], *, now: dt.datetime | None = None) -> int:
    """Makes due what waits for another try: all, or what ``wanted`` ids and addresses name. Returns how many.

    A source that asked to be left alone waits too, and is asked again with any episode of it. Raises NotFoundError for
    one of ``wanted`` of which nothing waits, ConfigError, LibraryError.
    """
    with library.lock():
        journal = Journal(library.store, now or dt.datetime.now(dt.UTC))
        followed = {one.url for one in load_subscriptions(library.root)}
        unfinished = [(address, one) for address, one in journal.unfinished() if address in followed]
        waiting = [(address, one) for address, one in unfinished if one.listed and one.state != "due"]
        resting = {at: state for at, state in journal.source_states().items() if at in followed and state.not_before}
        names = [*((address, one.id) for address, one in waiting), *((address, "") for address in resting)]
        for name in wanted:
            if not any(_means([name], *pair) for pair in names):
                raise NotFoundError("nothing waits to be tried again", where=shown(name), remedy="see: hark status")
        chosen = [(address, one) for address, one in waiting if _means(wanted, address, one.id)]
        asked = {address for address in resting if _means(wanted, address)} | {address for address, _ in chosen}
        rows = [
            followed_entry(address, replace(one, state="due", tries=0, next_at="", reason=""))
            for address, one in chosen
        ]
        rows += [source_entry(address, replace(resting[address], not_before="")) for address in asked & resting.keys()]
        journal.put(rows)
        return len(rows)


def _wanted(one: Subscription) -> str:
    """What of a source's settings calls for another look at all that it lists when it changes."""
    return f"{one.show}|{one.audio}|{one.newest}"


def chosen_subscriptions(root: Path, only: Collection[str]) -> tuple[Subscription, ...]:
    """What the library follows, or ``only`` some of it, by address. Raises NotFoundError, ConfigError."""
    followed = load_subscriptions(root)
    for address in only:
        if not any(_means([address], one.url) for one in followed):
            remedy = f"follow it with: hark add {shown(address)}"
            raise NotFoundError("is not followed", where=shown(address), remedy=remedy)
    return tuple(one for one in followed if _means(only, one.url))


def _means(wanted: Collection[str], address: str, episode_id: str = "") -> bool:
    """Whether a source, or an episode of it, is among what a person typed; an address also without its password."""
    known = {identity(address), identity(shown(address))}
    return not wanted or any(name == episode_id or identity(name) in known for name in wanted)


class _Sync:
    """One sync, under the library's lock."""

    def __init__(
        self,
        library: Library,
        followed: Sequence[Subscription],
        sources: Mapping[str, Source],
        now: dt.datetime,
        progress: Progress,
        *,
        dry: bool = False,
    ) -> None:
        self._library = library
        self._root = library.root
        self._followed = {one.url: one for one in followed}
        self._all = frozenset(one.url for one in load_subscriptions(library.root))  # also those left out this time
        self._sources = sources
        self._now = now
        self._progress = progress
        self._journal = Journal(library.store, now)
        self._states = self._journal.source_states()
        self._silent_sources: set[str] = set()  # that did not answer: their episodes are not asked for either
        self._open: dict[tuple[str, str], Followed] = {}  # by address and key, what was not done when this run began
        self._heard = _Heard()
        self._have: _Have | None = None
        self._dry = dry  # nothing is written
        self._planned: dict[tuple[str, str], Followed] = {}

    # --- list and plan ---

    def ask(self) -> None:
        """Asks the sources, and writes down what they list."""
        told = self._let_alone()
        known = {address: self._validators(address) for address in self._sources if address not in told}
        asked = {address: self._sources[address] for address in known}
        answers: dict[str, Listing | IngestError] = {}
        for address, answer in list_all(asked, known):
            answers[address] = answer
            self._progress("asking sources", len(answers), len(asked))
        for address in asked:  # in their order in hark.toml: the first of two shows of one name has it to itself
            self._answered(address, answers[address])

    def _answered(self, address: str, answer: Listing | IngestError) -> None:
        if isinstance(answer, IngestError):
            self._refused(address, answer)
        elif answer.not_modified:
            self._heard.not_modified += 1
            self._put_state(address, self._state(address), failures=0, problem="", not_before="")
        else:
            self._listed(address, answer)

    def _let_alone(self) -> set[str]:
        """The sources that asked to be left alone for a while, each told."""
        waiting = self._resting()
        for address in sorted(waiting):
            until = self._states[address].not_before
            self._heard.remarks.append(Problem(shown(address), f"wants to be left alone until {until}"))
        return waiting

    def _resting(self) -> set[str]:
        now = self._now.isoformat(timespec="seconds")
        return {address for address in self._sources if self._state(address).not_before > now}

    def _state(self, address: str) -> SourceState:
        return self._states.get(address, SourceState())

    def _validators(self, address: str) -> Validators:
        """What a source is asked by whether it changed; nothing where its settings did."""
        state = self._state(address)
        same = state.wanted == _wanted(self._followed[address])
        return Validators(state.etag, state.last_modified) if same else Validators()

    def _put_state(self, address: str, state: SourceState, plan: ListingPlan = _NOTHING, **changes: object) -> None:
        new = replace(state, **changes) if changes else state  # type: ignore[arg-type]
        if self._dry:
            self._planned |= {(address, row.key): row for row in plan.rows}
        elif plan.rows or new != self._states.get(address):
            rows = [*(followed_entry(address, row) for row in plan.rows), source_entry(address, new)]
            self._journal.put(rows, forget=[listed_subject(address, key) for key in plan.forget])
            self._states[address] = new

    def _refused(self, address: str, error: IngestError) -> None:
        self._heard.failed.append(Problem(shown(address), _reason(error)))
        self._silent_sources.add(address)
        state = self._state(address)
        wait_s = error.retry_after_s if isinstance(error, TemporaryError) else None
        until = (self._now + dt.timedelta(seconds=wait_s)).isoformat(timespec="seconds") if wait_s else ""
        self._put_state(address, state, failures=state.failures + 1, problem=_reason(error), not_before=until)

    def _transcribed(self) -> _Have:
        """The episodes that the library has a transcript of, or will have by another source."""
        if self._have is None:
            made = self._journal.made("episode", "transcript")
            if not made and not self._dry:  # .hark is new: what lies there need not be fetched again
                adopt(self._library, self._journal, self._progress)
            self._have = _Have(made)
        return self._have

    def _listed(self, address: str, listing: Listing) -> None:
        listing = self._named(address, listing)
        settings, before = self._followed[address], self._state(address)
        have = self._transcribed()
        plan = plan_listing(
            listing,
            self._journal.followed(address),
            Others(have=have, bring=_Bring(self._journal, address, have)),
            newest=settings.newest,
            audio=settings.audio,
            listed_before=before.listed,
        )
        self._heard.new += plan.new
        self._heard.changed += plan.changed
        self._heard.gone += plan.gone
        self._heard.remarks += [Problem(shown(address), remark) for remark in (*listing.remarks, *plan.remarks)]
        if listing.moved_to:
            self._heard.remarks.append(Problem(shown(address), f"has moved for good to {shown(listing.moved_to)}"))
        if not listing.episodes:  # it is asked again in full, until it lists something
            self._put_state(address, before, failures=before.failures + 1, problem=plan.remarks[0], not_before="")
            return
        state = SourceState(
            etag=listing.validators.etag,
            last_modified=listing.validators.last_modified,
            show=listing.show,
            listed=len(listing.episodes),
            wanted=_wanted(settings),
        )
        self._put_state(address, state, plan)
        self._transcribed().coming.update(row.id for row in plan.rows if row.state == "due")

    def _named(self, address: str, listing: Listing) -> Listing:
        """A source keeps the name that its episodes first came under, and no two share one, unless a person says so."""
        if self._followed[address].show or not listing.show:
            return listing
        known = self._state(address).show
        show = known or self._own_name(address, listing.show)
        if known and listing.show not in known:
            remark = f"calls itself {listing.show} now: its notes stay with {known} (show = ... in hark.toml)"
            self._heard.remarks.append(Problem(shown(address), remark))
        episodes = tuple(
            replace(episode, show=show) if episode.show == listing.show else episode for episode in listing.episodes
        )
        return replace(listing, show=show, episodes=episodes)

    def _own_name(self, address: str, show: str) -> str:
        taken = {state.show for other, state in self._states.items() if other != address and other in self._all}
        if show not in taken:
            return show
        named = f"{show} ({urlsplit(address).hostname or 'another'})"
        mark = hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:6]
        return named if named not in taken else f"{show} ({mark})"

    def plan(self) -> SyncPlan:
        """What there is to do, after the sources were asked."""
        known = {(address, one.key): one for address, one in self._journal.unfinished() if address in self._sources}
        left = [(address, one) for (address, _), one in (known | self._planned).items()]
        made = self._journal.made("episode", "transcript")
        actions = [
            action(shown(address), one, made, self._now)
            for address, one in left
            if one.state not in ("done", "older", "elsewhere")
        ]
        return SyncPlan(tuple(actions), tuple(self._heard.failed), tuple(self._heard.remarks))

    # --- fetch ---

    def fetch(self) -> dict[str, tuple[str, Followed]]:
        """Fetches what is due; returns the episodes that wait to be read, by the names of their folders."""
        self._open = {(address, one.key): one for address, one in self._journal.unfinished()}
        asked = self._sources.keys() - self._resting() - self._silent_sources
        due = [
            (address, one) for (address, _), one in self._open.items() if address in asked and is_due(one, self._now)
        ]
        clear_fetched(self._root, self._waited_for())
        waiting: dict[str, tuple[str, Followed]] = {}
        for done, fetched in enumerate(fetch_all(self._root, self._sources, due, self._now) if due else (), 1):
            one, title = fetched.episode, _called(fetched.address, fetched.episode)
            self._heard.remarks += [Problem(title, remark) for remark in fetched.remarks]
            if fetched.folder:
                waiting[fetched.folder] = fetched.address, one
            else:
                self._open[fetched.address, one.key] = one
                self._journal.put([followed_entry(fetched.address, one), *self._others_try(one)])
                if one.state != "silent":
                    self._heard.failed.append(Problem(title, one.reason))
            if fetched.leave_alone_s:
                until = (self._now + dt.timedelta(seconds=fetched.leave_alone_s)).isoformat(timespec="seconds")
                self._put_state(fetched.address, self._state(fetched.address), not_before=until)
            self._progress("fetching", done, len(due))
        self._heard.fetched = len(waiting)
        return waiting

    def _others_try(self, one: Followed) -> list[Entry]:
        """The rows of other sources that list an episode which its own does not bring: the next sync asks them."""
        if one.state not in ("silent", "aside"):
            return []
        return [followed_entry(at, replace(other, state="due")) for at, other in self._journal.elsewhere([one.id])]

    def _waited_for(self) -> frozenset[str]:
        """The names of the folders of episodes that are not done, also of sources that are left out this time."""
        waited_for = (pair for pair in self._open.items() if pair[1].state not in ("done", "older", "elsewhere"))
        return frozenset(folder_name(address, one) for (address, _), one in waited_for if address in self._all)

    # --- take in ---

    def take_in(self, waiting: Mapping[str, tuple[str, Followed]]) -> IngestReport:
        """Reads what was fetched and what lies in folders, and writes what follows."""
        folders = self._folders()
        in_folders = [item for shelf in folders for _, item in shelf.items]
        unchanged = Unchanged(self._root)
        if not waiting and nothing_to_take_in(unchanged, in_folders):
            return IngestReport(episodes=len(in_folders), unchanged=len(in_folders))
        shelves = [*folders, self._fetched(waiting)] if waiting else folders
        report = take_in(self._library, self._journal, shelves, unchanged, self._progress)
        self._finish(waiting)
        keep_sync(unchanged, in_folders, report)
        return _named(report, waiting)

    def _fetched(self, waiting: Mapping[str, tuple[str, Followed]]) -> Shelf:
        base = self._root / FETCHED
        named = [(item.key.partition("/")[0], item) for item in scan_folder(base)]
        items = [(f"{_FETCHED}{name}", item) for name, item in named if name in waiting]
        return Shelf(base, items, {f"{_FETCHED}{name}": self._show_of(*waiting[name]) for name in waiting})

    def _show_of(self, address: str, one: Followed) -> str:
        """What a person calls the source, else its name when its episodes first came."""
        listed = one.listed.show if one.listed else ""
        return self._followed[address].show or listed or self._state(address).show

    def _folders(self) -> list[Shelf]:
        shelves = []
        for one in self._followed.values():
            if one.kind == "folder":
                try:
                    shelves.append(folder_shelf(folder_path(self._root, one), one.show))
                except IngestError as error:
                    self._heard.failed.append(Problem(one.url, _reason(error)))
        return shelves

    def _finish(self, waiting: Mapping[str, tuple[str, Followed]]) -> None:
        """What was read is done, or set aside with the reason why it could not be; its folder goes."""
        rows: list[Entry] = []
        for name, (address, one) in waiting.items():
            read = self._journal.source(f"{_FETCHED}{name}")
            if read is not None:
                done = one.finished("aside" if read.reason else "done", read.reason)
                rows.append(followed_entry(address, done))
                self._open[address, one.key] = done
        self._journal.put(rows, forget=[f"source:{_FETCHED}{name}" for name in waiting])
        clear_fetched(self._root, self._waited_for())

    # --- tell ---

    def report(self, taken: IngestReport, seconds: float) -> SyncReport:
        """What was heard and done."""
        states = Counter(one.state for (address, _), one in self._open.items() if address in self._sources)
        heard = self._heard
        return SyncReport(
            sources=len(self._followed),
            not_modified=heard.not_modified,
            new=heard.new,
            changed=heard.changed,
            gone=heard.gone,
            fetched=heard.fetched,
            later=states["later"],
            aside=states["aside"],
            silent=states["silent"],
            failed=tuple(heard.failed),
            remarks=tuple(heard.remarks),
            taken=taken,
            seconds=seconds,
        )


def _called(address: str, one: Followed) -> str:
    return f"{one.title or one.key} ({shown(address)})"


def _named(report: IngestReport, waiting: Mapping[str, tuple[str, Followed]]) -> IngestReport:
    """The report with fetched episodes called by their titles, not by the folders that they lay in."""
    called = {f"{_FETCHED}{name}": _called(address, one) for name, (address, one) in waiting.items()}

    def renamed(problems: Sequence[Problem]) -> tuple[Problem, ...]:
        return tuple(Problem(called.get(problem.where, problem.where), problem.message) for problem in problems)

    return replace(
        report,
        failed=renamed(report.failed),
        passed_over=renamed(report.passed_over),
        remarks=renamed(report.remarks),
    )


def _reason(error: IngestError) -> str:
    return f"{error.what} ({error.remedy})" if error.remedy else error.what
