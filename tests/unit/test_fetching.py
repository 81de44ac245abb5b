"""What becomes of episodes that are due, by what their source says: got, later, left alone, or without words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pytest

from ingest.errors import IngestError, NoTranscriptError, PermanentError, TemporaryError
from ingest.fetching import FETCHED, MOST_IN_A_ROW, Fetched, clear_fetched, fetch_all, folder_name
from ingest.plan import MOST_TRIES
from ingest.records import Followed
from ingest.sources.listing import ListedEpisode, Listing, Validators

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
ADDRESS = "https://tide.example/feed"


class Told:
    """A source that says of each episode what it is told to; the rest can be had."""

    def __init__(self, errors: Mapping[str, IngestError]) -> None:
        self.asked: list[str] = []
        self._errors = errors

    def listing(self, known: Validators) -> Listing:
        raise AssertionError(known)

    def fetch(self, episode: ListedEpisode, folder: Path) -> tuple[str, ...]:
        self.asked.append(episode.id)
        if error := self._errors.get(episode.id):
            raise error
        (folder / "episode.info.json").write_text("{}")
        return ()


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.fetching.AT_ONCE", 1)


def due(name: str) -> Followed:
    return Followed(
        key=name, id=name, looks="x", state="due", title=name, listed=ListedEpisode(key=name, id=name, title=name)
    )


def fetch(root: Path, names: list[str], errors: Mapping[str, IngestError]) -> tuple[list[str], dict[str, Fetched]]:
    source = Told(errors)
    found = fetch_all(root, {ADDRESS: source}, [(ADDRESS, due(name)) for name in names], NOW)
    return source.asked, {one.episode.id: one for one in found}


def test_one_episode_that_has_to_wait_keeps_no_other_waiting(tmp_path: Path) -> None:
    live = TemporaryError("is live", retry_after_s=7200, alone=True)
    asked, found = fetch(tmp_path, ["live", "a", "b"], {"live": live})
    assert asked == ["live", "a", "b"]
    assert (found["live"].episode.state, found["live"].leave_alone_s) == ("later", None)
    assert dt.datetime.fromisoformat(found["live"].episode.next_at) == NOW + dt.timedelta(hours=2)
    assert found["a"].folder


def test_a_server_that_wants_to_be_left_alone_is(tmp_path: Path) -> None:
    asked, found = fetch(tmp_path, ["busy", "a"], {"busy": TemporaryError("asks to wait", retry_after_s=600)})
    assert asked == ["busy"]
    assert found.keys() == {"busy"}, "the other stays due"
    assert found["busy"].leave_alone_s == 600


def test_a_source_that_fails_again_and_again_rests(tmp_path: Path) -> None:
    names = [f"slow-{number}" for number in range(MOST_IN_A_ROW + 5)]
    asked, found = fetch(tmp_path, names, {name: TemporaryError("is too slow") for name in names})
    assert len(asked) == MOST_IN_A_ROW
    assert {one.episode.state for one in found.values()} == {"later"}


def test_failures_with_successes_between_them_are_not_in_a_row(tmp_path: Path) -> None:
    names = [f"{kind}-{number}" for number in range(MOST_IN_A_ROW + 2) for kind in ("slow", "fine")]
    asked, _ = fetch(tmp_path, names, {name: TemporaryError("is too slow") for name in names if "slow" in name})
    assert asked == names


def test_what_is_announced_before_it_is_there_is_tried_again(tmp_path: Path) -> None:
    _, found = fetch(tmp_path, ["gone"], {"gone": PermanentError("is not there (404)")})
    assert (found["gone"].episode.state, found["gone"].episode.tries) == ("later", 1)


def test_captions_that_may_still_be_made_are_waited_for_and_never_count_as_a_fault(tmp_path: Path) -> None:
    one = due("new")
    for _ in range(MOST_TRIES - 1):
        source = Told({"new": NoTranscriptError("has no captions", may_come=True)})
        (one,) = [found.episode for found in fetch_all(tmp_path, {ADDRESS: source}, [(ADDRESS, one)], NOW)]
        assert one.state == "later"
    (one,) = [found.episode for found in fetch_all(tmp_path, {ADDRESS: source}, [(ADDRESS, one)], NOW)]
    assert one.state == "silent"
    _, found = fetch(tmp_path, ["none"], {"none": NoTranscriptError("lists no transcript")})
    assert found["none"].episode.state == "silent"


def test_what_nobody_waits_for_is_removed(tmp_path: Path) -> None:
    place = tmp_path / FETCHED
    wanted = folder_name(ADDRESS, due("a"))
    for name in (wanted, "old", ".new-old"):
        (place / name).mkdir(parents=True)
        (place / name / "episode.mp3.part").write_bytes(b"x")
    clear_fetched(tmp_path, frozenset({wanted}))
    assert [path.name for path in place.iterdir()] == [wanted]
