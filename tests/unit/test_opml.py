"""OPML as podcast apps write it: nothing of title, address and folder is lost on the way in and out."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import PermanentError
from ingest.sources.opml import read_opml, write_opml
from ingest.subscriptions import Subscription, add_subscriptions, join_folder
from kb.settings import SETTINGS_FILE

APPLE = """\
<?xml version="1.0" encoding="UTF-8"?>
<opml version="1.0">
  <head><title>Podcast Subscriptions</title></head>
  <body>
    <outline text="Harbour Lights" title="Harbour Lights" type="rss" xmlUrl="https://harbour.example/feed.xml"
      htmlUrl="https://harbour.example/"/>
    <outline text="Knots &amp; Ropes &#8212; daily" title="Knots &amp; Ropes &#8212; daily" type="rss"
      xmlUrl="https://ropes.example/rss?a=1&amp;b=2"/>
  </body>
</opml>
"""

ANTENNAPOD = """\
<?xml version='1.0' encoding='UTF-8' standalone='no' ?>
<opml version="2.0">
  <head>
    <title>AntennaPod Subscriptions</title>
    <dateCreated>05 Mar 24 11:15:02 +0100</dateCreated>
  </head>
  <body>
    <outline text="Nebelhörner" title="Nebelhörner" type="rss" xmlUrl="http://nebel.example/f"
      htmlUrl="http://n.example" />
    <outline text="灯台" title="灯台" type="rss" xmlUrl="https://todai.example/rss" />
  </body>
</opml>
"""

POCKET_CASTS = """\
<?xml version="1.0" encoding="utf-8"?>
<opml version="1.0">
  <head><title>Pocket Casts Feeds</title></head>
  <body>
    <outline text="feeds">
      <outline type="rss" text="Nine Lanterns" xmlUrl="https://lanterns.example/rss" />
      <outline type="rss" text="Tide Tables" xmlUrl="https://me:secret@tides.example/private" />
    </outline>
  </body>
</opml>
"""

NESTED = """\
<opml version="2.0"><head><title>Reader</title></head><body>
  <outline text="News">
    <outline title="Daily/Weekly" text="ignored where there is a title">
      <outline text="A" xmlUrl="https://a.example/"/>
    </outline>
    <outline text="feeds"><outline text="B" XMLURL="https://b.example/"/></outline>
    <outline text="C" xmlUrl="https://c.example/"/>
  </outline>
  <outline text="D" type="rss" xmlUrl="https://d.example/">
    <outline type="podcast-episode" title="An episode" url="https://d.example/1" enclosureUrl="https://d.example/1.mp3"/>
    <outline text="E" xmlUrl="https://e.example/"/>
  </outline>
  <outline text="Empty"/><outline/>
  <outline text="A once more" xmlUrl="http://a.example"/>
</body></opml>
"""


def told(text: str | bytes) -> list[tuple[str, str, str]]:
    data = text.encode() if isinstance(text, str) else text
    return [(one.show, one.url, one.folder) for one in read_opml(data).subscriptions]


EXPECTED = {
    APPLE: [
        ("Harbour Lights", "https://harbour.example/feed.xml", ""),
        ("Knots & Ropes — daily", "https://ropes.example/rss?a=1&b=2", ""),
    ],
    ANTENNAPOD: [("Nebelhörner", "http://nebel.example/f", ""), ("灯台", "https://todai.example/rss", "")],
    POCKET_CASTS: [
        ("Nine Lanterns", "https://lanterns.example/rss", ""),
        ("Tide Tables", "https://me:secret@tides.example/private", ""),
    ],
    NESTED: [
        ("A", "https://a.example/", r"News/Daily\/Weekly"),
        ("B", "https://b.example/", "News/feeds"),
        ("C", "https://c.example/", "News"),
        ("D", "https://d.example/", ""),
        ("E", "https://e.example/", ""),
    ],
}


@pytest.mark.parametrize("form", EXPECTED, ids=["apple", "antennapod", "pocket casts", "nested"])
def test_each_form_goes_in_and_out_without_loss(form: str) -> None:
    assert told(form) == EXPECTED[form]
    read = read_opml(form.encode())
    again = read_opml(write_opml(read.subscriptions, read.title))
    assert again == read


def test_the_title_of_the_file_is_read() -> None:
    assert read_opml(ANTENNAPOD.encode()).title == "AntennaPod Subscriptions"


def test_what_is_written_is_what_apps_read() -> None:
    written = write_opml(
        [
            Subscription(url="https://a.example/?x=1&y", kind="feed", show='A "b" <c>', folder="News/Daily"),
            Subscription(url="https://youtube.com/@x", kind="video"),
            Subscription(url="/srv/talks", kind="folder"),
        ],
        "Mine & yours",
    ).decode()
    assert written == (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        '<opml version="2.0">\n  <head>\n    <title>Mine &amp; yours</title>\n  </head>\n  <body>\n'
        '    <outline text="News" title="News">\n      <outline text="Daily" title="Daily">\n'
        '        <outline text="A &quot;b&quot; &lt;c&gt;" title="A &quot;b&quot; &lt;c&gt;" type="rss" '
        'xmlUrl="https://a.example/?x=1&amp;y" />\n      </outline>\n    </outline>\n'
        '    <outline text="https://youtube.com/@x" type="video" url="https://youtube.com/@x" />\n'
        "  </body>\n</opml>\n"
    )


def names(most: int = 30) -> st.SearchStrategy[str]:
    return st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Zs"]), max_size=most
    )


def as_label(name: str) -> str:
    from ingest.sources.info import label

    return label(name)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            Subscription,
            url=st.integers(0, 10**6).map(lambda n: f"https://shows.example/{n}?a=1&b='<'".replace("<", "%3C")),
            kind=st.sampled_from(["feed", "video"]),
            show=names().map(as_label),
            folder=st.lists(names(8).map(as_label).filter(bool) | st.just("feeds"), max_size=3).map(join_folder),
        ),
        max_size=6,
        unique_by=lambda one: one.url,
    )
)
def test_out_and_in_again_is_the_same(subscriptions: list[Subscription]) -> None:
    """The order may change: a folder stands where its first show does."""
    read = read_opml(write_opml(subscriptions, "x")).subscriptions
    assert sorted(read, key=lambda one: one.url) == sorted(subscriptions, key=lambda one: one.url)


# --- bad input --------------------------------------------------------------------------------------------------------


def one(attributes: str) -> str:
    return f'<opml version="2.0"><head></head><body><outline {attributes}/></body></opml>'


@pytest.mark.parametrize(
    ("text", "show"),
    [
        (one('text="Knots & Ropes" xmlUrl="https://a.example/?x=1&y=2"'), "Knots & Ropes"),
        (one('text="Caf&eacute;&nbsp;&amp; Bar" xmlUrl="https://a.example/?x=1&amp;y=2"'), "Café & Bar"),
        (one('text="a&LT;b&QUOT;&nosuch;" xmlUrl="https://a.example/?x=1&y=2"'), 'a<b"&nosuch;'),
        (one('text="bell\x07" xmlUrl="https://a.example/?x=1&amp;y=2"'), "bell"),
        (
            "\ufeff\n <?xml version='1.0' encoding='utf-8'?>" + one('text="T" xmlUrl="https://a.example/?x=1&amp;y=2"'),
            "T",
        ),
        ("<?xml version='1.0' encoding='no-such'?>" + one('text="T" xmlUrl="https://a.example/?x=1&amp;y=2"'), "T"),
        ("<!DOCTYPE opml>" + one('text="T" xmlUrl="https://a.example/?x=1&amp;y=2"'), "T"),
    ],
)
def test_what_apps_get_wrong_is_mended(text: str, show: str) -> None:
    assert told(text) == [(show, "https://a.example/?x=1&y=2", "")]


def test_other_encodings_are_read() -> None:
    text = one('text="Nebelhörner" xmlUrl="https://a.example/"')
    expected = [("Nebelhörner", "https://a.example/", "")]
    assert told(text.encode("cp1252")) == expected
    assert told(text.encode("utf-16")) == expected
    assert told(f"<?xml version='1.0' encoding='iso-8859-1'?>{text}".encode("latin-1")) == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no OPML"),
        (b"just text", "is no OPML"),
        (b"\xff\xfe\x00\x00\x01", "is no OPML"),
        (b"<html><body>Sign in</body></html>", "a web page"),
        (b"<rss><channel/></rss>", "but <rss>"),
        (b"<opml><body><outline></body></opml>", "is no OPML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><opml><body/></opml>', "defines entities"),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><opml><body>&a;</body></opml>', "defines entities"),
    ],
)
def test_what_is_no_opml_is_told(data: bytes, message: str) -> None:
    with pytest.raises(PermanentError, match=message) as raised:
        read_opml(data, where="mine.opml")
    assert str(raised.value).startswith("mine.opml: ")


def test_what_cannot_be_followed_is_passed_over_and_told() -> None:
    addresses = ("file:///etc/passwd", "javascript:alert(1)", "../../x", "ftp://a.example", "https://", "data:,x")
    outlines = "".join(f'<outline text="\x7fT" xmlUrl="{address}"/>' for address in addresses)
    found = read_opml(f"<opml><body>{outlines}</body></opml>".encode())
    assert found.subscriptions == ()
    assert len(found.passed_over) == len(addresses)


def test_a_file_cannot_allow_private_addresses_or_name_folders() -> None:
    found = read_opml(
        one('text="T" xmlUrl="http://127.0.0.1/" allow_private="true" kind="folder" audio="true"').encode()
    )
    assert found.subscriptions == (Subscription(url="http://127.0.0.1/", kind="feed", show="T"),)


def test_deep_nesting_and_long_titles_are_bounded() -> None:
    deep = '<outline text="f">' * 20_000
    feed = f'<outline text="{"t" * 9999}" xmlUrl="https://a.example/"/>'
    data = f"<opml><body>{deep}{feed}{'</outline>' * 20_000}</body></opml>"
    found = read_opml(data.encode()).subscriptions
    assert found[0].folder == "/".join("f" * 20)
    assert len(found[0].show) == 300
    assert read_opml(write_opml(found, "x")).subscriptions == found


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: f"<opml><body>{text}</body></opml>".encode("utf-8", "replace"))
)
def test_no_bytes_end_in_another_error(data: bytes) -> None:
    with contextlib.suppress(PermanentError):
        read_opml(data)


@pytest.mark.parametrize(
    ("outline", "said"),
    [
        (
            "".join(f'<outline text="{"n" * 150}{level}">' for level in range(15))
            + '<outline text="Deep" xmlUrl="https://deep.example/f"/>'
            + "</outline>" * 15,
            "Deep: folder must be one line of at most 2000 characters",
        ),
        ('<outline text="Odd" xmlUrl="https://odd.example/\x81"/>', "Odd: url must be one line"),
    ],
)
def test_what_could_not_be_added_is_passed_over_and_the_rest_is_taken(outline: str, said: str, tmp_path: Path) -> None:
    read = read_opml(
        f'<opml><body>{outline}<outline text="Plain" xmlUrl="https://plain.example/f"/></body></opml>'.encode()
    )
    assert [one.show for one in read.subscriptions] == ["Plain"]
    assert len(read.passed_over) == 1
    assert read.passed_over[0].startswith(said)
    (tmp_path / SETTINGS_FILE).write_text("")
    assert add_subscriptions(tmp_path, read.subscriptions) == read.subscriptions
