"""Videos through yt-dlp: against a server of our own with its generic extractor, and against what its extractors would
say of YouTube, written by us in their form."""

from __future__ import annotations

import copy
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import NoTranscriptError, PermanentError, TemporaryError
from ingest.sources.folder import read_item, scan_folder
from ingest.sources.listing import ListedEpisode, Validators
from ingest.sources.videos import FIRST_PAGE, Videos
from ingest.subscriptions import Subscription
from kb.errors import ConfigError, HarkError
from tests.fakes.addresses import FORBIDDEN_FORMS, Wires, public
from tests.fakes.server import Answer, Server

CAPTIONS = "WEBVTT\n\n00:00:01.000 --> 00:00:04.000\nThe lamps were lit at nine.\n"
CHANNEL = "https://www.youtube.com/@ninelanterns"
PAGE = """<html><head><title>Lamplight, part one</title></head><body>
<video src="/talk.mp4"><track kind="subtitles" srclang="en" src="/talk.vtt"></video></body></html>"""
NOW = 1_780_000_000.0


# --- what yt-dlp's extractors would say -------------------------------------------------------------------------------


def entry(number: int, title: str = "", **more: object) -> dict[str, Any]:
    """A video in a list, as YouTube's tabs give them."""
    name = f"lantern{number:04d}"
    return {
        "_type": "url",
        "ie_key": "Youtube",
        "id": name,
        "url": f"https://www.youtube.com/watch?v={name}",
        "title": title or f"Lantern {number}",
        "duration": 600,
        "channel": "Nine Lanterns",
        "channel_id": "UC0000000000000000000009",
        **more,
    }


def tab(name: str, entries: Any) -> dict[str, Any]:
    return {
        "_type": "playlist",
        "id": "UC0000000000000000000009",
        "title": f"Nine Lanterns - {name}",
        "channel": "Nine Lanterns",
        "channel_id": "UC0000000000000000000009",
        "extractor": "youtube:tab",
        "extractor_key": "YoutubeTab",
        "webpage_url": f"{CHANNEL}/{name.casefold()}",
        "entries": entries,
    }


def channel(*tabs: dict[str, Any]) -> dict[str, Any]:
    return {**tab("Home", []), "title": "Nine Lanterns", "entries": list(tabs)}


def video(**more: object) -> dict[str, Any]:
    """What is known of one video; captions with their text, so that nothing has to be loaded."""
    return {
        "id": "lantern0001",
        "title": "Why lamps go out",
        "channel": "Nine Lanterns",
        "upload_date": "20260504",
        "duration": 61,
        "language": "en",
        "webpage_url": "https://www.youtube.com/watch?v=lantern0001",
        "description": "On wicks.",
        "availability": "public",
        "live_status": "not_live",
        "formats": [
            {"format_id": "140", "url": "https://media.example/a", "ext": "m4a", "vcodec": "none", "acodec": "aac"}
        ],
        "subtitles": {"en": track()},
        "automatic_captions": {},
        "chapters": [{"start_time": 0, "end_time": 61, "title": "Wicks"}],
        **more,
    }


def track(text: str = CAPTIONS, ext: str = "vtt") -> list[dict[str, str]]:
    return [{"ext": ext, "data": text}]


class Site:
    """Stands for yt-dlp's extractors of YouTube: what they return, or what they raise or warn of."""

    def __init__(self) -> None:
        self.lists: dict[str, Any] = {}
        self.videos: dict[str, Any] = {}
        self.asked: list[str] = []

    def answer(self, extractor: Any, url: str, found: Any) -> Any:
        self.asked.append(url)
        if callable(found):
            found = found(extractor)
        if isinstance(found, Exception):
            raise found
        return copy.deepcopy(found)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    from yt_dlp.extractor.youtube import YoutubeIE, YoutubeTabIE

    site = Site()
    monkeypatch.setattr(YoutubeTabIE, "extract", lambda self, url: site.answer(self, url, site.lists[url]))
    monkeypatch.setattr(YoutubeIE, "extract", lambda self, url: site.answer(self, url, site.videos[url[-11:]]))
    return site


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        server.route("/talk.html", PAGE, type="text/html")
        server.route("/talk.vtt", CAPTIONS, type="text/vtt")
        server.route("/talk.mp4", b"\0\0\0\x18ftypmp42" + b"x" * 5000, type="video/mp4")
        yield server


def follow(url: str = CHANNEL, **more: Any) -> Videos:
    subscription = {key: more.pop(key) for key in ("newest", "audio", "allow_private") if key in more}
    return Videos(Subscription(url=url, kind="video", **subscription), now=lambda: NOW, **more)


def local(server: Server, path: str = "/talk.html", **more: Any) -> Videos:
    return follow(server.url(path), allow_private=True, generic=True, **more)


ONE = ListedEpisode(
    key="yt:lantern0001", id="yt:lantern0001", title="x", url="https://www.youtube.com/watch?v=lantern0001"
)


def page_of(server: Server, path: str = "/talk.html") -> ListedEpisode:
    return ListedEpisode(key="k", id="html5mediaembed:talk-1", title="x", url=server.url(path))


# --- for real ---------------------------------------------------------------------------------------------------------


def test_a_page_is_listed_and_fetched_for_real(server: Server, tmp_path: Path) -> None:
    source = local(server, audio=True)
    listing = source.listing()
    assert [episode.url for episode in listing.episodes] == [server.url("/talk.html")]
    assert listing.complete
    assert source.fetch(listing.episodes[0], tmp_path) == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["episode.en.vtt", "episode.info.json", "episode.mp4"]
    assert (tmp_path / "episode.mp4").stat().st_size == 5012
    read = read_item(scan_folder(tmp_path)[0], tmp_path)
    assert read.episode.id == listing.episodes[0].id
    assert [segment.text for segment in read.segments] == ["The lamps were lit at nine."]
    assert read.episode.media.endswith("episode.mp4")


def test_a_recording_is_not_loaded_where_nobody_keeps_it(server: Server, tmp_path: Path) -> None:
    local(server).fetch(page_of(server), tmp_path)
    assert server.asked("/talk.vtt")
    assert not server.asked("/talk.mp4")


def test_a_page_without_captions_has_no_transcript(server: Server, tmp_path: Path) -> None:
    server.route("/talk.html", PAGE.replace("<track", "<nothing"), type="text/html")
    with pytest.raises(NoTranscriptError, match="has no captions"):
        local(server, audio=True).fetch(page_of(server), tmp_path)
    assert not server.asked("/talk.mp4")


@pytest.mark.parametrize("status", [404, 410])
def test_captions_that_are_not_there_are_no_transcript(server: Server, tmp_path: Path, status: int) -> None:
    server.route("/talk.vtt", status=status)
    with pytest.raises(NoTranscriptError, match=f"HTTP {status}"):
        local(server).fetch(page_of(server), tmp_path)


def test_a_server_that_asks_for_patience_gets_it(server: Server, tmp_path: Path) -> None:
    server.route("/talk.vtt", status=429, headers={"Retry-After": "77"})
    with pytest.raises(TemporaryError) as caught:
        local(server).fetch(page_of(server), tmp_path)
    assert caught.value.retry_after_s == 77
    assert str(caught.value).startswith(server.url("/talk.html"))
    assert not (tmp_path / "episode.info.json").exists()


def test_a_recording_that_is_gone_costs_a_remark(server: Server, tmp_path: Path) -> None:
    server.route("/talk.mp4", status=404)
    remarks = local(server, audio=True).fetch(page_of(server), tmp_path)
    assert len(remarks) == 1
    assert remarks[0].startswith("comes without its recording: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["episode.en.vtt", "episode.info.json"]


def test_an_empty_recording_costs_a_remark(server: Server, tmp_path: Path) -> None:
    server.route("/talk.mp4", b"", type="video/mp4")
    remarks = local(server, audio=True).fetch(page_of(server), tmp_path)
    assert len(remarks) == 1
    assert not (tmp_path / "episode.mp4").exists()


def test_threads_may_fetch_at_the_same_time(server: Server, tmp_path: Path) -> None:
    source = local(server)
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda folder: source.fetch(page_of(server), folder), folders)) == [()] * 4
    assert all((folder / "episode.en.vtt").read_text() == CAPTIONS for folder in folders)


# --- the guard --------------------------------------------------------------------------------------------------------


def test_nothing_in_this_network_is_asked_without_leave(server: Server, tmp_path: Path) -> None:
    source = follow(server.url("/talk.html"), generic=True)
    with pytest.raises(PermanentError, match="private network"):
        source.listing()
    with pytest.raises(PermanentError, match="private network"):
        source.fetch(page_of(server), tmp_path)
    assert server.connections == 0


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/", "http://0.0.0.0/"]
)
def test_a_redirect_is_checked_as_the_first_address_is(server: Server, url: str) -> None:
    server.route("/talk.html", status=302, headers={"Location": url})
    with pytest.raises(PermanentError, match=r"never connected to|no address"):
        local(server).listing()


@pytest.mark.parametrize("way", ["at once", "by redirect"])
def test_no_form_of_a_forbidden_address_is_connected_to(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """All that yt-dlp asks for goes through ``urlopen``: pages, lists, captions and recordings."""
    from yt_dlp.utils import YoutubeDLError

    from ingest.sources.fetch import guarded_adapter
    from ingest.sources.ytdlp import Visit

    with Server() as trap, Server() as web, closing(Visit({}, guarded_adapter())) as visit:
        wires = Wires(monkeypatch)
        web.route("/talk.html", PAGE)
        assert visit.urlopen(public(web, "/talk.html")).read() == PAGE.encode()
        for form in FORBIDDEN_FORMS:
            url = form.format(port=trap.port)
            header = url.replace("\r\n", "").encode().decode("latin-1")
            web.route("/old.html", status=302, headers={"Location": header})
            with pytest.raises((YoutubeDLError, ValueError, UnicodeError)):
                visit.urlopen(url if way == "at once" else public(web, "/old.html"))
        assert wires.attempts == []
        assert trap.connections == 0
        assert len(web.asked("/old.html")) == (0 if way == "at once" else len(FORBIDDEN_FORMS))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/vtt,WEBVTT", "gopher://127.0.0.1/"]
)
def test_captions_come_by_http_alone(site: Site, tmp_path: Path, url: str) -> None:
    site.videos["lantern0001"] = video(subtitles={"en": [{"ext": "vtt", "url": url}]})
    with pytest.raises(NoTranscriptError, match="no captions that can be read"):
        follow().fetch(ONE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_captions_at_a_private_address_are_refused(site: Site, server: Server, tmp_path: Path) -> None:
    site.videos["lantern0001"] = video(subtitles={"en": [{"ext": "vtt", "url": server.url("/talk.vtt")}]})
    with pytest.raises(NoTranscriptError, match="private network"):
        follow().fetch(ONE, tmp_path)
    assert server.connections == 0


def test_a_bomb_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sources.ytdlp.MAX_PAGE_BYTES", 200_000)
    bomb = gzip.compress(b"<html><title>x</title>" + b" " * 20_000_000)
    server.route("/talk.html", bomb, type="text/html", headers={"Content-Encoding": "gzip"})
    with pytest.raises(PermanentError, match="larger than"):
        local(server).listing()


def test_the_body_of_a_redirect_is_not_read(server: Server) -> None:
    read: list[int] = []

    def endless(request: object) -> Answer:
        def pieces() -> Iterator[bytes]:
            while len(read) < 100:
                read.append(1)
                yield b"x" * 1_000_000

        return Answer(status=302, headers={"Location": "/talk.html"}, stream=pieces())

    server.route("/old.html", endless)
    assert len(local(server, "/old.html").listing().episodes) == 1
    assert len(read) < 100


def test_a_drip_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sources.ytdlp.PATIENCE_S", 0.0)
    monkeypatch.setattr("ingest.sources.ytdlp.MIN_BYTES_PER_S", 10**12)
    with pytest.raises(TemporaryError, match="too slow"):
        local(server).listing()


def test_no_proxy_of_the_environment_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert len(local(server).listing().episodes) == 1


def test_cookies_are_read_and_never_written(server: Server, tmp_path: Path) -> None:
    jar = tmp_path / "cookies.txt"
    jar.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4000000000\tlamp\tlit\n")
    before = jar.read_bytes()
    server.route("/talk.html", PAGE, type="text/html", headers={"Set-Cookie": "other=1; Max-Age=99999"})
    local(server, options={"cookiefile": str(jar)}).listing()
    assert server.asked("/talk.html")[0].headers["cookie"] == "lamp=lit"
    assert jar.read_bytes() == before


@pytest.mark.parametrize("text", [None, "this is no file of cookies"])
def test_cookies_that_cannot_be_read_are_told(server: Server, tmp_path: Path, text: str | None) -> None:
    if text:
        (tmp_path / "cookies.txt").write_text(text)
    with pytest.raises(PermanentError, match="cookies cannot be read"):
        local(server, options={"cookiefile": str(tmp_path / "cookies.txt")}).listing()
    assert server.connections == 0


@pytest.mark.parametrize("options", [{"exec_cmd": "true"}, {"proxy": "http://x"}, {"enable_file_urls": True}])
def test_options_that_cannot_be_used_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        follow(options=options)


def test_a_stream_that_only_ffmpeg_could_load_is_left(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr("yt_dlp.utils.Popen.__init__", lambda self, *args, **_: started.append(args))
    server.route("/talk.html", PAGE.replace("talk.mp4", "talk.m3u8"), type="text/html")
    playlist = '#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"\n#EXTINF:9,\nseg.ts\n#EXT-X-ENDLIST\n'
    server.route("/talk.m3u8", playlist, type="application/vnd.apple.mpegurl")
    remarks = local(server, audio=True).fetch(page_of(server), tmp_path)
    assert remarks
    assert all(remark.startswith("comes without its recording") for remark in remarks)
    assert started == []


@pytest.mark.parametrize("url", ["rtmp://127.0.0.1/x", "mms://127.0.0.1/x", "rtsp://127.0.0.1/x"])
def test_a_stream_of_another_kind_is_left(site: Site, tmp_path: Path, url: str) -> None:
    site.videos["lantern0001"] = video(formats=[{"format_id": "1", "url": url, "ext": "m4a"}])
    remarks = follow(audio=True).fetch(ONE, tmp_path)
    assert len(remarks) == 1
    assert "which is not taken" in remarks[0]


def test_plugins_of_the_user_are_not_loaded(tmp_path: Path) -> None:
    plugin = tmp_path / "yt_dlp_plugins" / "extractor" / "loud.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    program = "from ingest.sources.ytdlp import Visit; Visit({}, None).close()"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env={"PYTHONPATH": f"{tmp_path}:."})
    assert not (tmp_path / "ran").exists()


def test_a_subscription_alone_loads_nothing_heavy() -> None:
    program = (
        "import sys; from ingest.sources.videos import Videos; from ingest.subscriptions import Subscription\n"
        "Videos(Subscription(url='https://example.org/', kind='video'))\n"
        "print(sorted({'yt_dlp', 'requests', 'pydantic', 'urllib3'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"


# --- what is listed ---------------------------------------------------------------------------------------------------


def test_a_channel_lists_its_tabs_in_turn(site: Site) -> None:
    site.lists[CHANNEL] = channel(
        tab("Videos", [entry(1), entry(2)]),
        tab("Live", [entry(3, live_status="is_live"), entry(4, live_status="was_live"), entry(1)]),
        tab("Shorts", [entry(9, url="https://www.youtube.com/shorts/lantern0009")]),
    )
    listing = follow().listing()
    assert [episode.id for episode in listing.episodes] == [f"yt:lantern000{n}" for n in (1, 3, 2, 4)]
    assert listing.show == "Nine Lanterns"
    assert listing.remarks == ("“Lantern 3” is live now; it comes when it is over",)
    assert listing.complete
    assert listing.episodes[0].url == "https://www.youtube.com/watch?v=lantern0001"
    assert listing.episodes[0].duration_s == 600


def test_what_nobody_may_see_is_left_out_and_counted(site: Site) -> None:
    closed = entry(5, availability="subscriber_only")
    entries = [entry(1), entry(2, "[Private video]"), entry(3, "[Deleted video]"), closed]
    lists = {"_type": "url", "ie_key": "YoutubeTab", "id": "PL1", "url": "https://www.youtube.com/playlist?list=PL1"}
    site.lists[CHANNEL] = tab("Videos", [*entries, {**lists, "title": "Wicks"}, {**entry(7), "id": "", "url": "x"}])
    listing = follow().listing()
    assert [episode.id for episode in listing.episodes] == ["yt:lantern0001"]
    assert listing.remarks == (
        "2 entries left out: private or removed",
        "1 entry left out: for members or those with an account only",
        "1 entry left out: lists of their own; add them one by one",
        "1 entry left out: have no address or no id",
    )


def test_members_see_what_is_for_members(site: Site) -> None:
    site.lists[CHANNEL] = tab("Videos", [entry(5, availability="subscriber_only")])
    assert len(follow(options={"cookiesfrombrowser": ("firefox", None, None, None)}).listing().episodes) == 1


def test_a_channel_that_has_not_changed_is_asked_for_its_first_page_alone(site: Site) -> None:
    counted: list[int] = []

    def entries(newest: int) -> Iterator[dict[str, Any]]:
        for number in range(newest, 0, -1):
            counted.append(number)
            yield entry(number)

    def lists(newest: int) -> Callable[[object], dict[str, Any]]:
        return lambda extractor: _Uncopied(tab("Videos", entries(newest)))

    site.lists[CHANNEL] = lists(100)
    first = follow().listing()
    assert len(first.episodes) == 100
    assert first.complete
    counted.clear()
    same = follow().listing(first.validators)
    assert same.not_modified
    assert same.validators == first.validators
    assert len(counted) == FIRST_PAGE
    site.lists[CHANNEL] = lists(101)
    again = follow().listing(first.validators)
    assert len(again.episodes) == 101
    assert again.validators != first.validators


class _Uncopied(dict[str, Any]):
    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        return dict(self)


def test_a_short_channel_is_asked_once(site: Site) -> None:
    site.lists[CHANNEL] = tab("Videos", [entry(1)])
    assert follow().listing().complete
    assert len(site.asked) == 1


def test_only_the_newest_of_a_channel_are_listed(site: Site) -> None:
    site.lists[CHANNEL] = tab("Videos", [entry(number) for number in range(50, 0, -1)])
    listing = follow(newest=3).listing()
    assert [episode.title for episode in listing.episodes] == ["Lantern 50", "Lantern 49", "Lantern 48"]
    assert not listing.complete


def test_a_live_stream_that_ends_changes_the_list(site: Site) -> None:
    site.lists[CHANNEL] = tab("Live", [entry(1, live_status="is_live")])
    live = follow().listing()
    site.lists[CHANNEL] = tab("Live", [entry(1, live_status="was_live")])
    assert not follow().listing(live.validators).not_modified


def test_a_playlist_is_read_whole_and_called_by_its_title(site: Site) -> None:
    url = "https://www.youtube.com/playlist?list=PLlanterns"
    entries = [entry(number) for number in range(1, 41)]
    site.lists[url] = {**tab("x", entries), "id": "PLlanterns", "title": "Wicks and oil", "webpage_url": url}
    listing = follow(url, newest=2).listing()
    assert len(listing.episodes) == 40
    assert listing.show == "Wicks and oil"
    assert follow(url).listing(listing.validators).not_modified


def test_a_single_video_is_a_list_of_one(site: Site) -> None:
    site.videos["lantern0001"] = video()
    listing = follow(ONE.url).listing()
    assert [(one.id, one.title, str(one.published)) for one in listing.episodes] == [
        ("yt:lantern0001", "Why lamps go out", "2026-05-04 00:00:00+00:00")
    ]
    assert listing.show == "Nine Lanterns"


def test_hostile_entries_are_bounded_or_left_out(site: Site) -> None:
    odd: list[Any] = [
        None,
        entry(1, "../../]] | \x00 CON " + "x" * 5000),
        entry(2, url="javascript:alert(1)"),
        entry(3, id=["list"]),
        entry(4, duration="nan", timestamp=1e30, release_timestamp="x", live_status=["x"]),
    ]
    site.lists[CHANNEL] = tab("Videos", odd)
    episodes = follow().listing().episodes
    assert all(len(episode.title) <= 300 and "\x00" not in episode.title for episode in episodes)
    assert "yt:lantern0001" in {episode.id for episode in episodes}
    assert all(episode.url.startswith("https://") for episode in episodes)


def test_a_list_of_which_a_part_does_not_come_is_asked_for_again(site: Site) -> None:
    def partly(extractor: Any) -> dict[str, Any]:
        extractor.report_warning("Unable to download page 2: HTTP Error 500: giving up after 2 retries")
        return tab("Videos", [entry(1)])

    site.lists[CHANNEL] = partly
    listing = follow().listing()
    assert len(listing.episodes) == 1
    assert not listing.complete
    assert listing.validators == Validators()
    assert "did not come" in listing.remarks[0]


def test_a_list_whose_pages_all_fail_ends(site: Site) -> None:
    from yt_dlp.utils import ExtractorError, OnDemandPagedList

    def page(number: int) -> Iterator[dict[str, Any]]:
        raise ExtractorError("This page is broken", expected=True)

    site.lists[CHANNEL] = lambda extractor: _Uncopied(tab("Videos", OnDemandPagedList(page, 30)))
    with pytest.raises(HarkError):
        follow().listing()


# --- what is fetched --------------------------------------------------------------------------------------------------


def test_a_video_is_fetched_under_the_identity_it_was_listed_with(site: Site, tmp_path: Path) -> None:
    site.videos["lantern0001"] = video()
    assert follow().fetch(ONE, tmp_path) == ()
    read = read_item(scan_folder(tmp_path)[0], tmp_path)
    assert (read.episode.id, read.episode.video_id) == ("yt:lantern0001", "lantern0001")
    assert (read.episode.title, read.episode.show, str(read.episode.date)) == (
        "Why lamps go out",
        "Nine Lanterns",
        "2026-05-04",
    )
    info = json.loads((tmp_path / "episode.info.json").read_text())
    assert info["chapters"] == [{"start_time": 0, "end_time": 61, "title": "Wicks"}]
    assert "formats" not in info


@pytest.mark.parametrize("listed", ["yt:lantern0001", "vimeo:77", "odd", "peertube:a:b"])
def test_another_identity_of_the_page_does_not_matter(site: Site, tmp_path: Path, listed: str) -> None:
    site.videos["lantern0001"] = video(id="lantern0002")
    follow().fetch(ListedEpisode(key=listed, id=listed, title="x", url=ONE.url), tmp_path)
    assert read_item(scan_folder(tmp_path)[0], tmp_path).episode.id == listed


LANGUAGES: list[tuple[list[str], list[str], list[str], str | None, str]] = [
    # uploaded, automatic, the library's languages, what is spoken -> the file
    (["en", "de"], ["en-orig"], ["en"], "en", "en"),
    (["fr"], ["en-orig", "en", "de"], ["en"], "en", "en-orig"),
    (["en-GB"], ["en-orig"], ["en"], "en", "en-GB"),
    (["de", "en"], [], ["en", "de"], "de", "de"),
    ([], ["en", "de-orig", "de"], ["en"], "de", "de-orig"),
    (["fr"], ["de-orig"], ["en"], "de", "fr"),
    ([], ["en"], ["en"], None, "en"),
    (["live_chat", "en"], [], ["de"], None, "en"),
]


@pytest.mark.parametrize("case", LANGUAGES)
def test_the_best_captions_are_chosen(
    site: Site, tmp_path: Path, case: tuple[list[str], list[str], list[str], str | None, str]
) -> None:
    uploaded, automatic, languages, spoken, best = case
    site.videos["lantern0001"] = video(
        language=spoken,
        subtitles={code: track() for code in uploaded},
        automatic_captions={code: track() for code in automatic},
    )
    remarks = follow(languages=languages).fetch(ONE, tmp_path)
    assert [path.name for path in tmp_path.glob("*.vtt")] == [f"episode.{best}.vtt"]
    wanted = best.partition("-")[0] in languages
    assert remarks == (() if wanted else (f"has captions in {best} only",))


def test_the_best_form_is_chosen(site: Site, tmp_path: Path) -> None:
    forms = [*track(ext="json3", text="{}"), *track(), *track(ext="srv1", text="x"), *track(ext="ttml", text="x")]
    site.videos["lantern0001"] = video(subtitles={"en": forms})
    follow().fetch(ONE, tmp_path)
    assert (tmp_path / "episode.en.vtt").read_text() == CAPTIONS


def test_captions_that_cannot_be_read_are_passed_over(site: Site, tmp_path: Path) -> None:
    site.videos["lantern0001"] = video(subtitles={"en": track("WEBVTT\n")}, automatic_captions={"en-orig": track()})
    remarks = follow().fetch(ONE, tmp_path)
    assert [path.name for path in tmp_path.glob("*.vtt")] == ["episode.en-orig.vtt"]
    assert len(remarks) == 1
    assert remarks[0].startswith("captions in en are passed over: ")


@pytest.mark.parametrize("code", ["../../../escaped", "a/b", "en.vtt", "", "x" * 300, "/tmp/x", "$HOME", "~"])
def test_a_language_never_leaves_the_folder(site: Site, tmp_path: Path, code: str) -> None:
    folder = tmp_path / "inner" / "$HOME ~%(id)s"
    folder.mkdir(parents=True)
    site.videos["lantern0001"] = video(subtitles={code: track()})
    with pytest.raises(NoTranscriptError):
        follow().fetch(ONE, folder)
    site.videos["lantern0001"] = video(
        subtitles={code: track(), "en": track()}, id="../../x", title="../../x", ext="/../x"
    )
    follow().fetch(ONE, folder)
    found = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["episode.en.vtt", "episode.info.json"]


@pytest.mark.parametrize(
    ("state", "begins", "wait"),
    [
        ("is_live", None, 3600),
        ("post_live", None, 3600),
        ("is_upcoming", NOW + 7200, 10_800),
        ("is_upcoming", NOW - 50, 3600),
        ("is_upcoming", 4e18, 604_800),
        ("is_upcoming", None, 3600),
    ],
)
def test_what_is_live_comes_when_it_is_over(
    site: Site, tmp_path: Path, state: str, begins: float | None, wait: float
) -> None:
    site.videos["lantern0001"] = video(live_status=state, release_timestamp=begins, formats=[])
    with pytest.raises(TemporaryError, match="it comes when it is over") as caught:
        follow().fetch(ONE, tmp_path)
    assert caught.value.retry_after_s == wait
    assert caught.value.alone, "its channel has nothing to wait for"
    assert str(caught.value).startswith(ONE.url)


@pytest.mark.parametrize(
    ("said", "alone"),
    [
        ("Premieres in 20 minutes", True),
        ("This live event will begin in 3 hours.", True),
        ("The channel is not currently live", True),
        ("Sign in to confirm you’re not a bot", False),
    ],
)
def test_one_video_that_has_to_wait_is_told_from_a_site_that_does(said: str, alone: bool) -> None:
    from ingest.sources.ytdlp_errors import Failure, understood

    error = understood([Failure(said)], where=ONE.url)
    assert isinstance(error, TemporaryError)
    assert error.alone == alone


REASONS: list[tuple[str, type[HarkError], str]] = [
    ("Private video. Sign in if you've been granted access to this video", PermanentError, "is private"),
    ("Video unavailable. This video has been removed by the uploader", PermanentError, "not there any more"),
    ("Join this channel to get access to members-only content like this video", PermanentError, "for members only"),
    ("The uploader has not made this video available in your country", PermanentError, "not offered in this country"),
    ("Sign in to confirm your age. This video may be inappropriate for some users", PermanentError, "adults"),
    ("Sign in to confirm you’re not a bot. Use --cookies for the authentication", TemporaryError, "patience"),
    ("This live event will begin in 3 hours.", TemporaryError, "not there yet"),
    ("Premieres in 20 minutes", TemporaryError, "not there yet"),
    ("This video is DRM protected", PermanentError, "encrypted"),
]


@pytest.mark.parametrize("raised", [True, False], ids=["raised", "warned"])
@pytest.mark.parametrize("case", REASONS, ids=[what for _, _, what in REASONS])
def test_why_there_is_nothing_is_said(
    site: Site, tmp_path: Path, case: tuple[str, type[HarkError], str], raised: bool
) -> None:
    reason, kind, what = case
    from yt_dlp.utils import ExtractorError

    def closed(extractor: Any) -> dict[str, Any]:
        if raised:
            raise ExtractorError(reason, expected=True, video_id="lantern0001")
        extractor.raise_no_formats(reason, expected=True, video_id="lantern0001")
        return video(formats=[], subtitles={}, availability="needs_auth")

    site.videos["lantern0001"] = closed
    with pytest.raises(kind, match=what) as caught:
        follow().fetch(ONE, tmp_path)
    line = str(caught.value)
    assert line.startswith(f"{ONE.url}: ")
    assert not any(
        noise in line for noise in ("ERROR", "WARNING", "\x1b", "\n", "--cookies", "please report", "[youtube]")
    )


def test_a_single_private_video_cannot_be_followed(site: Site) -> None:
    from yt_dlp.utils import ExtractorError

    site.videos["lantern0001"] = lambda extractor: ExtractorError("Private video", expected=True)
    with pytest.raises(PermanentError, match="is private"):
        follow(ONE.url).listing()


@pytest.mark.parametrize("bug", [TypeError("int is no str"), RecursionError("deep"), KeyError("player")])
def test_a_fault_of_an_extractor_ends_with_its_video(site: Site, tmp_path: Path, bug: Exception) -> None:
    site.videos["lantern0001"] = bug
    with pytest.raises(TemporaryError, match="yt-dlp could not read it") as caught:
        follow().fetch(ONE, tmp_path)
    assert "update yt-dlp" in str(caught.value)


def test_a_page_of_no_site_that_is_known_is_refused(server: Server) -> None:
    with pytest.raises(PermanentError, match="no page that yt-dlp knows"):
        follow(server.url("/talk.html"), allow_private=True).listing()
    assert server.connections == 0


@pytest.mark.parametrize("url", ["ytsearch5:lamps", "file:///etc/passwd", "@ninelanterns", ""])
def test_only_web_addresses_are_followed(url: str) -> None:
    with pytest.raises(PermanentError, match="no http or https address"):
        follow(url).listing()


def test_a_password_in_an_address_is_not_shown(server: Server) -> None:
    url = server.url("/none.html").replace("http://", "http://ann:s3cret@")
    with pytest.raises(HarkError) as caught:
        follow(url, allow_private=True, generic=True).listing()
    assert "s3cret" not in str(caught.value)


def test_colours_and_advice_are_left_out_of_messages() -> None:
    from ingest.sources.ytdlp_errors import plain

    told = "\x1b[0;31mERROR:\x1b[0m [vimeo] 77: Unable to read; please report this issue on  https://github.com/yt-dlp"
    assert plain(told) == "Unable to read"
    assert plain("ERROR: unable to get http://ann:s3cret@host/x: (caused by X('y'))") == "unable to get http://host/x:"
    assert len(plain("x" * 10_000)) <= 304
