"""What a source's listing brings, decided without a network or a library."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from ingest.plan import (
    MOST_TRIES,
    ListingPlan,
    Others,
    action,
    after_failure,
    episode_looks,
    is_due,
    is_moved,
    plan_listing,
)
from ingest.records import Followed, read_followed, write_followed
from ingest.sources.listing import ListedEpisode, Listing, TranscriptLink

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def listed(number: int, **changes: object) -> ListedEpisode:
    episode = ListedEpisode(
        key=f"guid-{number}",
        id=f"podcast:{number:016x}",
        title=f"The tide, part {number}",
        published=NOW - dt.timedelta(days=number),
        media=f"https://tide.example/{number}.mp3?token=a",
        duration_s=600.0 + number,
        people=("Ada Quill",),
        transcripts=(TranscriptLink(f"https://tide.example/{number}.vtt", "text/vtt", "en"),),
    )
    return replace(episode, **changes)  # type: ignore[arg-type]


def first(count: int, newest: int = 0) -> ListingPlan:
    return plan_listing(Listing(episodes=tuple(map(listed, range(count)))), {}, Others(), newest=newest)


def done(plan: ListingPlan) -> dict[str, Followed]:
    return {row.key: row.finished() if row.state == "due" else row for row in plan.rows}


def test_all_of_a_new_source_is_due() -> None:
    plan = first(3)
    assert (plan.new, plan.changed, plan.unchanged, plan.gone) == (3, 0, 0, 0)
    assert [(row.key, row.state) for row in plan.rows] == [(f"guid-{n}", "due") for n in range(3)]
    assert plan.rows[1].listed == listed(1)


def test_the_same_again_is_nothing() -> None:
    again = plan_listing(Listing(episodes=tuple(map(listed, range(3)))), done(first(3)), Others())
    assert again == ListingPlan(unchanged=3)


@pytest.mark.parametrize(
    ("change", "is_fetched"),
    [
        ({"title": "The tide, corrected"}, True),
        ({"transcripts": (TranscriptLink("https://tide.example/new.vtt", "text/vtt", "en"),)}, True),
        ({"chapters": "https://tide.example/chapters.json"}, True),
        ({"transcripts": (TranscriptLink("https://tide.example/1.vtt?v=2", "text/vtt", "en"),)}, True),
        ({"transcripts": (TranscriptLink("https://tide.example/1.vtt?Expires=9&sig=x", "text/vtt", "en"),)}, False),
        ({"media": "https://tide.example/1.mp3?token=b"}, False),
        ({"description": "Now with links."}, False),
    ],
)
def test_what_calls_for_a_fetch(change: dict[str, object], is_fetched: bool) -> None:
    episodes = (listed(0), listed(1, **change), listed(2))
    plan = plan_listing(Listing(episodes=episodes), done(first(3)), Others())
    assert plan.changed == is_fetched
    assert [row.key for row in plan.rows] == (["guid-1"] if is_fetched else [])


def test_a_source_that_changes_all_its_keys_has_the_same_episodes() -> None:
    renamed = tuple(listed(n, key=f"new-{n}", id=f"podcast:{99 + n:016x}") for n in range(3))
    plan = plan_listing(Listing(episodes=renamed), done(first(3)), Others())
    assert (plan.new, plan.changed, plan.gone) == (0, 0, 0)
    assert [(row.key, row.id, row.state) for row in plan.rows] == [
        (f"new-{n}", f"podcast:{n:016x}", "done") for n in range(3)
    ]


def test_new_keys_and_new_recordings_are_known_by_title_and_date() -> None:
    moved = tuple(listed(n, key=f"new-{n}", media=f"https://elsewhere.example/{n}.mp3") for n in range(3))
    assert plan_listing(Listing(episodes=moved), done(first(3)), Others()).new == 0


def test_two_episodes_are_never_taken_for_one_that_is_gone() -> None:
    known = done(first(1))
    twice = (listed(0, key="a"), listed(0, key="b"))
    plan = plan_listing(Listing(episodes=twice), known, Others())
    assert (plan.new, plan.unchanged) == (1, 1)


def test_an_episode_that_the_library_has_already_is_not_fetched() -> None:
    plan = plan_listing(Listing(episodes=(listed(0), listed(1))), {}, Others(have={listed(1).id}))
    assert [(row.key, row.state) for row in plan.rows] == [("guid-0", "due"), ("guid-1", "done")]
    assert plan.new == 1


def test_only_the_newest_are_taken_at_first_and_all_that_come_later() -> None:
    known = done(first(5, newest=2))
    assert [row.state for row in known.values()] == ["done", "done", "older", "older", "older"]
    later = plan_listing(Listing(episodes=(listed(7), *map(listed, range(5)))), known, Others(), newest=2)
    assert [(row.key, row.state) for row in later.rows] == [("guid-7", "due")]


def test_a_source_that_lists_nothing_deletes_nothing() -> None:
    plan = plan_listing(Listing(), done(first(4)), Others())
    assert plan.rows == ()
    assert plan.gone == 4
    assert "nothing is deleted" in plan.remarks[0]


def test_a_source_that_lists_less_says_so() -> None:
    plan = plan_listing(Listing(episodes=(listed(0),)), done(first(4)), Others(), listed_before=4)
    assert (plan.rows, plan.gone) == ((), 3)
    assert "nothing is deleted" in plan.remarks[0]


def test_a_source_that_always_lists_its_newest_alone_is_no_news() -> None:
    plan = plan_listing(Listing(episodes=(listed(0),)), done(first(4)), Others(), listed_before=1)
    assert plan.remarks == ()


def test_recordings_told_apart_by_their_query_are_not_one() -> None:
    def played(number: int) -> ListedEpisode:
        return listed(number, media=f"https://tide.example/get?ep={number}")

    known = {row.key: row.finished() for row in plan_listing(Listing(episodes=(played(0),)), {}, Others()).rows}
    plan = plan_listing(Listing(episodes=(played(3),)), known, Others())
    assert [(row.key, row.id, row.state) for row in plan.rows] == [("guid-3", listed(3).id, "due")]


def test_a_recording_that_all_share_tells_nothing() -> None:
    def played(number: int) -> ListedEpisode:
        return listed(number, media="https://tide.example/play")

    known = {row.key: row.finished() for row in plan_listing(Listing(episodes=(played(0),)), {}, Others()).rows}
    assert plan_listing(Listing(episodes=(played(5),)), known, Others()).new == 1


def test_a_key_that_another_episode_takes_over_is_not_its_own() -> None:
    other = listed(1, key="guid-0", id=listed(0).id)
    plan = plan_listing(Listing(episodes=(other,)), done(first(1)), Others())
    (row,) = plan.rows
    assert (row.state, row.key != "guid-0", row.id != listed(0).id) == ("due", True, True)
    again = plan_listing(Listing(episodes=(other,)), done(first(1)) | {row.key: row.finished()}, Others())
    assert (again.rows, again.new) == ((), 0)


def test_an_episode_that_another_source_brings_is_left_to_it() -> None:
    others = Others(have={listed(0).id}, bring=lambda episode: episode.id == listed(0).id)
    (row,) = plan_listing(Listing(episodes=(listed(0),)), {}, others).rows
    assert row.state == "elsewhere"
    changed = listed(0, title="The tide, by somebody else")
    (again,) = plan_listing(Listing(episodes=(changed,)), {row.key: row}, others).rows
    assert again.state == "elsewhere"


def test_an_old_key_is_forgotten() -> None:
    plan = plan_listing(Listing(episodes=(listed(0, key="new"),)), done(first(1)), Others())
    assert plan.forget == ("guid-0",)


def test_recordings_that_are_to_be_kept_from_now_on_are_fetched() -> None:
    assert plan_listing(Listing(episodes=(listed(0),)), done(first(1)), Others(), audio=True).changed == 1


def test_what_an_incomplete_listing_leaves_out_is_not_gone() -> None:
    plan = plan_listing(Listing(episodes=(listed(0),), complete=False), done(first(4)), Others())
    assert (plan.gone, plan.remarks) == (0, ())


def test_a_failure_is_tried_again_at_growing_distances_and_then_set_aside() -> None:
    one, moment = first(1).rows[0], NOW
    for _ in range(MOST_TRIES - 1):
        one = after_failure(one, "timed out", moment, None)
        assert one.state == "later"
        assert not is_due(one, moment)
        pause = dt.datetime.fromisoformat(one.next_at) - moment
        moment = dt.datetime.fromisoformat(one.next_at)
        assert is_due(one, moment)
    assert pause == dt.timedelta(hours=64)
    last = after_failure(one, "timed out", moment, None)
    assert (last.state, is_due(last, moment + dt.timedelta(days=365))) == ("aside", False)
    assert last.reason == f"timed out; tried {MOST_TRIES} times"


def test_a_server_that_asks_for_more_time_gets_it() -> None:
    one = after_failure(first(1).rows[0], "asks to wait", NOW, 7200.0)
    assert dt.datetime.fromisoformat(one.next_at) == NOW + dt.timedelta(hours=2)


def test_what_is_set_aside_is_tried_again_when_the_source_changes_it() -> None:
    aside = {"guid-0": first(1).rows[0].finished("aside", "is gone")}
    assert plan_listing(Listing(episodes=(listed(0),)), aside, Others()).rows == ()
    plan = plan_listing(Listing(episodes=(listed(0, title="The tide, again"),)), aside, Others())
    assert [(row.state, row.reason) for row in plan.rows] == [("due", "")]


@pytest.mark.parametrize("state", ["due", "later", "aside", "silent", "done"])
def test_a_row_is_read_as_it_was_written(state: str) -> None:
    one = replace(first(1).rows[0], state=state, tries=2, next_at="2026-03-01T13:00:00+00:00", reason="]] | ../")  # type: ignore[arg-type]
    assert read_followed(one.key, one.looks, one.state, write_followed(one)) == one


def test_actions_say_what_and_why() -> None:
    row = first(1).rows[0]
    assert action("https://tide.example", row, (), NOW).what == "new"
    assert action("https://tide.example", row, {row.id}, NOW).what == "changed"
    failed = after_failure(row, "timed out", NOW, None)
    assert action("https://tide.example", failed, (), NOW).what == "later"
    assert action("https://tide.example", failed, (), NOW + dt.timedelta(days=1)).what == "retry"
    assert action("https://tide.example", row.finished("silent", "has none"), (), NOW).reason == "has none"


def test_looks_are_short_and_of_the_listing_alone() -> None:
    assert episode_looks(listed(1)) == episode_looks(listed(1, key="other", id="podcast:other"))
    assert len(episode_looks(listed(1))) == 24


@pytest.mark.parametrize(("have", "state"), [(True, "done"), (False, "due")])
def test_an_episode_that_nobody_else_brings_any_more(have: bool, state: str) -> None:
    left = {"guid-0": replace(first(1).rows[0], state="elsewhere")}
    plan = plan_listing(Listing(episodes=(listed(0),)), left, Others(have={listed(0).id} if have else ()))
    assert [row.state for row in plan.rows] == [state]
    assert plan.new == (not have)


@pytest.mark.parametrize(("state", "then"), [("silent", "elsewhere"), ("aside", "elsewhere"), ("done", "due")])
def test_an_episode_that_another_source_took_over_stays_with_it(state: str, then: str) -> None:
    known = {"guid-0": replace(first(1).rows[0], state=state)}  # type: ignore[arg-type]
    others = Others(have={listed(0).id}, bring=lambda _: True)
    plan = plan_listing(Listing(episodes=(listed(0, title="The tide, again"),)), known, others)
    assert [row.state for row in plan.rows] == [then]


def test_recordings_that_are_no_longer_to_be_kept_call_for_nothing() -> None:
    kept = done(plan_listing(Listing(episodes=(listed(0),)), {}, Others(), audio=True))
    assert plan_listing(Listing(episodes=(listed(0),)), kept, Others()).rows == ()
    renamed = plan_listing(Listing(episodes=(listed(0, title="Another"),)), kept, Others())
    assert renamed.changed == 1


def test_a_source_is_known_at_another_address_by_most_of_its_episodes() -> None:
    known = done(first(6))
    assert is_moved(Listing(episodes=tuple(map(listed, range(4, 7)))), known)
    assert not is_moved(Listing(episodes=tuple(map(listed, range(5, 8)))), known), "one of three is chance"
    assert not is_moved(Listing(episodes=tuple(listed(n, title=f"Part {n}") for n in range(6))), known)
    assert not is_moved(Listing(episodes=(listed(0),)), {})
