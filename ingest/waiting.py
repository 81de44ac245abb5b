"""What a library follows and could not get: sources that do not answer, episodes that wait."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.journal import Journal
from ingest.subscriptions import load_subscriptions, shown

if TYPE_CHECKING:
    from kb.library import Library


@dataclass(frozen=True, slots=True)
class WaitingEpisode:
    """An episode that is not done: ``due``, to be tried ``later`` after ``next_at``, set ``aside``, or ``silent``.

    ``source`` is the address as it may be shown, without a password.
    """

    state: str
    source: str
    episode: str  # its id
    title: str
    reason: str
    next_at: str  # ISO 8601, UTC; empty where there is no such time


@dataclass(frozen=True, slots=True)
class TroubledSource:
    """A source that did not answer as it should when it was last asked, ``failures`` times in a row."""

    source: str
    problem: str
    failures: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many sources a library follows, and what of them waits."""

    sources: int
    waiting: tuple[WaitingEpisode, ...]
    troubled: tuple[TroubledSource, ...]


def waiting_in(library: Library) -> Waiting:
    """What waits in a library, of the sources that it still follows. Raises ConfigError."""
    journal = Journal(library.store, dt.datetime.now(dt.UTC))
    followed = {one.url for one in load_subscriptions(library.root)}
    episodes = tuple(
        WaitingEpisode(one.state, shown(address), one.id, one.title, one.reason, one.next_at)
        for address, one in journal.unfinished()
        if address in followed
    )
    troubled = tuple(
        TroubledSource(shown(address), state.problem, state.failures)
        for address, state in sorted(journal.source_states().items())
        if address in followed and state.problem
    )
    return Waiting(len(followed), episodes, troubled)
