"""What a library follows: read from hark.toml, written into it, and the commands that do so."""

from __future__ import annotations

import json
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ingest import tomlfile
from ingest.subscriptions import (
    Subscription,
    add_subscription,
    add_subscriptions,
    folder_path,
    identities,
    identity,
    join_folder,
    kind_of,
    load_subscriptions,
    remove_subscription,
    split_folder,
    subscription_to,
)
from ingest.sync_settings import load_sync_settings
from interfaces.cli.commands import app
from kb.errors import ConfigError, LibraryBusyError, NotALibraryError

MINE = """\
# My library, and what I think of it.
name = "Nine Lanterns"   # after the street

# What I follow.
[[sources]]
url = "https://one.example/feed"  # the first
show = 'One'

# Only for the commute.
[[sources]]
url = "https://two.example/feed"
newest = 5


# How it fetches.
[sync]
languages = ["en", "de"]
# the end
"""


def feed(url: str, **given: object) -> Subscription:
    return Subscription(url=url, kind="feed", **given)  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "library").mkdir()
    return written(tmp_path / "library", MINE)


def written(root: Path, text: str) -> Path:
    (root / "hark.toml").write_text(text, encoding="utf-8", newline="")
    return root


def toml(root: Path) -> str:
    return (root / "hark.toml").read_bytes().decode()


# --- reading --------------------------------------------------------------------------------------------------------


def test_all_that_an_entry_may_say_is_read(root: Path) -> None:
    written(
        root,
        '[[sources]]\nurl = "https://x.example/talks"\nkind = "video"\nshow = "Talks"\nfolder = "A/B"\nnewest = 3\n'
        "audio = true\nallow_private = true\n",
    )
    assert load_subscriptions(root) == (
        Subscription(
            url="https://x.example/talks", kind="video", show="Talks", folder="A/B", newest=3, audio=True,
            allow_private=True,
        ),
    )  # fmt: skip


def test_a_library_without_sources_follows_nothing(root: Path) -> None:
    assert load_subscriptions(written(root, 'name = "x"\n')) == ()


def test_a_folder_that_is_no_library_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotALibraryError):
        load_subscriptions(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sources = 3", "sources must be tables"),
        ('sources = ["https://a.example"]', "sources must be tables"),
        ("[[sources]]\nshow = 'x'", "source 1: url is missing"),
        ("[[sources]]\nurl = 5", "source 1: url must be a text, not 5"),
        ("[[sources]]\nurl = 'https://a.example/'\n[[sources]]\nurl = 'https://b.example/'\nnewst = 3", "source 2"),
        ("[[sources]]\nurl = 'https://b.example/'\nnewst = 3", "'newst' is not known here"),
        ("[[sources]]\nurl = 'https://b.example/'\nnewest = '3'", "newest must be a whole number of 0 or more"),
        ("[[sources]]\nurl = 'https://b.example/'\nnewest = -1", "newest must be a whole number of 0 or more"),
        ("[[sources]]\nurl = 'https://b.example/'\nnewest = true", "newest must be a whole number of 0 or more"),
        ("[[sources]]\nurl = 'https://b.example/'\naudio = 1", "audio must be true or false"),
        ("[[sources]]\nurl = 'https://b.example/'\nkind = 'tape'", "kind must be one of feed, video, folder"),
        ("[[sources]]\nurl = 'https://b.example/'\nshow = \"a\\nb\"", "show must be one line"),
        ("[[sources]]\nurl = 'https://b.example/'\nfolder = '" + "a/" * 30 + "'", "folder is more than 20 folders"),
        ("[[sources]]\nurl = 'file:///etc/passwd'", "url is no http or https address"),
        ("[[sources]]\nurl = 'javascript:alert(1)'", "url is no http or https address"),
        ("[[sources]]\nurl = 'https://'", "url is no http or https address"),
        ("[[sources]]\nurl = 'http://[::1'", "url is no http or https address"),
        ("[[sources]]\nurl = 'https://a.example:99999/'", "url is no http or https address"),
        ("[[sources]]\nurl = '~nobody-of-that-name/x'\nkind = 'folder'", "names the home of nobody"),
        ("[[sources]]\nurl = 'HTTP://a.example'\n[[sources]]\nurl = 'https://A.example/'", "source 2: is source 1"),
        ("[[sources", "not valid TOML"),
        ("a = " + "[" * 5000, "not valid TOML"),
    ],
)
def test_what_is_wrong_is_told_with_entry_and_key(root: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_subscriptions(written(root, text))
    assert told in str(raised.value)
    assert "hark.toml" in str(raised.value)
    assert len(str(raised.value)) < 600


def test_no_error_shows_a_password(root: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_subscriptions(written(root, "[[sources]]\nurl = 'https://me:secret@a.example/feed'\nnewest = 'x'\n"))
    assert "https://a.example/feed" in str(raised.value)
    assert "secret" not in str(raised.value)


# --- writing --------------------------------------------------------------------------------------------------------


def test_one_more_stands_below_the_last_and_all_else_stays(root: Path) -> None:
    assert add_subscription(root, feed("https://three.example/feed", show="Drei", newest=2))
    expected = MINE.replace(
        "newest = 5\n",
        'newest = 5\n\n[[sources]]\nurl = "https://three.example/feed"\nkind = "feed"\nshow = "Drei"\nnewest = 2\n',
    )
    assert toml(root) == expected


def test_the_first_stands_at_the_end(root: Path) -> None:
    written(root, 'name = "x"  # no newline')
    assert add_subscription(root, feed("https://a.example/feed"))
    assert toml(root) == 'name = "x"  # no newline\n\n[[sources]]\nurl = "https://a.example/feed"\nkind = "feed"\n'


def test_what_is_there_already_changes_nothing(root: Path) -> None:
    before = (root / "hark.toml").stat().st_mtime_ns
    assert not add_subscription(root, feed("http://TWO.example:80/feed", newest=9))
    assert toml(root) == MINE
    assert (root / "hark.toml").stat().st_mtime_ns == before


def test_many_are_added_in_one_go_each_once(root: Path) -> None:
    new = [feed("https://a.example/1"), feed("https://one.example/feed"), feed("https://a.example/1", show="again")]
    assert add_subscriptions(root, new) == (new[0],)
    assert [one.url for one in load_subscriptions(root)][2:] == ["https://a.example/1"]


@pytest.mark.parametrize("wrong", [feed("ftp://a.example"), feed("https://a.example", newest=-1), feed("")])
def test_what_is_not_right_is_not_written(root: Path, wrong: Subscription) -> None:
    with pytest.raises(ConfigError):
        add_subscriptions(root, [feed("https://fine.example"), wrong])
    assert toml(root) == MINE


def test_removing_leaves_every_comment_that_stands_outside(root: Path) -> None:
    assert remove_subscription(root, "https://one.example/feed")
    assert toml(root) == MINE.replace(
        "[[sources]]\nurl = \"https://one.example/feed\"  # the first\nshow = 'One'\n", ""
    )
    assert remove_subscription(root, "http://two.example/feed")
    assert "# Only for the commute.\n" in toml(root)
    assert '\n# How it fetches.\n[sync]\nlanguages = ["en", "de"]\n# the end\n' in toml(root)
    assert load_subscriptions(root) == ()
    assert not remove_subscription(root, "https://two.example/feed")


def test_adding_and_removing_gives_the_same_bytes(root: Path) -> None:
    add_subscription(root, feed("https://three.example/feed", show='a "quoted" \\ name'))
    assert load_subscriptions(root)[-1].show == 'a "quoted" \\ name'
    remove_subscription(root, "https://three.example/feed")
    assert toml(root) == MINE


def test_a_removal_works_where_another_entry_is_wrong(root: Path) -> None:
    written(root, MINE.replace("newest = 5", "newest = 'five'"))
    assert remove_subscription(root, "https://two.example/feed")
    assert [one.show for one in load_subscriptions(root)] == ["One"]


@pytest.mark.parametrize(
    "text",
    [
        MINE.replace("\n", "\r\n"),
        "\ufeff" + MINE,
        '[[sources]]\nurl = "https://one.example/feed"\n[sync]\n[[sources]]\nurl = "https://two.example/feed"\n',
        '[[sources]]\nurl = """https://one.example/feed"""\nshow = """[[sources]]"""\n\n[[sources]]\nurl="https://b.example"',
        "# nothing yet\n",
        "",
    ],
)
def test_hark_toml_of_every_form_is_edited(root: Path, text: str) -> None:
    written(root, text)
    before = load_subscriptions(root)
    new = feed("https://new.example/feed")
    assert add_subscription(root, new)
    assert set(load_subscriptions(root)) == {*before, new}
    assert toml(root).startswith("\ufeff") == text.startswith("\ufeff")
    if "\r\n" in text:
        assert "\n" not in toml(root).replace("\r\n", "")
    assert remove_subscription(root, new.url)
    assert load_subscriptions(root) == before


@pytest.mark.parametrize("text", ["sources = []\n", 'sources = [{url = "https://one.example/feed"}]\n'])
def test_sources_on_one_line_are_left_to_the_person(root: Path, text: str) -> None:
    written(root, text)
    with pytest.raises(ConfigError, match="without changing something else") as raised:
        add_subscription(root, feed("https://new.example/feed"))
    assert "by hand" in raised.value.remedy
    assert toml(root) == text


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40).map(str.strip)
SUBSCRIPTIONS = st.builds(
    Subscription,
    url=st.integers(0, 10**6).map(lambda n: f"https://shows.example/{n}"),
    kind=st.sampled_from(["feed", "video"]),
    show=NAMES,
    folder=NAMES,
    newest=st.integers(0, 999),
    audio=st.booleans(),
    allow_private=st.booleans(),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SUBSCRIPTIONS, max_size=4, unique_by=lambda one: one.url), st.integers(0, 3))
def test_what_was_added_is_read_back_and_removed_again(root: Path, subscriptions: list[Subscription], at: int) -> None:
    written(root, MINE)
    add_subscriptions(root, subscriptions)
    assert list(load_subscriptions(root)[2:]) == subscriptions
    if at < len(subscriptions):
        gone = subscriptions.pop(at)
        assert remove_subscription(root, gone.url)
        assert list(load_subscriptions(root)[2:]) == subscriptions
    for line in MINE.splitlines():
        assert line in toml(root)


def test_permissions_and_links_are_kept(root: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    (root / "hark.toml").rename(real)
    real.chmod(0o600)
    (root / "hark.toml").symlink_to(real)
    assert add_subscription(root, feed("https://me:secret@a.example/feed"))
    assert (root / "hark.toml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert "secret" in real.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"library", "dotfiles.toml"}


def test_two_who_add_at_once_lose_nothing(root: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda n: add_subscription(root, feed(f"https://a.example/{n}")), range(12)))
    assert all(done)
    assert len(load_subscriptions(root)) == 14


def test_what_a_person_saves_meanwhile_is_kept(root: Path) -> None:
    saves = iter(["# saved meanwhile\n" + MINE])

    def change(text: str) -> str:
        for save in saves:
            written(root, save)
        return text + "# edited\n"

    assert tomlfile.edit(root, change)
    assert toml(root) == "# saved meanwhile\n" + MINE + "# edited\n"


def test_a_file_that_never_rests_is_told(root: Path) -> None:
    def change(text: str) -> str:
        written(root, text + "# more\n")
        return text + "# edited\n"

    with pytest.raises(LibraryBusyError):
        tomlfile.edit(root, change)
    assert "# edited" not in toml(root)
    assert sorted(path.name for path in root.iterdir()) == [".hark", "hark.toml"]


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://example.org/feed.xml", "feed"),
        ("https://example.org/", "feed"),
        ("https://www.youtube.com/@someone", "video"),
        ("https://m.youtube.com/playlist?list=PL1", "video"),
        ("https://youtu.be/relI7Q9A03g", "video"),
        ("https://VIMEO.com/123", "video"),
        ("https://media.ccc.de/c/38c3", "video"),
        ("https://media.ccc.de/c/38c3/podcast/mp3.xml", "feed"),
        ("https://feeds.soundcloud.com/users/1/sounds.rss", "feed"),
        ("https://youtube.com.evil.example/", "feed"),
        ("https://notyoutube.com/", "feed"),
        ("talks/2024", "folder"),
        ("/srv/talks", "folder"),
        ("~/talks", "folder"),
    ],
)
def test_the_kind_is_told_from_the_address(address: str, kind: str) -> None:
    assert kind_of(address) == kind


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("feed://example.org/rss", "https://example.org/rss"),
        ("feed:https://example.org/rss", "https://example.org/rss"),
        ("PCAST://example.org/rss", "https://example.org/rss"),
        (" https://example.org/rss ", "https://example.org/rss"),
        ("youtube.com/@someone", "https://youtube.com/@someone"),
        ("https://www.youtube.com/feeds/videos.xml?channel_id=UCx", "https://www.youtube.com/channel/UCx"),
        ("https://www.youtube.com/feeds/videos.xml?playlist_id=PLx", "https://www.youtube.com/playlist?list=PLx"),
        ("https://www.youtube.com/feeds/videos.xml?user=a/../b", "https://www.youtube.com/user/a%2F..%2Fb"),
    ],
)
def test_addresses_are_taken_as_people_and_apps_write_them(typed: str, url: str) -> None:
    assert subscription_to(typed).url == url


def test_one_address_has_one_identity() -> None:
    same = ["https://a.example/f?x=1", "HTTP://A.EXAMPLE:80/f?x=1", "https://a.example.:443/f?x=1"]
    assert len({identity(url) for url in same}) == 1
    other = [
        "https://a.example/F?x=1",
        "https://a.example/f?x=2",
        "https://a.example:8443/f?x=1",
        "https://b.example/f",
    ]
    assert len({identity(url) for url in [*same, *other]}) == 5
    assert identity("https://www.youtube.com/@x") == identity("https://m.youtube.com/@x")
    assert identity("./talks/") == identity("talks")


def test_a_source_is_known_by_its_address_without_its_password_and_as_it_is_shown() -> None:
    assert identities("https://me:secret@a.example/f?p=1&auth=x") == {
        identity("https://me:secret@a.example/f?p=1&auth=x"),
        identity("https://a.example/f?p=1&auth=x"),
        identity("https://a.example/f?p=1&…"),
    }


def test_an_address_may_be_as_long_as_the_client_opens(root: Path) -> None:
    long = Subscription(url="https://a.example/?token=" + "x" * 7_900, kind="feed")
    assert add_subscription(root, long)
    assert load_subscriptions(root)[-1] == long
    with pytest.raises(ConfigError):
        add_subscription(root, Subscription(url=long.url + "x" * 100, kind="feed"))


@given(st.lists(st.text(st.sampled_from("a/\\ é"), min_size=1).map(str.strip).filter(bool), max_size=5))
def test_folders_within_folders_are_one_text_and_back(names: list[str]) -> None:
    assert split_folder(join_folder(names)) == tuple(names)


def test_a_folder_is_meant_from_the_library(tmp_path: Path) -> None:
    assert folder_path(tmp_path, Subscription(url="in/talks", kind="folder")) == tmp_path / "in/talks"
    assert folder_path(tmp_path, Subscription(url="/srv/talks", kind="folder")) == Path("/srv/talks")
    assert folder_path(tmp_path, Subscription(url="~/talks", kind="folder")) == Path.home() / "talks"


# --- [sync] and [ytdlp] -----------------------------------------------------------------------------------------------


def test_how_it_fetches_is_as_written_or_as_always(root: Path) -> None:
    assert load_sync_settings(written(root, "language = 'nl'\n")).languages == ("nl",)
    assert load_sync_settings(written(root, "language = 'Klingon'\n")).languages == ("en",)
    read = load_sync_settings(
        written(
            root,
            "[sync]\nlanguages = ['en', 'pt-BR', 'en']\ncontact = 'me@example.org'\n[ytdlp]\ncookiefile = 'c.txt'\n"
            "cookiesfrombrowser = 'Firefox+kwallet:work::none'\nratelimit = '1.5M'\nsleep_interval = 2\n"
            "max_sleep_interval = 3.5\nsleep_interval_requests = 0\n",
        )
    )
    assert (read.languages, read.contact) == (("en", "pt-BR"), "me@example.org")
    assert dict(read.ytdlp) == {
        "cookiefile": str(root / "c.txt"),
        "cookiesfrombrowser": ("firefox", "work", "KWALLET", "none"),
        "ratelimit": 1.5 * 1024 * 1024,
        "sleep_interval": 2,
        "max_sleep_interval": 3.5,
        "sleep_interval_requests": 0,
    }


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("sync = 3", "sync"),
        ("[sync]\nlanguages = 'en'", "languages"),
        ("[sync]\nlanguages = []", "languages"),
        ("[sync]\nlanguages = ['.*']", "languages"),
        ('[sync]\ncontact = "a\\r\\nX-Evil: 1"', "contact"),
        ("[sync]\ncontact = 'a) b'", "contact"),
        ("[sync]\nevry = '1h'", "evry"),
        *((f"[ytdlp]\n{key} = 'x'", key) for key in ("exec", "proxy", "outtmpl", "enable_file_urls", "netrc_cmd")),
        *((f"[ytdlp]\n{key} = 'x'", key) for key in ("postprocessors", "external_downloader", "extractor_args")),
        ("[ytdlp]\nratelimit = 'fast'", "ratelimit"),
        ("[ytdlp]\nratelimit = 0", "ratelimit"),
        ("[ytdlp]\nratelimit = true", "ratelimit"),
        ("[ytdlp]\nsleep_interval = -1", "sleep_interval"),
        ("[ytdlp]\nsleep_interval = inf", "sleep_interval"),
        ("[ytdlp]\nsleep_interval = nan", "sleep_interval"),
        ("[ytdlp]\nmax_sleep_interval = 5", "max_sleep_interval"),
        ("[ytdlp]\ncookiefile = 3", "cookiefile"),
        ("[ytdlp]\ncookiesfrombrowser = 'a b'", "cookiesfrombrowser"),
    ],
)
def test_only_what_is_on_the_list_and_right_is_taken(root: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_sync_settings(written(root, text))
    assert key in raised.value.what


# --- the commands -----------------------------------------------------------------------------------------------------


def hark(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], prog_name="hark")


def test_a_show_is_added_listed_and_removed(root: Path) -> None:
    added = hark(
        "--library", root, "add", "feed://me:secret@new.example/rss", "--show", "New", "--newest", "3", "--audio"
    )
    assert added.exit_code == 0, added.output
    assert "secret" not in added.output
    assert "hark sync" in added.stdout
    listed = json.loads(hark("sources", "--json", "--library", root).stdout)["sources"]
    assert listed[2] == {
        "url": "https://new.example/rss", "kind": "feed", "show": "New", "folder": "", "newest": 3, "audio": True,
        "allow_private": False,
    }  # fmt: skip
    assert load_subscriptions(root)[2].url == "https://me:secret@new.example/rss"
    assert "newest 3; recordings kept" in hark("sources", "--library", root).stdout
    again = hark("add", "https://me:secret@new.example/rss", "--library", root)
    assert (again.exit_code, "followed already" in again.stdout) == (0, True)
    removed = hark("remove", listed[2]["url"], "--library", root)
    assert removed.exit_code == 0, removed.output
    assert toml(root) == MINE


@pytest.mark.parametrize("named", ["one", "http://one.example/feed", "feed://one.example/feed"])
def test_a_source_is_removed_by_its_name_or_its_address(root: Path, named: str) -> None:
    assert hark("remove", named, "--library", root).exit_code == 0
    assert [one.url for one in load_subscriptions(root)] == ["https://two.example/feed"]


def test_removing_what_is_not_followed_says_so(root: Path) -> None:
    result = hark("remove", "https://nobody.example", "--library", root)
    assert result.exit_code == 1
    assert "is not followed" in result.stderr
    assert toml(root) == MINE


def test_two_that_are_shown_alike_are_not_guessed_between(root: Path) -> None:
    private = [f"https://a.example/feed?auth={secret}" for secret in ("one", "two")]
    for url in private:
        add_subscription(root, Subscription(url=url, kind="feed"))
    shown_alike = hark("remove", "https://a.example/feed?…", "--library", root)
    assert shown_alike.exit_code != 0
    assert "2 sources are called that" in shown_alike.output
    assert "one" not in hark("remove", private[1], "--library", root).output
    assert [one.url for one in load_subscriptions(root) if one.url in private] == private[:1]


def test_two_of_one_name_are_not_guessed_between(root: Path) -> None:
    add_subscription(root, feed("https://other.example", show="ONE"))
    result = hark("remove", "One", "--library", root)
    assert result.exit_code == 2
    assert "2 sources are called that" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere/at-all"], "no folder, and no address"),
        (["hark.toml"], "only folders are followed"),
        (["https://a.example", "https://b.example", "--show", "x"], "--show names one source"),
        (["https://a.example", "--kind", "tape"], "--kind tape is not known"),
        (["https://a.example", "--newest", "-1"], "newest must be a whole number"),
        (["file:///etc/passwd"], "no http or https address"),
        (["nowhere.opml"], "no folder, and no address"),
        (["."], "what the library itself writes"),
        ([".."], "what the library itself writes"),
        (["notes"], "what the library itself writes"),
    ],
)
def test_a_wrong_call_adds_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    (root / "notes").mkdir()
    monkeypatch.chdir(root)
    result = hark("add", *arguments)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert toml(root) == MINE


def test_folders_are_added_and_removed_from_where_one_stands(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, inside = root.parent / "talks", root / "incoming"
    for folder in (beside, inside):
        folder.mkdir()
    monkeypatch.chdir(root.parent)
    assert hark("add", "talks", "library/incoming", "--library", root).exit_code == 0
    kinds_and_places = [(one.kind, one.url, folder_path(root, one)) for one in load_subscriptions(root)[2:]]
    assert kinds_and_places == [("folder", str(beside), beside), ("folder", "incoming", inside)]
    assert hark("remove", "talks", "--library", root).exit_code == 0
    assert hark("remove", "library/incoming", "--library", root).exit_code == 0
    assert toml(root) == MINE


def test_a_home_folder_stays_as_written(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "talks").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert hark("add", "~/talks", "--library", root).exit_code == 0
    assert load_subscriptions(root)[2] == Subscription(url="~/talks", kind="folder")
    assert hark("remove", tmp_path / "talks", "--library", root).exit_code == 0
    assert toml(root) == MINE


def test_opml_goes_in_and_out(root: Path, tmp_path: Path) -> None:
    given = tmp_path / "mine.opml"
    given.write_text(
        '<opml version="2.0"><head/><body><outline text="News"><outline text="Fog &amp; Bells" type="rss" '
        'xmlUrl="https://fog.example/rss"/></outline><outline text="bad" xmlUrl="file:///etc/passwd"/></body></opml>'
    )
    for way in (["add", given], ["opml", "import", given]):
        result = hark("--library", root, *way)
        assert result.exit_code == 0, result.output
        assert "bad: file:///etc/passwd is no web address" in result.stderr
    assert load_subscriptions(root)[2] == feed("https://fog.example/rss", show="Fog & Bells", folder="News")
    out = tmp_path / "out.opml"
    assert hark("opml", "export", out, "--library", root).exit_code == 0
    printed = hark("--library", root, "opml", "export")
    assert printed.stdout == out.read_text()
    assert hark("opml", "export", out, "--library", root).exit_code == 2
    assert hark("opml", "export", out, "--force", "--library", root).exit_code == 0
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    written(fresh, "")
    assert hark("add", out, "--library", fresh).exit_code == 0
    assert {(one.url, one.show, one.folder) for one in load_subscriptions(fresh)} == {
        (one.url, one.show, one.folder) for one in load_subscriptions(root)
    }
    assert tomllib.loads(toml(fresh))["sources"]


def test_a_file_that_is_no_opml_adds_nothing(root: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.opml"
    page.write_text("<html><body>Sign in</body></html>")
    result = hark("opml", "import", page, "--library", root)
    assert result.exit_code == 1
    assert "is no OPML, but a web page" in result.stderr
    assert toml(root) == MINE


def test_nothing_followed_is_said(root: Path) -> None:
    assert "Nothing is followed yet" in hark("sources", "--library", written(root, "")).stdout
    assert [path.name for path in root.iterdir()] == ["hark.toml"]
