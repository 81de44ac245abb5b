"""A sync against a real server: what is new is fetched once, what fails waits, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from ingest.pipeline import ingest_folder
from ingest.subscriptions import Subscription, add_subscription, remove_subscription
from ingest.syncing import plan, retry, sync
from kb.errors import LibraryBusyError, NotFoundError
from kb.library import Library, create_library
from tests.fakes.embedder import HashEmbedder
from tests.fakes.feeds import Podcast
from tests.fakes.server import Answer, Server

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def podcast(server: Server) -> Podcast:
    found = Podcast(server)
    found.publish(3)
    return found


@pytest.fixture
def library(tmp_path: Path, podcast: Podcast) -> Iterator[Library]:
    with create_library(tmp_path / "library", embedder=HashEmbedder()) as made:
        follow(made, podcast.url)
        yield made


def follow(library: Library, url: str, **settings: object) -> None:
    subscription = Subscription(url=url, kind="feed", allow_private=True, **settings)  # type: ignore[arg-type]
    assert add_subscription(library.root, subscription)


def files_of(library: Library) -> dict[str, str]:
    """The notes and transcripts by path, with their hashes."""
    return {
        path.relative_to(library.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("notes", "transcripts", "media")
        for path in sorted((library.root / folder).rglob("*"))
        if path.is_file()
    }


def test_a_first_sync_brings_every_episode(library: Library, server: Server) -> None:
    report = sync(library, now=NOW)
    assert (report.new, report.fetched, report.taken.new, report.exit_code) == (3, 3, 3, 0)
    assert (report.taken.transcripts, report.taken.notes) == (3, 3)
    assert sorted(entry.episode.title for entry in library.episodes()) == ["Letter 0", "Letter 1", "Letter 2"]
    assert not list((library.root / ".hark" / "fetched").iterdir())
    episode = library.episodes()[0].episode
    assert (episode.title, episode.show, episode.speakers) == ("Letter 2", "The Lamp Post", ("Ada Quill", "Bo Marsh"))
    assert episode.date == dt.date(2026, 1, 3)
    assert episode.url == server.url("/feed/2.mp3")


def test_a_second_sync_asks_once_and_does_nothing(library: Library, server: Server) -> None:
    sync(library, now=NOW)
    before, embedded = files_of(library), len(library.embedder().encoded)  # type: ignore[attr-defined]
    server.forget()
    report = sync(library, now=NOW)
    assert [request.path for request in server.log] == ["/feed.xml"]
    assert server.log[0].headers["if-none-match"]
    assert (report.not_modified, report.new, report.taken.transcripts, report.taken.notes) == (1, 0, 0, 0)
    assert files_of(library) == before
    assert len(library.embedder().encoded) == embedded  # type: ignore[attr-defined]


def test_a_new_episode_costs_its_own_requests(library: Library, server: Server, podcast: Podcast) -> None:
    sync(library, now=NOW)
    podcast.publish(4)
    server.forget()
    report = sync(library, now=NOW)
    assert (report.new, report.taken.new, report.taken.notes) == (1, 1, 1)
    assert sorted(request.path for request in server.log) == ["/feed.xml", "/feed/3.json", "/feed/3.vtt"]


def test_a_changed_transcript_is_fetched_and_its_note_follows(library: Library, podcast: Podcast) -> None:
    sync(library, now=NOW)
    before = files_of(library)
    podcast.publish(3, changed=frozenset({1}))
    report = sync(library, now=NOW)
    assert (report.changed, report.taken.changed, report.taken.transcripts) == (1, 1, 1)
    after = files_of(library)
    assert before.keys() == after.keys()
    changed = {path for path in after if after[path] != before[path]}
    assert {"transcripts/the_lamp_post/letter_1.vtt"} <= changed
    assert "read again" in (library.root / "transcripts/the_lamp_post/letter_1.vtt").read_text()


def test_what_a_server_cannot_give_now_is_tried_again_later(library: Library, server: Server, podcast: Podcast) -> None:
    server.route("/feed/1.vtt", status=404)
    report = sync(library, now=NOW)
    assert (report.taken.new, report.exit_code) == (2, 1)
    assert len(report.failed) == 1
    assert "Letter 1" in report.failed[0].where
    assert (report.later, report.aside) in {(1, 0), (0, 1)}
    assert sync(library, now=NOW).taken.new == 0
    podcast.publish(3)
    assert retry(library, []) == 1
    again = sync(library, now=NOW)
    assert (again.taken.new, again.later, again.aside, again.exit_code) == (1, 0, 0, 0)


def test_a_source_that_fails_does_not_stop_the_others(library: Library, server: Server) -> None:
    follow(library, server.url("/gone.xml"))
    server.route("/page", b"<!doctype html><title>A page</title>", type="text/html")
    follow(library, server.url("/page"))
    report = sync(library, now=NOW)
    assert report.taken.new == 3
    assert {problem.where for problem in report.failed} == {server.url("/gone.xml"), server.url("/page")}
    assert report.exit_code == 1


def test_a_source_that_asks_to_be_left_alone_is(library: Library, server: Server, podcast: Podcast) -> None:
    server.route("/feed.xml", status=429, headers={"Retry-After": "7200"})
    assert sync(library, now=NOW).failed
    podcast.publish(3)
    server.forget()
    report = sync(library, now=NOW + dt.timedelta(hours=1))
    assert (report.failed, server.log) == ((), [])
    assert "left alone" in report.remarks[0].message
    assert sync(library, now=NOW + dt.timedelta(hours=3)).taken.new == 3


def test_a_source_that_lists_nothing_deletes_nothing(library: Library, server: Server, podcast: Podcast) -> None:
    sync(library, now=NOW)
    before = files_of(library)
    podcast.publish(0)
    report = sync(library, now=NOW)
    assert files_of(library) == before
    assert any("nothing is deleted" in remark.message for remark in report.remarks)
    podcast.publish(4)
    assert sync(library, now=NOW).taken.new == 1


def test_an_episode_without_a_transcript_waits_for_one(library: Library, server: Server) -> None:
    item = "<item><title>Silent</title><guid>silent-letter-without-words</guid></item>"
    feed = f"<rss version='2.0'><channel><title>Quiet</title>{item}</channel></rss>"
    server.route("/quiet.xml", feed.encode(), type="application/rss+xml")
    follow(library, server.url("/quiet.xml"))
    report = sync(library, now=NOW)
    assert (report.silent, report.exit_code, report.taken.new) == (1, 0, 3)


def test_a_recording_is_kept_where_it_is_asked_for(tmp_path: Path, podcast: Podcast) -> None:
    with create_library(tmp_path / "with-audio", embedder=HashEmbedder()) as library:
        follow(library, podcast.url, audio=True, newest=1)
        sync(library, now=NOW)
        assert "media/the_lamp_post/letter_2.mp3" in files_of(library)
        (entry,) = library.episodes()
        assert library.media_path(entry.episode) == library.root / "media/the_lamp_post/letter_2.mp3"


def test_a_dry_run_says_what_a_sync_would_do_and_writes_nothing(library: Library, server: Server) -> None:
    found = plan(library, now=NOW)
    assert sorted((one.what, one.title) for one in found.actions) == [("new", f"Letter {n}") for n in range(3)]
    assert files_of(library) == {}
    assert sync(library, now=NOW).taken.new == 3
    assert plan(library, now=NOW).actions == ()


def test_a_library_whose_derived_folder_is_gone_fetches_nothing_twice(
    library: Library, server: Server, tmp_path: Path
) -> None:
    sync(library, now=NOW)
    before = files_of(library)
    library.close()
    import shutil

    shutil.rmtree(library.root / ".hark")
    server.forget()
    with create_library(library.root, embedder=HashEmbedder()) as again:
        report = sync(again, now=NOW)
        assert report.taken.transcripts == 0
        assert [request.path for request in server.log] == ["/feed.xml"]
        assert files_of(again) == before
        assert len(again.episodes()) == 3


def test_only_what_is_asked_for(library: Library, server: Server) -> None:
    other = Podcast(server, path="/other.xml", title="The Other Lamp")
    other.publish(2)
    follow(library, other.url)
    assert sync(library, only=[other.url], now=NOW).taken.new == 2
    with pytest.raises(NotFoundError, match="is not followed"):
        sync(library, only=["https://nobody.example/feed"], now=NOW)


def test_the_same_episode_in_two_feeds_is_one(library: Library, server: Server, podcast: Podcast) -> None:
    server.route("/mirror.xml", podcast.body, type="application/rss+xml")
    follow(library, server.url("/mirror.xml"))
    report = sync(library, now=NOW)
    assert (report.new, report.exit_code) == (3, 0)
    assert len(library.episodes()) == 3
    assert sync(library, now=NOW).taken.transcripts == 0


def test_a_folder_is_followed_too(library: Library, tmp_path: Path) -> None:
    talks = tmp_path / "talks"
    talks.mkdir()
    (talks / "tide.vtt").write_text("WEBVTT\n\n00:00:01.000 --> 00:00:04.000\nThe tide keeps a slow clock.\n")
    add_subscription(library.root, Subscription(url=str(talks), kind="folder"))
    assert sync(library, now=NOW).taken.new == 4
    (talks / "moon.vtt").write_text("WEBVTT\n\n00:00:01.000 --> 00:00:04.000\nThe moon pulls at the sea.\n")
    assert sync(library, now=NOW).taken.new == 1
    assert sync(library, now=NOW).taken.transcripts == 0


def test_a_second_sync_at_the_same_time_says_who_has_the_library(library: Library) -> None:
    other = create_library(library.root, embedder=HashEmbedder())
    with other, library.lock(), pytest.raises(LibraryBusyError, match=r"process \d+, since"):
        sync(other, now=NOW)


def test_an_ingest_and_a_sync_share_a_library(library: Library, tmp_path: Path) -> None:
    talks = tmp_path / "talks"
    talks.mkdir()
    (talks / "tide.vtt").write_text("WEBVTT\n\n00:00:01.000 --> 00:00:04.000\nThe tide keeps a slow clock.\n")
    ingest_folder(library, talks)
    assert sync(library, now=NOW).taken.new == 3
    assert ingest_folder(library, talks).unchanged == 1
    assert len(library.episodes()) == 4


def test_a_title_that_changes_keeps_its_file_and_its_old_name(
    library: Library, server: Server, podcast: Podcast
) -> None:
    sync(library, now=NOW)
    before = files_of(library)
    body = podcast.body.replace(b"Letter 1<", b"A letter about bread<")
    server.route("/feed.xml", body, type="application/rss+xml")
    sync(library, now=NOW)
    assert files_of(library).keys() == before.keys()
    note = library.note("the_lamp_post/letter_1.md")
    assert (note.front.title, note.front.aliases) == ("A letter about bread", ("Letter 1",))
    assert library.resolve("Letter 1") == "the_lamp_post/letter_1.md"


def test_the_report_is_json(library: Library) -> None:
    from interfaces.cli.reports import sync_document

    document = json.loads(json.dumps(sync_document(sync(library, now=NOW))))
    assert document["taken"]["new"] == 3
    assert document["failed"] == []


def test_a_server_that_breaks_off_leaves_nothing_behind(library: Library, server: Server, podcast: Podcast) -> None:
    server.route("/feed/0.vtt", lambda request: Answer(b"WEBVTT", headers={"Content-Length": "900"}, close=True))
    report = sync(library, now=NOW)
    assert (report.taken.new, report.later) == (2, 1)
    assert "transcripts/the_lamp_post/letter_0.vtt" not in files_of(library)


def test_two_shows_of_one_name_stay_two(library: Library, server: Server, podcast: Podcast) -> None:
    other = Podcast(server, path="/other.xml", title=podcast.title)
    other.publish(2)
    sync(library, now=NOW)
    follow(library, other.url)
    sync(library, now=NOW)
    assert sorted(show.name for show in library.shows()) == ["The Lamp Post", "The Lamp Post (127.0.0.1)"]
    assert len(library.episodes()) == 5


def test_a_show_that_calls_itself_otherwise_stays_one(library: Library, server: Server, podcast: Podcast) -> None:
    sync(library, now=NOW)
    before = files_of(library)
    podcast.title = "The Lamp Post Daily"
    podcast.publish(4)
    report = sync(library, now=NOW)
    assert report.taken.new == 1
    assert [show.name for show in library.shows()] == ["The Lamp Post"]
    assert before.keys() < files_of(library).keys()
    assert "calls itself" in report.remarks[0].message


def test_a_person_may_name_the_show_of_a_folder(library: Library, tmp_path: Path) -> None:
    talks = tmp_path / "talks"
    talks.mkdir()
    (talks / "tide.vtt").write_text("WEBVTT\n\n00:00:01.000 --> 00:00:04.000\nThe tide keeps a slow clock.\n")
    add_subscription(library.root, Subscription(url=str(talks), kind="folder", show="Evenings at Sea"))
    sync(library, now=NOW)
    assert "transcripts/evenings_at_sea/tide.vtt" in files_of(library)


def test_a_folder_that_is_not_there_is_told_once(library: Library, tmp_path: Path) -> None:
    add_subscription(library.root, Subscription(url=str(tmp_path / "nowhere"), kind="folder"))
    report = sync(library, now=NOW)
    assert (len(report.failed), report.taken.new) == (1, 3)


def one_letter(
    server: Server,
    path: str,
    *,
    title: str = "Quiet",
    said: str = "",
    name: str = "A letter",
    guid: str = "a-letter-that-two-feeds-have",
) -> str:
    """A feed with one episode; ``said`` is where its transcript is. Returns its address."""
    link = f"<podcast:transcript url='{server.url(said)}' type='text/vtt'/>" if said else ""
    item = f"<item><title>{name}</title><guid>{guid}</guid>{link}</item>"
    names = "xmlns:podcast='https://podcastindex.org/namespace/1.0'"
    feed = f"<rss version='2.0' {names}><channel><title>{title}</title>{item}</channel></rss>"
    server.route(path, feed.encode(), type="application/rss+xml")
    return server.url(path)


def say(server: Server, path: str, words: str) -> None:
    server.route(path, f"WEBVTT\n\n00:00:01.000 --> 00:00:04.000\n{words}\n".encode(), type="text/vtt")


def transcripts(library: Library) -> str:
    return "".join(path.read_text() for path in sorted(library.root.glob("transcripts/*/*.vtt")))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Library]:
    with create_library(tmp_path / "empty", embedder=HashEmbedder()) as made:
        yield made


def test_another_feed_cannot_replace_an_episode(empty: Library, server: Server) -> None:
    say(server, "/true.vtt", "The tide keeps a slow clock.")
    say(server, "/lies.vtt", "Nothing of it is so.")
    follow(empty, one_letter(server, "/good.xml", said="/true.vtt", title="Good Evening"))
    sync(empty, now=NOW)
    before = transcripts(empty)
    follow(empty, one_letter(server, "/evil.xml", said="/lies.vtt", title="Evil"))
    sync(empty, now=NOW)
    one_letter(server, "/evil.xml", said="/lies.vtt", title="Evil", name="Another letter")
    sync(empty, now=NOW)
    server.route("/true.vtt", status=404)
    one_letter(server, "/good.xml", said="/true.vtt", title="Good Evening", name="A letter, mended")
    for days in range(12):  # until the good one is set aside
        report = sync(empty, now=NOW + dt.timedelta(days=days))
    assert (report.aside, "Nothing of it" in transcripts(empty)) == (1, False)
    say(server, "/true.vtt", "The tide keeps a slow clock.")
    remove_subscription(empty.root, server.url("/good.xml"))
    one_letter(server, "/evil.xml", said="/lies.vtt", title="Evil", name="A third letter")
    sync(empty, now=NOW)
    assert transcripts(empty) == before


def test_an_episode_comes_from_the_source_that_has_its_words(empty: Library, server: Server) -> None:
    say(server, "/words.vtt", "The tide keeps a slow clock.")
    follow(empty, one_letter(server, "/a.xml", title="Without"))
    follow(empty, one_letter(server, "/b.xml", title="With", said="/words.vtt"))
    assert sync(empty, now=NOW).silent == 1
    assert sync(empty, now=NOW).taken.new == 1
    one_letter(server, "/a.xml", title="Without", said="/late.vtt")  # the first has them too now
    say(server, "/late.vtt", "The tide keeps a slow clock.")
    report = sync(empty, now=NOW)
    assert (report.fetched, report.silent, len(empty.episodes())) == (0, 0, 1)


def test_an_episode_of_a_source_that_is_removed_comes_from_another(empty: Library, server: Server) -> None:
    say(server, "/words.vtt", "The tide keeps a slow clock.")
    server.route("/busy.vtt", status=503)
    follow(empty, one_letter(server, "/a.xml", said="/busy.vtt"))
    follow(empty, one_letter(server, "/b.xml", said="/words.vtt"))
    assert sync(empty, now=NOW).taken.new == 0
    remove_subscription(empty.root, server.url("/a.xml"))
    assert sync(empty, now=NOW).taken.new == 1


def test_what_a_removed_source_left_half_fetched_goes(empty: Library, server: Server, podcast: Podcast) -> None:
    cut = Answer(b"ID3" + bytes(5000), headers={"Content-Length": "9000"}, type="audio/mpeg", close=True)
    server.route("/feed/0.mp3", lambda request: cut)
    podcast.publish(1)
    server.route("/feed/0.mp3", lambda request: cut)
    follow(empty, podcast.url, audio=True)
    sync(empty, now=NOW)
    assert list((empty.root / ".hark/fetched").rglob("*.part"))
    remove_subscription(empty.root, podcast.url)
    sync(empty, now=NOW)
    assert list((empty.root / ".hark/fetched").iterdir()) == []


def test_a_source_is_known_again_at_its_new_address(empty: Library, server: Server) -> None:
    """By short guids, which are an episode's own only within one feed."""
    say(server, "/words.vtt", "The tide keeps a slow clock.")
    old = one_letter(server, "/old.xml", said="/words.vtt", guid="7")
    follow(empty, old)
    assert sync(empty, now=NOW).taken.new == 1
    remove_subscription(empty.root, old)
    follow(empty, one_letter(server, "/new.xml", said="/words.vtt", guid="7"))
    assert plan(empty, now=NOW).actions == ()
    report = sync(empty, now=NOW)
    assert (report.new, report.fetched, len(empty.episodes())) == (0, 0, 1)
    one_letter(server, "/new.xml", said="/words.vtt", guid="7", name="A letter, mended")
    assert sync(empty, now=NOW).taken.changed == 1
    assert [show.name for show in empty.shows()] == ["Quiet"]


def test_a_third_show_of_one_name_tells_no_secret(empty: Library, server: Server) -> None:
    for number in range(3):
        other = Podcast(server, path=f"/{number}.xml?token=SECRET", title="Same")
        other.publish(1)
        follow(empty, other.url.replace("http://", "http://me:hunter2@"))
    sync(empty, now=NOW)
    names = sorted(show.name for show in empty.shows())
    assert names[:2] == ["Same", "Same (127.0.0.1)"]
    assert len(names) == 3
    told = "".join(names) + "".join(files_of(empty))
    assert "hunter2" not in told
    assert "SECRET" not in told


def test_who_answers_first_does_not_name_a_show(empty: Library, server: Server) -> None:
    second = Event()
    feeds = []
    for number in range(2):
        found = Podcast(server, path=f"/{number}.xml", title="Same")
        found.publish(1)
        follow(empty, found.url)
        feeds.append(found.body)

    def first_answers_last(request: object) -> Answer:
        assert second.wait(10)
        return Answer(feeds[0], type="application/rss+xml")

    def second_answers(request: object) -> Answer:
        second.set()
        return Answer(feeds[1], type="application/rss+xml")

    server.route("/0.xml", first_answers_last)
    server.route("/1.xml", second_answers)
    sync(empty, now=NOW)
    assert "from 0." in (empty.root / "transcripts/same/letter_0.vtt").read_text()


def test_a_source_that_a_person_names_is_asked_though_it_wants_to_be_left_alone(
    library: Library, server: Server, podcast: Podcast
) -> None:
    server.route("/feed.xml", status=503, headers={"Retry-After": "604800"})
    sync(library, now=NOW)
    podcast.publish(3)
    assert sync(library, now=NOW + dt.timedelta(days=1)).taken.new == 0
    assert sync(library, only=[podcast.url], now=NOW + dt.timedelta(days=1)).taken.new == 3


def test_trying_again_lifts_what_a_server_asked_for(library: Library, server: Server, podcast: Podcast) -> None:
    server.route("/feed.xml", status=503, headers={"Retry-After": "604800"})
    sync(library, now=NOW)
    podcast.publish(3)
    assert retry(library, [podcast.url]) == 1
    assert sync(library, now=NOW).taken.new == 3


def test_changed_settings_are_seen_though_the_feed_is_as_it_was(library: Library, podcast: Podcast) -> None:
    sync(library, now=NOW)
    assert sync(library, now=NOW).not_modified == 1
    settings = library.root / "hark.toml"
    wanted = 'allow_private = true\naudio = true\nshow = "Night Letters"'
    settings.write_text(settings.read_text().replace("allow_private = true", wanted))
    report = sync(library, now=NOW)
    assert (report.not_modified, report.changed) == (0, 3)
    assert [show.name for show in library.shows()] == ["Night Letters"]
    assert len(list(library.root.glob("media/*/*.mp3"))) == 3
    assert sync(library, now=NOW).not_modified == 1


def test_an_episode_that_waits_is_one_whatever_key_it_has(empty: Library, server: Server, podcast: Podcast) -> None:
    server.route("/feed/0.vtt", status=404)
    follow(empty, podcast.url)
    sync(empty, now=NOW)
    for letter in (b"a", b"b"):
        body = podcast.body.replace(b">lamp-post-letter", b">lamp-post-note-" + letter)
        server.route("/feed.xml", body, type="application/rss+xml")
        assert [one.title for one in plan(empty, now=NOW).actions] == ["Letter 0"]
        assert sync(empty, now=NOW).later == 1
    assert retry(empty, []) == 1
    podcast.publish(3)
    server.route("/feed.xml", body, type="application/rss+xml")
    report = sync(empty, now=NOW)
    assert (report.taken.new, report.later, report.aside) == (1, 0, 0)
