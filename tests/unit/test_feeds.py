"""Podcast feeds: what is read of them, how episodes are told apart, and what is fetched of one."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import NoTranscriptError, PermanentError, TemporaryError
from ingest.sources import feed_xml, feeds
from ingest.sources.feed_items import plain_text
from ingest.sources.feeds import Feed, parse_feed
from ingest.sources.fetch import Client, Patience
from ingest.sources.folder import read_item, scan_folder
from ingest.sources.info import read_info
from ingest.sources.listing import ListedEpisode, Validators
from ingest.subscriptions import Subscription
from tests.fakes.addresses import FORBIDDEN_FORMS, Wires, public
from tests.fakes.server import Answer, Server

URL = "https://pod.example/feed.xml"
SPACES = (
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:podcast="https://podcastindex.org/namespace/1.0" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:media="http://search.yahoo.com/mrss/"'
)
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)

VTT = "WEBVTT\n\n00:00:01.000 --> 00:00:04.000\n<v Ann>Bridges carry more than they were built for.\n"
PLAIN_VTT = "WEBVTT\n\n00:00:01.000 --> 00:00:04.000\nBridges carry more than they were built for.\n"
SRT = "1\n00:00:01,000 --> 00:00:04,000\nBridges carry more than they were built for.\n"
SPOKEN = [{"speaker": "Ann", "startTime": 1.0, "endTime": 4.0, "body": "Bridges carry more than they were built for."}]
JSON = json.dumps({"version": "1.0.0", "segments": SPOKEN})
MP3 = b"ID3\x04" + b"\x00" * 400


def rss(*items: str, head: str = "<title>Bridge Talk</title>") -> bytes:
    body = "".join(f"<item>{item}</item>" for item in items)
    return f'<?xml version="1.0"?>\n<rss version="2.0" {SPACES}><channel>{head}{body}</channel></rss>'.encode()


def item(guid: str = "", *, title: str = "A talk", media: str = "", date: str = "", more: str = "") -> str:
    parts = [f"<title>{title}</title>"]
    parts += [f'<guid isPermaLink="false">{guid}</guid>'] if guid else []
    parts += [f'<enclosure url="{media}" length="1" type="audio/mpeg"/>'] if media else []
    parts += [f"<pubDate>{date}</pubDate>"] if date else []
    return "".join([*parts, more])


def one(body: bytes, **options: dt.datetime) -> ListedEpisode:
    (episode,) = parse_feed(body, url=URL, **options).episodes
    return episode


# --- what is read ---


def test_an_episode_with_everything() -> None:
    episode = one(
        rss(
            item(
                "pod.example-episode-0001",
                title="Rivers &amp;amp; <![CDATA[<b>bridges</b>]]>",
                media="https://cdn.example/a%20b.mp3?sig=1",
                date="Tue, 05 Mar 2024 10:00:00 +0100",
                more="""<link>/1</link><description><![CDATA[<p>One.</p><script>alert(1)</script><p>Two &amp; three</p>
                ]]></description><content:encoded>longer</content:encoded><itunes:duration>1:02:03</itunes:duration>
                <podcast:transcript url="1.vtt" type="text/vtt; charset=utf-8" language="EN_us" rel="captions"/>
                <podcast:transcript url="https://pod.example/1.srt" type="application/srt"/>
                <podcast:chapters url="/1.json" type="application/json+chapters"/>
                <podcast:person role="host">Ann Bell</podcast:person><podcast:person>Bo Carr</podcast:person>""",
            ),
            head="<title>Bridge Talk</title><language>en-gb</language>",
        )
    )
    assert episode.title == "Rivers & bridges"
    assert episode.published == dt.datetime(2024, 3, 5, 9, tzinfo=dt.UTC)
    assert episode.url == "https://pod.example/1"
    assert (episode.media, episode.media_type, episode.media_bytes) == (
        "https://cdn.example/a%20b.mp3?sig=1",
        "audio/mpeg",
        1,
    )
    assert episode.duration_s == 3723
    assert episode.language == "en-GB"
    assert episode.description == "One.\n\nTwo & three"
    assert episode.people == ("Ann Bell", "Bo Carr")
    first, second = episode.transcripts
    assert (first.url, first.type, first.language, first.captions) == (
        "https://pod.example/1.vtt",
        "text/vtt",
        "en-US",
        True,
    )
    assert second.url.endswith("1.srt")
    assert episode.chapters == "https://pod.example/1.json"


def test_atom() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:podcast="https://podcastindex.org/namespace/1.0">
      <title type="html">Bridge &amp;amp; Talk</title><link rel="next" href="?page=2"/>
      <entry><id>tag:pod.example,2024:1</id><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">A <i>talk</i>
      </div></title><updated>2024-03-05T10:00:00Z</updated><link href="https://pod.example/1"/>
      <link rel="enclosure" type="audio/ogg" href="https://cdn.example/1.ogg" length="77"/>
      <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Words</p></div></content>
      <podcast:transcript url="https://pod.example/1.vtt" type="text/vtt"/></entry></feed>"""
    listing = parse_feed(body, url=URL)
    (episode,) = listing.episodes
    assert listing.show == "Bridge & Talk"
    assert not listing.complete  # there is a second page
    assert (episode.title, episode.description, episode.media_bytes) == ("A talk", "Words", 77)
    assert episode.published == dt.datetime(2024, 3, 5, 10, tzinfo=dt.UTC)
    assert [link.url for link in episode.transcripts] == ["https://pod.example/1.vtt"]


def test_rss_1_0() -> None:
    body = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://pod.example/"><title>Bridge Talk</title>
      </channel><item rdf:about="https://pod.example/episodes/1"><title>A talk</title><link>https://pod.example/1</link>
      <dc:date>2024-03-05</dc:date></item></rdf:RDF>"""
    listing = parse_feed(body, url=URL)
    assert listing.show == "Bridge Talk"
    assert [(e.key, e.title) for e in listing.episodes] == [("https://pod.example/episodes/1", "A talk")]
    assert listing.episodes[0].published == dt.datetime(2024, 3, 5, tzinfo=dt.UTC)


def test_a_live_item_an_image_and_the_episodes_source_change_no_title() -> None:
    body = rss(
        item("pod.example-episode-0001", more="<source url='https://x.example'>Another</source>"),
        head="""<title>Bridge Talk</title><image><title>Picture</title></image><podcast:liveItem status="live">
        <title>On air</title><guid>live</guid><enclosure url="https://cdn.example/live.mp3" type="audio/mpeg"/>
        </podcast:liveItem>""",
    )
    assert parse_feed(body, url=URL).show == "Bridge Talk"
    assert one(body).title == "A talk"
    assert one(body).media == ""


def test_the_people_of_the_show_speak_where_an_episode_names_nobody() -> None:
    body = rss(
        item("pod.example-episode-0001"),
        item("pod.example-episode-0002", more="<podcast:person>Guest</podcast:person>"),
        head="<title>T</title><podcast:person>Host</podcast:person>",
    )
    people = {e.key[-1]: e.people for e in parse_feed(body, url=URL).episodes}
    assert people == {"1": ("Host",), "2": ("Guest",)}


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-16", "utf-16"), ("windows-1252", "windows-1252"), ("shift_jis", "Shift_JIS"), ("utf-8", "us-ascii")],
)
def test_encodings(encoding: str, name: str) -> None:
    title = "橋の話" if encoding == "shift_jis" else "Brücken – heute"
    text = rss(item("pod.example-episode-0001", title="X")).decode().replace("X", title)
    body = text.replace('version="1.0"?', f'version="1.0" encoding="{name}"?').encode(encoding)
    assert one(body).title == title


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("Tue, 05 Mar 2024 10:00:00 GMT", "2024-03-05T10:00:00+00:00"),
        ("Tue, 5 Mar 2024 10:00:00 EST", "2024-03-05T15:00:00+00:00"),
        ("2024-03-05T10:00:00+02:00", "2024-03-05T08:00:00+00:00"),
        ("2024-03-05", "2024-03-05T00:00:00+00:00"),
        ("2024-03-05 10:00:00", "2024-03-05T10:00:00+00:00"),
        ("March 5, 2024", "2024-03-05T00:00:00+00:00"),
        ("5 March 2024", "2024-03-05T00:00:00+00:00"),
        ("05.03.2024", "2024-03-05T00:00:00+00:00"),
        ("1709632800", "2024-03-05T10:00:00+00:00"),
        ("1709632800000", "2024-03-05T10:00:00+00:00"),
    ],
)
def test_dates(written: str, date: str) -> None:
    published = one(rss(item("pod.example-episode-0001", date=written)), now=NOW).published
    assert published is not None
    assert published.isoformat() == date


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Fri, 01 Jan 2100 00:00:00 GMT", "in the future"),
        ("next week", "cannot be read"),
        ("0000-00-00", "cannot be read"),
        ("99999999999999999999", "cannot be read"),
    ],
)
def test_dates_that_are_none_are_left_out_and_told(written: str, said: str) -> None:
    listing = parse_feed(rss(item("pod.example-episode-0001", date=written)), url=URL, now=NOW)
    assert listing.episodes[0].published is None
    assert any(said in remark and "A talk" in remark for remark in listing.remarks)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("3600", 3600),
        ("62:03", 3723),
        ("125:00", 7500),
        ("01:02:03.5", 3723.5),
        ("0", None),
        ("soon", None),
        ("-5", None),
        ("9" * 400, None),
        ("nan", None),
    ],
)
def test_durations(written: str, seconds: float | None) -> None:
    body = rss(item("pod.example-episode-0001", more=f"<itunes:duration>{written}</itunes:duration>"))
    assert one(body).duration_s == seconds


def test_newest_first_whatever_the_order_of_the_feed() -> None:
    body = rss(
        item("pod.example-episode-0001", title="old", date="2024-01-01"),
        item("pod.example-episode-0003", title="new", date="2024-03-01"),
        item("pod.example-episode-000x", title="undated"),
        item("pod.example-episode-0002", title="middle", date="2024-02-01"),
    )
    assert [e.title for e in parse_feed(body, url=URL).episodes] == ["new", "undated", "middle", "old"]


# --- who is who ---


def test_a_long_guid_is_the_same_episode_wherever_the_feed_is() -> None:
    body = rss(item("pod.example-episode-0001"))
    here, there = (parse_feed(body, url=url).episodes[0] for url in (URL, "https://mirror.example/f"))
    assert here.id == there.id
    assert here.key == "pod.example-episode-0001"
    assert len(here.id) == len("podcast:") + 16


def test_a_short_guid_is_the_feeds_own_unless_the_podcast_says_who_it_is() -> None:
    def ids(head: str) -> set[str]:
        body = rss(item("1"), head=head)
        return {parse_feed(body, url=url).episodes[0].id for url in (URL, "https://other.example/f")}

    assert len(ids("<title>T</title>")) == 2
    assert len(ids("<title>T</title><podcast:guid>917393e3-1b1e-5cef-ace4-edaa54e1f810</podcast:guid>")) == 1


def test_a_relative_guid_does_not_depend_on_where_the_feed_is() -> None:
    body = rss("<title>A</title><guid>episode-one-of-many</guid>")
    assert one(body).key == "episode-one-of-many"


def test_without_guids_the_recording_says_who_it_is_then_the_page_then_title_and_date() -> None:
    recorded = item(media="https://cdn.example/1.mp3?token=a")
    assert one(rss(recorded)).id == one(rss(recorded.replace("=a", "=b"))).id
    assert one(rss(recorded)).key == "https://cdn.example/1.mp3"
    assert one(rss(item(more="<link>https://pod.example/1</link>"))).key == "https://pod.example/1"
    bare = [one(rss(item(title=title, date="2024-03-05"))) for title in ("A long title of a talk", "Another")]
    assert bare[0].id != bare[1].id


def test_a_guid_repeated_for_another_recording_stays_the_older_ones() -> None:
    older = item("pod.example-episode-0001", title="older", media="https://cdn.example/1.mp3", date="2024-01-01")
    newer = item("pod.example-episode-0001", title="newer", media="https://cdn.example/2.mp3", date="2024-02-01")
    before = one(rss(older))
    listing = parse_feed(rss(newer, older), url=URL)
    assert [e.title for e in listing.episodes] == ["newer", "older"]
    assert listing.episodes[1].id == before.id
    assert listing.episodes[0].id != before.id
    assert any("guid of another episode" in remark for remark in listing.remarks)


@pytest.mark.parametrize(("query", "date"), [("token", ""), ("a", "2024-03-05")])
def test_an_equal_item_is_dropped_and_told(query: str, date: str) -> None:
    twice = item("pod.example-episode-0001", media=f"https://cdn.example/1.mp3?{query}=1", date=date)
    listing = parse_feed(rss(twice, twice.replace("=1", "=2")), url=URL)
    assert len(listing.episodes) == 1
    assert listing.remarks == ("“A talk” is listed twice, and taken once",)


@pytest.mark.parametrize("guid", ["", "https://pod.example/"])
def test_recordings_that_only_their_query_tells_apart_are_episodes_of_their_own(guid: str) -> None:
    items = [item(guid, title=f"t{n}", media=f"https://cdn.example/get?ep={n}&amp;token=a") for n in range(4)]
    listing = parse_feed(rss(*items), url=URL)
    assert len({e.id for e in listing.episodes}) == 4
    assert listing.remarks == ()
    later = parse_feed(rss(*(one.replace("=a", "=b") for one in items)), url=URL)
    assert [e.id for e in later.episodes] == [e.id for e in listing.episodes]


def test_a_feeds_password_is_no_part_of_who_an_episode_is() -> None:
    body = rss(item(media="/1.mp3"))
    ids = {}
    for login in ("", "me:hunter2@", "me:hunter3@"):
        (episode,) = parse_feed(body, url=URL.replace("https://", f"https://{login}")).episodes
        assert episode.media == f"https://{login}pod.example/1.mp3", "it is fetched with the password"
        assert "hunter" not in episode.key
        ids[login] = episode.id
    assert len(set(ids.values())) == 1


def test_a_guid_that_many_share_says_nothing() -> None:
    items = [item("https://pod.example/", title=f"t{n}", media=f"https://cdn.example/{n}.mp3") for n in range(5)]
    listed = parse_feed(rss(*items), url=URL).episodes
    later = parse_feed(rss(*items[:3]), url=URL).episodes  # the oldest have slid out
    assert len({e.id for e in listed}) == 5
    assert {e.id for e in later} < {e.id for e in listed}


@pytest.mark.parametrize("guid", ["../" * 20, "a|b]]c" * 10, "😀" * 80, "x" * 5000, "CON", "&#10;&#9;tab"])
def test_hostile_guids_give_plain_ids_and_bounded_keys(guid: str) -> None:
    episode = one(rss(item(guid)))
    assert episode.id.removeprefix("podcast:").isalnum()
    assert episode.key.isprintable()
    assert len(episode.key) < 300


@pytest.mark.parametrize("title", ["../../etc/passwd", "a | b ]] c", "é" * 300, "😀", "CON", "\u202etxt.exe", " \t "])
def test_hostile_titles_are_one_line(title: str) -> None:
    episode = one(rss(item("pod.example-episode-0001", title=title)))
    assert episode.title
    assert len(episode.title) <= 300
    assert "\u202e" not in episode.title
    assert "\n" not in episode.title


# --- what is no recording, no address ---


@pytest.mark.parametrize(
    "enclosure",
    [
        '<enclosure url="file:///etc/passwd" type="audio/mpeg"/>',
        '<enclosure url="javascript:alert(1)" type="audio/mpeg"/>',
        '<enclosure url="https://cdn.example/cover" type="image/jpeg"/>',
        '<enclosure url="https://cdn.example/page" type="text/html"/>',
        '<enclosure url="http://[::1" type="audio/mpeg"/>',
    ],
)
def test_what_is_no_recording_is_left_out_and_told(enclosure: str) -> None:
    listing = parse_feed(rss(item("pod.example-episode-0001", more=enclosure)), url=URL)
    assert listing.episodes[0].media == ""
    assert any("recording" in remark for remark in listing.remarks)


def test_sound_is_taken_before_pictures() -> None:
    more = """<enclosure url="https://cdn.example/1.jpg" type="image/jpeg"/>
    <enclosure url="https://cdn.example/1.mp4" type="video/mp4"/>
    <enclosure url="https://cdn.example/1" type="Audio/MPEG"/>"""
    assert one(rss(item("pod.example-episode-0001", more=more))).media == "https://cdn.example/1"


def test_addresses_that_are_not_of_the_web_are_left_out() -> None:
    more = """<link>javascript:alert(1)</link><podcast:transcript url="file:///etc/passwd" type="text/vtt"/>
    <podcast:chapters url="ftp://pod.example/1.json"/>"""
    listing = parse_feed(rss(item("pod.example-episode-0001", more=more)), url=URL)
    (episode,) = listing.episodes
    assert (episode.url, episode.transcripts, episode.chapters) == ("", (), "")
    assert any("transcript" in remark for remark in listing.remarks)


# --- what is no feed, or a broken one ---


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html><body>Hi</body></html>", "is a web page, not a feed"),
        (b'{"version": "https://jsonfeed.org/version/1"}', "is JSON"),
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" * 50, "is no"),
        (b"<opml version='2.0'><body/></opml>", "list of subscriptions"),
        (b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'/>", "site map"),
        (b"<note><to>Ann</to></note>", "neither RSS nor Atom"),
        (b"just words", "is no feed"),
        (b"<rss><channel><title>cut o", "not well-formed"),
        (b"<rss>" + b"<a>" * 500, "nested more than 100 deep"),
    ],
)
def test_what_is_no_feed_is_refused_in_one_line(body: bytes, said: str) -> None:
    with pytest.raises(PermanentError) as error:
        parse_feed(body, url="https://user:secret@pod.example/feed.xml?token=secret")
    assert said in str(error.value)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_web_page_tells_its_feed() -> None:
    page = b"""<html><head><link rel="alternate" type="application/rss+xml" href="https://pod.example/f?a=1&amp;b=2">"""
    with pytest.raises(PermanentError, match=r"its feed is https://pod\.example/f\?a=1&b=2"):
        parse_feed(page, url=URL)


def test_entities_of_its_own_are_refused() -> None:
    bomb = b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><rss><channel><title>&b;</title>'
    with pytest.raises(PermanentError, match="entities"):
        parse_feed(bomb + b"</channel></rss>", url=URL)


def test_the_usual_faults_are_mended_and_told() -> None:
    body = f"""Warning: something in line 3
    <rss version="2.0"><channel><title>Rock & Roll&nbsp;Talk &copy;</title><item><title>A \x0b&#0;talk & more</title>
    <description><![CDATA[a & b]]></description><guid>pod.example-episode-0001</guid>
    <podcast:transcript url="{URL}?a=1&b=2" type="text/vtt"/></item></channel></rss>"""
    listing = parse_feed(body.encode(), url=URL)
    (episode,) = listing.episodes
    assert (listing.show, episode.title, episode.description) == ("Rock & Roll Talk ©", "A talk & more", "a & b")
    assert episode.transcripts[0].url.endswith("?a=1&b=2")
    assert listing.complete
    assert ["not well-formed" in remark for remark in listing.remarks] == [True]


def test_a_feed_that_cannot_be_mended_is_read_as_far_as_it_goes() -> None:
    first = item(
        "pod.example-episode-0001",
        title="One <b>bold",
        more="<podcast:transcript url='/1.vtt' type='text/vtt'/><podcast:person>Ann</podcast:person>",
    )
    second = item("pod.example-episode-0002", title="Two", media="https://cdn.example/2.mp3")
    listing = parse_feed(rss(first, second)[:-9], url=URL)
    one, two = sorted(listing.episodes, key=lambda e: e.key)
    assert (one.key, two.key) == ("pod.example-episode-0001", "pod.example-episode-0002")
    assert one.transcripts[0].url == "https://pod.example/1.vtt"
    assert one.people == ("Ann",)
    assert two.media == "https://cdn.example/2.mp3"
    assert not listing.complete
    assert any("not well-formed" in remark for remark in listing.remarks)


def test_a_body_that_is_the_name_of_a_file_opens_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "feed.xml"
    secret.write_bytes(rss(item("pod.example-episode-0001")))
    with pytest.raises(PermanentError):
        parse_feed(str(secret).encode(), url=URL)


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    body = rss(*(item(f"pod.example-episode-{n:05d}") for n in range(50)))
    monkeypatch.setattr(feed_xml, "MAX_ITEMS", 20)
    assert len(parse_feed(body, url=URL).episodes) == 20
    monkeypatch.setattr(feed_xml, "MAX_ELEMENTS", 60)
    with pytest.raises(PermanentError, match="more than 60 elements"):
        parse_feed(body, url=URL)
    monkeypatch.setattr(feeds, "MAX_BYTES", 100)
    with pytest.raises(PermanentError, match="larger than"):
        parse_feed(body, url=URL)


def test_twice_as_many_episodes_take_twice_the_time_not_four_times() -> None:
    def seconds(count: int) -> float:
        body = rss(*(item(f"pod.example-episode-{n:05d}", media=f"https://cdn.example/{n}.mp3") for n in range(count)))
        times = []
        for _ in range(2):
            began = time.process_time()
            assert len(parse_feed(body, url=URL).episodes) == count
            times.append(time.process_time() - began)
        return min(times)

    assert seconds(240) < 8 * seconds(60) + 0.05


@pytest.mark.parametrize("piece", ["<script>", "<!--", "<a <", "&", "&#" + "9" * 50, "<![CDATA[", "< "])
def test_descriptions_are_read_in_linear_time(piece: str) -> None:
    began = time.process_time()
    plain_text(piece * 20_000)
    assert time.process_time() - began < 0.5


PIECES = """<item> </item> <title> </title> <guid> </guid> <channel> </channel> <rss> <feed> <entry> </entry> <![CDATA[
]]> &amp; & < > <!-- <!DOCTYPE <?xml " a </ /> <description> </description> <link> </link> \x00 \ufeff <svg> <math>
<pubDate> <enclosure{}url='https://a.example/1.mp3'{}type='audio/mpeg'/> <podcast:transcript{}url='/x'/> <content>"""


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([piece.replace("{}", " ") for piece in PIECES.split()]),
        max_size=40,
    ),
    st.booleans(),
)
def test_whatever_comes_is_a_listing_or_refused(pieces: list[str], whole: bool) -> None:
    text = "".join(pieces)
    body = rss(text).decode() if whole else text
    try:
        listing = parse_feed(body.encode("utf-8", "replace"), url=URL)
    except PermanentError:
        return
    assert len({e.id for e in listing.episodes}) == len({e.key for e in listing.episodes}) == len(listing.episodes)
    assert all(e.title and "\n" not in e.title for e in listing.episodes)
    addresses = [a for e in listing.episodes for a in (e.url, e.media, *(link.url for link in e.transcripts)) if a]
    assert all(address.startswith(("http://", "https://")) for address in addresses)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_listing_or_refused(data: bytes) -> None:
    for body in (data, b"<rss><channel><item>" + data, b"<?xml version='1.0' encoding='utf-16'?><rss>" + data):
        try:
            parse_feed(body, url=URL)
        except PermanentError:
            continue


@settings(max_examples=100, deadline=None)
@given(*[st.text(st.characters(exclude_categories=["Cc"], codec="utf-8"), max_size=200)] * 2)
def test_titles_and_guids_of_any_text(title: str, guid: str) -> None:
    from xml.sax.saxutils import escape

    listing = parse_feed(rss(item(escape(guid), title=escape(title))), url=URL)
    (episode,) = listing.episodes
    assert episode.title
    assert episode.key
    assert episode.id.startswith("podcast:")


# --- listing, over the web ---


def test_to_ask_a_feed_loads_nothing_that_reads_feeds() -> None:
    heavy = {"feedparser", "pydantic", "defusedxml", "yaml", "ingest.hearing.captions"}
    code = f"import sys, ingest.sources.feeds; print(*({heavy!r} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(patience=Patience(tries=1)) as ready:
        yield ready


def feed(server: Server, client: Client, **options: object) -> Feed:
    chosen = {"url": server.url("/feed.xml"), "kind": "feed", "allow_private": True} | options
    return Feed(Subscription(**chosen), client)  # type: ignore[arg-type]  # of many kinds


def test_a_listing_and_then_not_modified(server: Server, client: Client) -> None:
    server.route("/feed.xml", rss(item("pod.example-episode-0001")), type="text/html")  # as some servers say
    first = feed(server, client).listing(Validators())
    second = feed(server, client).listing(first.validators)
    assert (first.show, [e.show for e in first.episodes]) == ("Bridge Talk", ["Bridge Talk"])
    assert first.complete
    assert second.not_modified
    assert second.validators == first.validators
    assert len(server.log) == 2


def test_the_name_that_a_person_gave_a_show_stays(server: Server, client: Client) -> None:
    server.route("/feed.xml", rss(item("pod.example-episode-0001")))
    listing = feed(server, client, show="My name").listing(Validators())
    assert (listing.show, listing.episodes[0].show) == ("My name", "My name")


def paged(server: Server, pages: int, each: int = 2) -> None:
    for page in range(1, pages + 1):
        guids = [f"pod.example-episode-{1000 - page * each - n}" for n in range(each)]
        onward = f'<atom:link rel="next" href="/feed.xml?page={page + 1}"/>' if page < pages else ""
        path = "/feed.xml" if page == 1 else f"/feed.xml?page={page}"
        server.route(path, rss(*map(item, guids), head=f"<title>T{page}</title>{onward}"))


def test_all_pages_of_a_feed_are_read(server: Server, client: Client) -> None:
    paged(server, 4)
    listing = feed(server, client).listing(Validators())
    assert len(listing.episodes) == 8
    assert listing.show == "T1"
    assert listing.complete
    assert [request.path for request in server.log][1:] == [f"/feed.xml?page={n}" for n in (2, 3, 4)]


def test_pages_are_read_until_there_are_enough(server: Server, client: Client) -> None:
    paged(server, 4)
    listing = feed(server, client, newest=3).listing(Validators())
    assert len(server.log) == 2
    assert not listing.complete


@pytest.mark.parametrize(
    ("bound", "said"),
    [(("MAX_LISTING_BYTES", 1_500), "MB in its pages"), (("MAX_LISTING_S", 0.0), "longer than 0 minutes")],
)
def test_a_listing_has_an_end(
    bound: tuple[str, float], said: str, server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    paged(server, 4)
    monkeypatch.setattr(feeds, *bound)
    listing = feed(server, client).listing(Validators())
    assert 1 <= len(server.log) < 4
    assert len(listing.episodes) == 2 * len(server.log)
    assert not listing.complete
    assert any(said in remark and "older episodes are left out" in remark for remark in listing.remarks)


def test_pages_that_lead_round_in_a_circle_end(server: Server, client: Client) -> None:
    onward = '<atom:link rel="next" href="/feed.xml"/>'
    server.route("/feed.xml", rss(item("pod.example-episode-0001"), head=f"<title>T</title>{onward}"))
    assert len(feed(server, client).listing(Validators()).episodes) == 1
    assert len(server.log) == 1


@pytest.mark.parametrize(("status", "asks_anew"), [(503, True), (404, False)])
def test_a_page_that_does_not_answer_leaves_the_rest(
    server: Server, client: Client, status: int, asks_anew: bool
) -> None:
    paged(server, 3)
    server.route("/feed.xml?page=3", status=status)
    listing = feed(server, client).listing(Validators())
    assert len(listing.episodes) == 4
    assert not listing.complete
    assert (listing.validators == Validators()) == asks_anew
    assert any("older episodes are not known" in remark for remark in listing.remarks)


def test_a_feed_that_moved_says_where(server: Server, client: Client) -> None:
    server.route("/feed.xml", status=301, headers={"Location": "/new.xml"})
    server.route("/new.xml", rss(item("pod.example-episode-0001")))
    assert feed(server, client).listing(Validators()).moved_to == server.url("/new.xml")
    said = "<title>T</title><itunes:new-feed-url>https://new.example/feed</itunes:new-feed-url>"
    server.route("/feed.xml", rss(item("pod.example-episode-0001"), head=said))
    assert feed(server, client).listing(Validators()).moved_to == "https://new.example/feed"


def test_what_a_server_cannot_give_is_an_error_of_the_source(server: Server, client: Client) -> None:
    server.route("/feed.xml", status=503, headers={"Retry-After": "700"})
    with pytest.raises(TemporaryError) as busy:
        feed(server, client).listing(Validators())
    assert busy.value.retry_after_s == 700
    server.route("/feed.xml", b"<html>Hotel</html>", type="text/html")
    with pytest.raises(PermanentError, match="is a web page"):
        feed(server, client).listing(Validators())


# --- fetching an episode ---


def offering(server: Server, *transcripts: tuple[str, str, str], more: str = "", language: str = "en") -> bytes:
    links = "".join(
        f'<podcast:transcript url="{server.url(path)}" type="{kind}" language="{spoken}"/>'
        for path, kind, spoken in transcripts
    )
    return rss(
        item("pod.example-episode-0001", media=server.url("/1.mp3"), date="2024-03-05", more=links + more),
        head=f"<title>Bridge Talk</title><language>{language}</language>",
    )


def fetched(server: Server, client: Client, body: bytes, folder: Path, **options: object) -> tuple[str, ...]:
    server.route("/feed.xml", body)
    source = feed(server, client, **options)
    (episode,) = source.listing(Validators()).episodes
    return source.fetch(episode, folder)


def test_an_episode_arrives_as_yt_dlp_would_leave_it(server: Server, client: Client, tmp_path: Path) -> None:
    server.route("/1.vtt", VTT)
    chapters = [
        {"startTime": 60, "title": "Later"},
        {"startTime": 0, "title": "Start"},
        {"startTime": 30, "toc": False},
    ]
    server.route("/1.json", json.dumps({"version": "1.2.0", "chapters": chapters}))
    more = f"""<podcast:chapters url="{server.url("/1.json")}"/><podcast:person>Ann</podcast:person>
    <itunes:duration>90</itunes:duration><description>About bridges</description>"""
    assert fetched(server, client, offering(server, ("/1.vtt", "text/vtt", "en"), more=more), tmp_path) == ()
    info = json.loads((tmp_path / "episode.info.json").read_text())
    assert info["chapters"] == [
        {"start_time": 0.0, "title": "Start", "end_time": 60.0},
        {"start_time": 60.0, "title": "Later", "end_time": 90.0},
    ]
    assert info["people"] == ["Ann"]
    (found,) = scan_folder(tmp_path)
    episode = read_item(found, tmp_path).episode
    (listed,) = parse_feed(offering(server), url=server.url("/feed.xml")).episodes
    assert episode.id == listed.id == f"podcast:{info['id']}"
    assert (episode.title, episode.show, episode.language) == ("A talk", "Bridge Talk", "en")
    assert (episode.url, episode.date, episode.duration_s) == (server.url("/1.mp3"), dt.date(2024, 3, 5), 90)
    assert episode.speakers == ("Ann",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["episode.en.vtt", "episode.info.json"]


def test_the_password_of_a_feed_is_written_nowhere(server: Server, client: Client, tmp_path: Path) -> None:
    server.route("/1.vtt", VTT)
    body = rss(item("pod.example-episode-0001", media="/1.mp3", more='<podcast:transcript url="/1.vtt"/>'))
    private = server.url("/feed.xml").replace("http://", "http://me:hunter2@")
    fetched(server, client, body, tmp_path, url=private)
    assert all("authorization" in request.headers for request in server.log)
    assert b"hunter2" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    (found,) = scan_folder(tmp_path)
    assert read_item(found, tmp_path).episode.url == server.url("/1.mp3")


def test_an_info_of_another_program_tells_no_password_either(tmp_path: Path) -> None:
    told = {"id": "1", "title": "T", "extractor_key": "Generic", "webpage_url": "https://me:hunter2@a.example/1"}
    (tmp_path / "1.info.json").write_text(json.dumps(told))
    assert read_info(tmp_path / "1.info.json")[0].webpage_url == "https://a.example/1"


def test_addresses_are_taken_as_long_as_the_client_opens_them() -> None:
    media = "https://cdn.example/1.mp3?signature=" + "x" * 5_000
    assert one(rss(item("pod.example-episode-0001", media=media))).media == media
    assert one(rss(item("pod.example-episode-0001", media=media + "x" * 3_000))).media == ""


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ({"/1.txt": "text/plain", "/1.srt": "application/srt", "/1.vtt": "text/vtt"}, "episode.en.vtt"),
        ({"/1.srt": "application/srt", "/spoken.json": "application/json"}, "episode.en.json"),  # it has the speakers
        ({"/plain.vtt": "text/vtt", "/1.srt": "application/srt"}, "episode.en.vtt"),
        ({"/broken.vtt": "text/vtt", "/1.srt": "application/srt"}, "episode.en.srt"),
        ({"/gone.vtt": "text/vtt", "/1.srt": "application/x-subrip"}, "episode.en.srt"),
        ({"/1.srt": "text/vtt"}, "episode.en.srt"),  # whatever its type says
        ({"/page.html": "text/html", "/1.srt": "text/plain"}, "episode.en.srt"),
    ],
)
def test_the_best_transcript_is_chosen(
    server: Server, client: Client, tmp_path: Path, offered: dict[str, str], chosen: str
) -> None:
    server.route("/1.vtt", VTT)
    server.route("/plain.vtt", PLAIN_VTT)
    server.route("/1.srt", SRT)
    server.route("/spoken.json", JSON)
    server.route("/1.txt", "Ann: Bridges.")
    server.route("/broken.vtt", "<html>Please log in</html>")
    server.route("/page.html", "<html><p>No times at all</p></html>")
    body = offering(server, *((path, kind, "en") for path, kind in offered.items()))
    fetched(server, client, body, tmp_path)
    assert [path.name for path in tmp_path.glob("episode.*") if path.name != "episode.info.json"] == [chosen]


def test_a_transcript_that_cannot_be_read_is_told(server: Server, client: Client, tmp_path: Path) -> None:
    server.route("/1.srt", SRT)
    body = offering(server, ("/gone.vtt", "text/vtt", "en"), ("/1.srt", "application/srt", "en"))
    (remark,) = fetched(server, client, body, tmp_path)
    assert "gone.vtt" in remark


def test_one_good_transcript_is_one_request(server: Server, client: Client, tmp_path: Path) -> None:
    server.route("/1.vtt", VTT)
    fetched(server, client, offering(server, ("/1.vtt", "text/vtt", ""), ("/1.srt", "application/srt", "")), tmp_path)
    assert [request.path for request in server.log] == ["/feed.xml", "/1.vtt"]


def test_the_librarys_language_comes_first(server: Server, client: Client, tmp_path: Path) -> None:
    server.route("/de.vtt", VTT)
    server.route("/en.srt", SRT)
    offered = offering(server, ("/de.vtt", "text/vtt", "de"), ("/en.srt", "application/srt", "en-us"), language="de")
    assert fetched(server, client, offered, tmp_path) == ()
    assert (tmp_path / "episode.en-US.srt").exists()
    assert json.loads((tmp_path / "episode.info.json").read_text())["language"] == "en-US"


def test_a_transcript_of_another_language_only_is_taken_and_told(
    server: Server, client: Client, tmp_path: Path
) -> None:
    server.route("/de.vtt", VTT)
    (remark,) = fetched(server, client, offering(server, ("/de.vtt", "text/vtt", "de")), tmp_path)
    assert "another language (de)" in remark
    assert (tmp_path / "episode.de.vtt").exists()


def test_no_transcript(server: Server, client: Client, tmp_path: Path) -> None:
    with pytest.raises(NoTranscriptError, match="has no transcript"):
        fetched(server, client, offering(server), tmp_path, audio=True)
    assert server.asked("/1.mp3") == []


def test_transcripts_of_which_none_can_be_read(server: Server, client: Client, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"can be read.*gone\.vtt") as error:
        fetched(server, client, offering(server, ("/gone.vtt", "text/vtt", "en")), tmp_path)
    assert not isinstance(error.value, NoTranscriptError)


def test_a_better_transcript_that_may_come_is_waited_for(server: Server, client: Client, tmp_path: Path) -> None:
    server.route("/1.vtt", status=503, headers={"Retry-After": "99"})
    server.route("/page.html", "<p><cite>Ann:</cite> <time>0:53</time></p><p>Bridges carry more.</p>")
    server.route("/1.srt", SRT)
    with pytest.raises(TemporaryError) as late:
        fetched(server, client, offering(server, ("/1.vtt", "text/vtt", "en"), ("/1.srt", "", "de")), tmp_path)
    assert late.value.retry_after_s == 99
    both = offering(server, ("/1.vtt", "text/vtt", "en"), ("/1.srt", "application/srt", "en"))
    fetched(server, client, both, tmp_path)  # as good, and there
    assert (tmp_path / "episode.en.srt").exists()


@pytest.mark.parametrize(
    "body", ["{", "[]", '{"chapters": 3}', '{"chapters": [1, {"title": "x"}, {"startTime": "x"}]}']
)
def test_chapters_that_cannot_be_read_cost_no_episode(
    server: Server, client: Client, tmp_path: Path, body: str
) -> None:
    server.route("/1.vtt", VTT)
    server.route("/1.json", body)
    more = f'<podcast:chapters url="{server.url("/1.json")}"/>'
    fetched(server, client, offering(server, ("/1.vtt", "text/vtt", "en"), more=more), tmp_path)
    assert "chapters" not in json.loads((tmp_path / "episode.info.json").read_text())


def test_recordings_are_kept_where_they_are_wanted(server: Server, client: Client, tmp_path: Path) -> None:
    server.route("/1.vtt", VTT)
    server.route("/1.mp3", MP3, type="audio/mpeg")
    body = offering(server, ("/1.vtt", "text/vtt", "en"))
    assert fetched(server, client, body, tmp_path, audio=True) == ()
    assert (tmp_path / "episode.mp3").read_bytes() == MP3


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"", type="audio/mpeg"),
        Answer(b"<html>Not here</html>", type="text/html"),
        Answer(b"{}", type="application/json"),
        Answer(b"", status=404),
    ],
)
def test_a_recording_that_is_none_is_told_and_left_out(
    server: Server, client: Client, tmp_path: Path, answer: Answer
) -> None:
    server.route("/1.vtt", VTT)
    server.route("/1.mp3", lambda request: answer)
    body = offering(server, ("/1.vtt", "text/vtt", "en"))
    (remark,) = fetched(server, client, body, tmp_path, audio=True)
    assert "its recording is left out" in remark
    assert sorted(path.name for path in tmp_path.iterdir()) == ["episode.en.vtt", "episode.info.json"]


# --- forbidden addresses ---


@pytest.mark.parametrize("path", ["feed", "redirect", "next page", "transcript", "chapters", "enclosure"])
def test_no_path_leads_to_a_forbidden_address(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as trap, Server() as web, Client(patience=Patience(tries=1)) as client:
        wires = Wires(monkeypatch)
        web.route("/1.vtt", VTT)
        for number, form in enumerate(FORBIDDEN_FORMS):
            folder = tmp_path / str(number)
            folder.mkdir()
            _walk(path, form.format(port=trap.port), web, client, folder)
        assert wires.attempts == []
        assert trap.connections == 0


def _walk(path: str, address: str, web: Server, client: Client, folder: Path) -> None:
    from xml.sax.saxutils import quoteattr

    written = quoteattr(address)
    good = f'<podcast:transcript url="{public(web, "/1.vtt")}" type="text/vtt"/>'
    bad = f'<podcast:transcript url={written} type="text/vtt"/>'
    more = {
        "transcript": bad,
        "chapters": f"{good}<podcast:chapters url={written}/>",
        "enclosure": f'{good}<enclosure url={written} type="audio/mpeg"/>',
    }.get(path, good)
    head = f'<title>T</title><atom:link rel="next" href={written}/>' if path == "next page" else "<title>T</title>"
    web.route("/feed.xml", rss(item("pod.example-episode-0001", more=more), head=head))
    web.route("/leads", status=302, headers={"Location": address})
    url = {"feed": address, "redirect": public(web, "/leads")}.get(path, public(web, "/feed.xml"))
    source = Feed(Subscription(url=url, kind="feed", audio=True), client)
    try:
        (episode,) = source.listing(Validators()).episodes
        source.fetch(episode, folder)
    except (PermanentError, TemporaryError):
        return
    assert path not in {"feed", "redirect", "transcript"}
