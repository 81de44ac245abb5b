"""Sources that answer wrongly, slowly or with malice: each gets a clear line, and the good one comes in whole."""

from __future__ import annotations

import datetime as dt
import functools
import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from xml.sax.saxutils import escape

import pytest

from ingest.report import SyncReport
from ingest.sources.fetch import Client, Patience
from ingest.subscriptions import Subscription, add_subscription
from ingest.syncing import sync
from kb.library import Library, create_library
from kb.transcripts.webvtt import parse_webvtt
from tests.fakes.embedder import HashEmbedder
from tests.fakes.feeds import AUDIO, Podcast
from tests.fakes.server import Answer, Request, Server
from tests.fakes.talks import vtt

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
GOOD = 2  # episodes of the good feed beside each bad one
SAID = vtt([("Ada Quill", "A honey bee visits a thousand flowers."), ("Bo Marsh", "The queen bee lays the eggs.")])
OTHER = vtt([("Ada Quill", "The oven has to be hot."), ("Bo Marsh", "The dough rests in the cellar.")])

Item = Callable[..., str]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        running.route("/said.vtt", SAID.encode(), type="text/vtt")
        running.route("/other.vtt", OTHER.encode(), type="text/vtt")
        running.route("/sound.mp3", AUDIO, type="audio/mpeg")
        yield running


@pytest.fixture
def library(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """One that follows a good feed already."""
    be_patient(monkeypatch, get_s=10)
    with create_library(tmp_path / "library", embedder=HashEmbedder()) as made:
        good = Podcast(server, path="/good.xml", title="Good Evening", lines=4)
        good.publish(GOOD)
        follow(made, good.url)
        yield made


def be_patient(monkeypatch: pytest.MonkeyPatch, *, get_s: float) -> None:
    patience = Patience(read_s=5, get_s=get_s, download_s=0.7, tries=2, backoff_s=0.01)
    monkeypatch.setattr("ingest.sources.fetch.Client", functools.partial(Client, patience=patience))


def follow(library: Library, url: str, **settings: bool | int) -> str:
    given: dict[str, bool | int] = {"allow_private": True} | settings
    assert add_subscription(library.root, Subscription(url=url, kind="feed", **given))  # type: ignore[arg-type]
    return url


def item(
    server: Server, title: str = "One", *, guid: str | None = None, said: str = "/said.vtt", more: str = ""
) -> str:
    """An item with a transcript; ``guid`` None makes one of the title, an empty one leaves it out."""
    named = f"guid-of-the-episode-{title}" if guid is None else guid
    told = f"<guid isPermaLink='false'>{escape(named)}</guid>" if named else ""
    link = f"<podcast:transcript url='{server.url(said)}' type='text/vtt'/>" if said else ""
    return f"<item><title>{escape(title)}</title>{told}{link}{more}</item>"


def channel(*items: str, title: str = "Odd Hours", head: str = "") -> bytes:
    return (
        "<?xml version='1.0' encoding='utf-8'?><rss version='2.0'"
        " xmlns:podcast='https://podcastindex.org/namespace/1.0'>"
        f"<channel><title>{escape(title)}</title>{head}{''.join(items)}</channel></rss>"
    ).encode()


def odd(library: Library, server: Server, *items: str, **settings: bool | int) -> str:
    """Follows a feed of these items; returns its address."""
    server.route("/odd.xml", channel(*items), type="application/rss+xml")
    return follow(library, server.url("/odd.xml"), **settings)


def titles(library: Library, show: str = "Odd Hours") -> list[str]:
    return [one.episode.title for one in library.episodes() if one.episode.show == show]


def text_of(library: Library, title: str) -> str:
    (path,) = [one.transcript for one in library.episodes() if one.episode.title == title]
    return (library.root / path).read_text()


def told(report: SyncReport) -> list[str]:
    """Every line of a report, each checked to be a line."""
    problems = (*report.failed, *report.remarks, *report.taken.failed, *report.taken.remarks)
    lines = [f"{one}" for one in problems]
    assert all("\n" not in line and "Traceback" not in line and len(line) < 1000 for line in lines)
    return lines


def assert_whole(library: Library) -> None:
    """The good feed is in; nothing is half there: transcripts can be read, each has its note, and no file is stray."""
    assert len(titles(library, "Good Evening")) == GOOD
    known = {one.transcript: one.notes for one in library.episodes()}
    found = {path.relative_to(library.root).as_posix() for path in (library.root / "transcripts").rglob("*.*")}
    assert found == set(known)
    for path, notes in known.items():
        assert parse_webvtt((library.root / path).read_text()).segments
        assert len(notes) == 1
    names = [path for folder in ("notes", "transcripts", "media") for path in (library.root / folder).rglob("*")]
    assert not [path for path in names if path.is_file() and path.suffix not in {".md", ".vtt", ".mp3"}]
    assert all(len(path.name.encode()) <= 255 and path.resolve().is_relative_to(library.root) for path in names)


# --- feeds that are none, or not quite --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "type", "words"),
    [
        (b"<!doctype html><html><title>Subscribe!</title></html>", "text/html", "web page"),
        (b"<!doctype html><html><title>Subscribe!</title></html>", "application/rss+xml", "web page"),
        (b"", "application/rss+xml", ""),
        (b"\x00\xff\x00\xfe" * 200, "application/rss+xml", ""),
        (b'{"title": "no feed"}', "application/json", ""),
        (b"<rss><channel><title>Torn", "application/rss+xml", ""),
    ],
    ids=["page", "page-as-feed", "empty", "bytes", "json", "torn"],
)
def test_what_is_no_feed(library: Library, server: Server, body: bytes, type: str, words: str) -> None:
    server.route("/odd.xml", body, type=type)
    url = follow(library, server.url("/odd.xml"))
    report = sync(library, now=NOW)
    lines = [line for line in told(report) if line.startswith(url)]
    assert lines
    assert words in lines[0]
    assert report.taken.new == GOOD
    assert_whole(library)


def test_a_feed_that_breaks_off_gives_what_can_be_read(library: Library, server: Server) -> None:
    whole = channel(item(server, "First"), item(server, "Second"))
    url = server.route("/odd.xml", whole[: whole.rindex(b"<guid")], type="application/rss+xml")
    follow(library, url)
    report = sync(library, now=NOW)
    assert titles(library) == ["First"]
    assert any("not well-formed" in line or "what could be read was taken" in line for line in told(report))
    assert_whole(library)
    server.route("/odd.xml", whole, type="application/rss+xml")
    assert sync(library, now=NOW).taken.new == 1
    assert sorted(titles(library)) == ["First", "Second"]


def test_items_without_a_guid_are_known_again(library: Library, server: Server) -> None:
    sound = f"<enclosure url='{server.url('/sound.mp3')}?token=%s' type='audio/mpeg'/>"
    odd(library, server, item(server, "One", guid="", more=sound % 1), item(server, "Two", guid=""))
    assert sync(library, now=NOW).taken.new == GOOD + 2
    server.route("/odd.xml", channel(item(server, "One", guid="", more=sound % 2), item(server, "Two", guid="")))
    report = sync(library, now=NOW)
    assert (report.new, report.gone, report.taken.transcripts) == (0, 0, 0)
    assert sorted(titles(library)) == ["One", "Two"]
    assert_whole(library)


def test_a_guid_that_is_repeated(library: Library, server: Server) -> None:
    same, sound = "the-one-guid-of-them-all", "<enclosure url='{}' type='audio/mpeg'/>"
    first = item(server, "One", guid=same, more=sound.format(server.url("/sound.mp3")))
    second = item(server, "Two", guid=same, said="/other.vtt", more=sound.format(server.url("/other.mp3")))
    odd(library, server, first, second, first)
    report = sync(library, now=NOW)
    assert sorted(titles(library)) == ["One", "Two"]
    assert "oven" in text_of(library, "Two")
    assert any("guid" in line for line in told(report))
    assert_whole(library)


def test_all_guids_changed(library: Library, server: Server) -> None:
    def items(part: str) -> list[str]:
        date = "<pubDate>Thu, 0{} Jan 2026 06:00:00 GMT</pubDate>"
        return [item(server, f"No {n}", guid=f"{part}-guid-number-{n}-of-odd", more=date.format(n)) for n in (1, 2, 3)]

    odd(library, server, *items("old"))
    sync(library, now=NOW)
    files = sorted(library.root.glob("[nt]*/*/*"))
    server.forget()
    server.route("/odd.xml", channel(*items("new")))
    report = sync(library, now=NOW)
    assert (report.new, report.gone, report.taken.transcripts) == (0, 0, 0)
    assert {request.path for request in server.log} == {"/good.xml", "/odd.xml"}
    assert sorted(library.root.glob("[nt]*/*/*")) == files
    assert_whole(library)


def test_dates_in_five_forms_and_in_the_future(library: Library, server: Server) -> None:
    forms = {
        "RFC 822": "Mon, 02 Feb 2026 06:00:00 +0100",
        "ISO": "2026-02-03T06:00:00Z",
        "Short": "4 Feb 2026 06:00 GMT",
        "Day": "2026-02-05",
        "Old zone": "Fri, 06 Feb 2026 06:00:00 EST",
        "Future": "Mon, 01 Jan 2525 06:00:00 GMT",
        "Nonsense": "the day before yesterday",
    }
    odd(library, server, *(item(server, name, more=f"<pubDate>{date}</pubDate>") for name, date in forms.items()))
    report = sync(library, now=NOW)
    assert report.taken.new == GOOD + len(forms)
    dates = {one.episode.title: one.episode.date for one in library.episodes()}
    days = {"RFC 822": 2, "ISO": 3, "Short": 4, "Day": 5, "Old zone": 6}
    assert {name: dates[name] for name in days} == {name: dt.date(2026, 2, day) for name, day in days.items()}
    assert (dates["Future"], dates["Nonsense"]) == (None, None)
    assert any("date" in line for line in told(report))
    assert_whole(library)


def test_a_feed_of_thousands_takes_what_is_wanted(library: Library, server: Server) -> None:
    items = [
        item(server, f"No {n}", more=f"<pubDate>{NOW - dt.timedelta(hours=n):%a, %d %b %Y %H:%M:%S} GMT</pubDate>")
        for n in range(2_000)
    ]
    odd(library, server, *items, newest=2)
    report = sync(library, now=NOW)
    assert (report.new, report.taken.new) == (GOOD + 2, GOOD + 2)
    assert titles(library) == ["No 0", "No 1"]
    assert sync(library, now=NOW).not_modified == 2
    assert_whole(library)


# --- recordings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/empty.mp3", "recording is left out"),
        ("/page.mp3", "recording is left out"),
        ("file:///etc/passwd", "recording"),
        ("/metadata.mp3", "recording is left out"),
        ("", "no recording"),
    ],
)
def test_a_recording_that_is_none(library: Library, server: Server, path: str, words: str) -> None:
    server.route("/empty.mp3", b"", type="audio/mpeg")
    server.route("/page.mp3", b"<html>Not here</html>", type="text/html")
    server.route("/metadata.mp3", status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"})
    address = path if ":" in path or not path else server.url(path)
    enclosure = f"<enclosure url='{address}' type='audio/mpeg' length='0'/>" if address else ""
    sound = f"<enclosure url='{server.url('/sound.mp3')}' type='audio/mpeg'/>"
    odd(library, server, item(server, "Bad", more=enclosure), item(server, "Fine", more=sound), audio=True)
    report = sync(library, now=NOW)
    assert any(words in line for line in told(report)), told(report)
    assert [path.name for path in (library.root / "media").rglob("*.*")] == ["fine.mp3"]
    assert "Fine" in titles(library)
    assert_whole(library)


def test_a_recording_that_drips_waits_and_goes_on(library: Library, server: Server) -> None:
    over = Event()
    server.route("/slow.mp3", lambda request: Answer(stream=_drip(over), type="audio/mpeg"))
    slow = f"<enclosure url='{server.url('/slow.mp3')}' type='audio/mpeg'/>"
    odd(library, server, item(server, "Slow", more=slow), audio=True)
    report = sync(library, now=NOW)
    over.set()
    assert (report.later, titles(library)) == (1, [])
    assert any("too slowly" in line for line in told(report))
    assert not (library.root / "media").exists()
    assert_whole(library)
    server.route("/slow.mp3", AUDIO, type="audio/mpeg")
    assert sync(library, now=NOW + dt.timedelta(hours=1)).taken.new == 1
    assert (library.root / "media" / "odd_hours" / "slow.mp3").read_bytes() == AUDIO


# --- names ------------------------------------------------------------------------------------------------------------

HOSTILE = [
    "../../../etc/passwd",
    "/absolute",
    "a | pipe",
    "ends ]] here [[and begins",
    "x" * 300,
    "ü" * 300,
    "\U0001f41d",
    "CON",
    "nul.txt",
    "  ",
    "...",
    ".hidden",
    "-rf",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "# heading\n---\nkind: concept",
]


def test_titles_that_would_be_something_else(library: Library, server: Server) -> None:
    odd(library, server, *(item(server, title, guid=f"a-long-enough-guid-{n}") for n, title in enumerate(HOSTILE)))
    report = sync(library, now=NOW)
    told(report)
    assert report.taken.new == GOOD + len(HOSTILE)
    assert (report.failed, report.taken.failed) == ((), ())
    assert_whole(library)
    reserved = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
    for path in (library.root / "notes").rglob("*.md"):
        assert not re.search(r"[\x00-\x1f<>:\"|?*\\\[\]]", path.name), path.name
        assert not reserved.fullmatch(path.name)
        assert not path.name.startswith((".", "-"))
    assert sync(library, now=NOW).taken.transcripts == 0
    assert [report for report in library.episodes() if library.note(report.notes[0]).front.kind != "episode"] == []


def test_shows_that_would_be_something_else(library: Library, server: Server) -> None:
    for n, title in enumerate(("../..", "CON", "notes", "concepts", "a/b|c]]")):
        url = server.route(f"/show{n}.xml", channel(item(server, f"Of {n}"), title=title))
        follow(library, url)
    report = sync(library, now=NOW)
    assert (report.taken.new, report.exit_code) == (GOOD + 5, 0), told(report)
    assert_whole(library)
    folders = {path.parent.parent for path in (library.root / "transcripts").rglob("*.vtt")}
    assert folders == {library.root / "transcripts"}


def test_two_shows_of_one_name_met_at_once(library: Library, server: Server) -> None:
    held = Event()

    def late(request: Request) -> bytes:
        held.wait(5)
        return channel(item(server, "Of the first"), title="Twins")

    def soon(request: Request) -> bytes:
        held.set()
        return channel(item(server, "Of the second"), title="Twins")

    first = server.route("/first.xml", late)
    server.route("/second.xml", soon)
    follow(library, first)
    follow(library, server.url("/second.xml"))
    assert sync(library, now=NOW).taken.new == GOOD + 2
    assert titles(library, "Twins") == ["Of the first"], "whoever answers first, the first in hark.toml has the name"
    assert titles(library, "Twins (127.0.0.1)") == ["Of the second"]
    assert_whole(library)


# --- transcripts ------------------------------------------------------------------------------------------------------


def test_captions_in_another_language_are_taken_and_told(library: Library, server: Server) -> None:
    link = f"<podcast:transcript url='{server.url('/other.vtt')}' type='text/vtt' language='fr'/>"
    server.route("/odd.xml", channel(item(server, "Foreign", said="", more=link), head="<language>en</language>"))
    follow(library, server.url("/odd.xml"))
    report = sync(library, now=NOW)
    assert titles(library) == ["Foreign"]
    assert any("another language (fr)" in line for line in told(report))
    assert_whole(library)


@pytest.mark.parametrize(
    ("body", "type"),
    [
        (b"<html><body>Please log in</body></html>", "text/html"),
        (b"\x00\x01\x02" * 100, "text/vtt"),
        (b"", "text/vtt"),
        (b"WEBVTT\n\n", "text/vtt"),
    ],
)
def test_a_transcript_that_is_none(library: Library, server: Server, body: bytes, type: str) -> None:
    server.route("/bad.vtt", body, type=type)
    odd(library, server, item(server, "Bad", said="/bad.vtt"), item(server, "Fine"))
    report = sync(library, now=NOW)
    if titles(library) != ["Fine"]:  # a page can be read as a text without times
        assert type == "text/html"
    else:
        assert (report.later, report.aside) == (1, 0)
        assert any(line.startswith("Bad (") for line in told(report))
    assert_whole(library)


# --- servers ----------------------------------------------------------------------------------------------------------


def _drip(over: Event) -> Iterator[bytes]:
    while not over.wait(0.02):
        yield b"x"


@pytest.mark.parametrize("what", ["feed", "transcript"])
def test_a_server_that_sends_a_byte_now_and_then(
    library: Library, server: Server, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_patient(monkeypatch, get_s=0.7)
    over = Event()
    server.route("/slow", lambda request: Answer(stream=_drip(over)))
    url = follow(library, server.url("/slow")) if what == "feed" else odd(library, server, item(server, said="/slow"))
    report = sync(library, now=NOW)
    over.set()
    assert any(url in line and "too slowly" in line for line in told(report))
    assert report.taken.new == GOOD
    assert_whole(library)


@pytest.mark.parametrize("what", ["feed", "transcript"])
def test_a_gzip_bomb_is_cut_off(library: Library, server: Server, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sources.feeds.MAX_BYTES", 1_000_000)
    monkeypatch.setattr("ingest.hearing.captions.cues.MAX_BYTES", 1_000_000)
    bomb = gzip.compress(b" " * 20_000_000)
    server.route("/bomb", bomb, type="text/vtt", headers={"Content-Encoding": "gzip"})
    url = follow(library, server.url("/bomb")) if what == "feed" else odd(library, server, item(server, said="/bomb"))
    report = sync(library, now=NOW)
    assert any(url in line and "larger than 1 MB" in line for line in told(report))
    assert report.taken.new == GOOD
    assert_whole(library)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_is_left_alone_as_long_as_it_asks(library: Library, server: Server, status: int) -> None:
    url = server.route("/odd.xml", status=status, headers={"Retry-After": "3600"})
    follow(library, url)
    report = sync(library, now=NOW)
    assert any(line.startswith(url) and str(status) in line for line in told(report))
    assert len(server.asked("/odd.xml")) == 1
    again = sync(library, now=NOW + dt.timedelta(minutes=30))
    assert (len(server.asked("/odd.xml")), again.exit_code) == (1, 0)
    server.route("/odd.xml", channel(item(server)))
    assert sync(library, now=NOW + dt.timedelta(minutes=61)).taken.new == 1
    assert_whole(library)


@pytest.mark.parametrize("status", [429, 503])
def test_a_transcript_that_is_busy_rests_its_source(library: Library, server: Server, status: int) -> None:
    server.route("/busy.vtt", status=status, headers={"Retry-After": "3600"})
    odd(library, server, item(server, "Busy", said="/busy.vtt"))
    assert sync(library, now=NOW).later == 1
    assert len(server.asked("/busy.vtt")) == 1
    assert sync(library, now=NOW + dt.timedelta(minutes=30)).exit_code == 0
    assert len(server.asked("/busy.vtt")) == 1
    server.route("/busy.vtt", SAID.encode())
    assert sync(library, now=NOW + dt.timedelta(minutes=61)).taken.new == 1
    assert_whole(library)


def test_episodes_of_a_source_that_rests_are_not_asked_for_either(library: Library, server: Server) -> None:
    server.route("/busy.vtt", status=503)
    odd(library, server, item(server, "Busy", said="/busy.vtt"))
    sync(library, now=NOW)
    server.route("/odd.xml", status=429, headers={"Retry-After": "86400"})
    sync(library, now=NOW + dt.timedelta(minutes=1))
    server.forget()
    sync(library, now=NOW + dt.timedelta(hours=5))  # the episode's own pause is over
    assert [request.path for request in server.log] == ["/good.xml"]


@pytest.mark.parametrize("what", ["feed", "transcript", "chapters"])
@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/meta-data", "http://[::]:1/", "file:///etc/passwd"])
def test_a_redirect_to_where_nobody_may_go(library: Library, server: Server, what: str, target: str) -> None:
    server.route("/on", status=302, headers={"Location": target})
    chapters = f"<podcast:chapters url='{server.url('/on')}' type='application/json+chapters'/>"
    if what == "feed":
        url = follow(library, server.url("/on"))
    elif what == "transcript":
        url = odd(library, server, item(server, said="/on"))
    else:
        url = odd(library, server, item(server, "One", more=chapters))
    report = sync(library, now=NOW)
    assert any(url in line and "/on" in line for line in told(report)), told(report)
    assert titles(library) == (["One"] if what == "chapters" else [])
    assert "root:" not in "".join(path.read_text() for path in library.root.glob("transcripts/*/*"))
    assert_whole(library)


def test_a_private_address_needs_a_word_of_the_person(library: Library, server: Server) -> None:
    odd(library, server, item(server), allow_private=False)
    server.forget()
    report = sync(library, now=NOW)
    assert any("--allow-private" in line for line in told(report))
    assert server.asked("/odd.xml") == []
    assert_whole(library)


def test_a_password_in_an_address_is_told_to_nobody(library: Library, server: Server) -> None:
    from ingest.waiting import waiting_in

    secret = server.url("/odd.xml").replace("http://", "http://me:hunter2@")
    server.route("/odd.xml", channel(item(server, "One", said="/gone.vtt"), item(server, "Two", said="/busy.vtt")))
    server.route("/busy.vtt", status=503)
    follow(library, secret)
    report = sync(library, now=NOW)
    assert len(report.failed) == 2
    server.route("/odd.xml", status=500)
    reports = [report, sync(library, now=NOW)]
    server.route("/odd.xml", channel(title="Odder Hours"))
    reports.append(sync(library, now=NOW))
    assert "lists nothing" in "".join(told(reports[-1]))
    assert "hunter2" not in repr(reports) + repr(waiting_in(library))
    assert "me:" not in repr(waiting_in(library))
    assert sync(library, only=[server.url("/odd.xml")], now=NOW).sources == 1, "it is named as it is shown"


def test_a_source_that_lists_nothing_is_troubled_until_it_does(library: Library, server: Server) -> None:
    from ingest.waiting import waiting_in

    url = odd(library, server, item(server))
    sync(library, now=NOW)
    server.route("/odd.xml", channel())
    sync(library, now=NOW)
    (troubled,) = waiting_in(library).troubled
    assert (troubled.source, troubled.failures) == (url, 1)
    assert "nothing is deleted" in troubled.problem
    server.route("/odd.xml", channel(item(server)))
    sync(library, now=NOW)
    assert waiting_in(library).troubled == ()
    assert titles(library) == ["One"]


def test_all_at_once(library: Library, server: Server) -> None:
    """The good one comes in though every other source is bad in its own way."""
    bad = {
        "/page": Answer(b"<!doctype html><title>x</title>", type="text/html"),
        "/busy": Answer(status=503, headers={"Retry-After": "600"}),
        "/gone": Answer(status=410),
        "/away": Answer(status=302, headers={"Location": "http://169.254.169.254/"}),
        "/round": Answer(status=302, headers={"Location": "/round"}),
        "/cut": Answer(b"<rss", headers={"Content-Length": "900"}, close=True),
        "/noise": Answer(raw=b"\x00\x01 nothing like HTTP\r\n"),
    }
    for path, answer in bad.items():
        server.route(path, lambda request, answer=answer: answer)  # type: ignore[misc]
        follow(library, server.url(path))
    report = sync(library, now=NOW)
    assert {problem.where for problem in report.failed} == {server.url(path) for path in bad}
    assert (report.sources, report.taken.new, report.exit_code) == (len(bad) + 1, GOOD, 1)
    told(report)
    assert_whole(library)
