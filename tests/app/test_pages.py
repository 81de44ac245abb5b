"""Every page of the web app, run by Streamlit's own test runtime over a library in memory."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.library import KNOTS, SAID, TIDES, TRAP, FakeLibrary
from streamlit.testing.v1 import AppTest

from interfaces import web
from interfaces.web import opened
from kb.errors import LibraryDamagedError, NotALibraryError

SCRIPT = Path(web.__path__[0]) / "navigation.py"
Open = Callable[..., AppTest]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    (tmp_path / "tides.wav").write_bytes(b"RIFF")
    fake = FakeLibrary(tmp_path)
    monkeypatch.setattr(opened, "library", lambda: fake)
    return fake


@pytest.fixture
def visit(library: FakeLibrary) -> Open:
    """Runs one page with the parameters of its address."""

    def go(page: str, **parameters: str) -> AppTest:
        script = f"from interfaces.web import {page}\nfrom interfaces.web.frame import guarded\nguarded({page}.draw)()"
        app = AppTest.from_string(script, default_timeout=20)
        app.query_params.update(parameters)
        app.run()
        assert not app.exception
        return app

    return go


def html(app: AppTest) -> str:
    return "\n".join(element.body for element in app.html)


def test_the_first_page_has_the_shows_and_the_newest(visit: Open) -> None:
    page = html(visit("home"))
    assert "Harbour library" in page
    assert 'href="show?show=harbour-talk"' in page
    assert page.index(TIDES.title) < page.index(KNOTS.title)


def test_the_entry_draws_the_ways_and_the_first_page(library: FakeLibrary) -> None:
    app = AppTest.from_file(str(SCRIPT), default_timeout=20).run()
    assert not app.exception
    page = html(app)
    assert '<a href="." aria-current=page>Library</a>' in page
    assert "Harbour library" in page


def test_a_library_with_nothing_in_it_says_what_to_do_first(visit: Open, library: FakeLibrary) -> None:
    library.episodes_kept, library.notes_kept = (), {}
    for name in ("home", "search", "ask", "notes"):
        page = html(visit(name))
        assert "This library is empty so far" in page, name
        assert "hark ingest" in page, name


def test_a_folder_without_a_library_says_how_to_make_one(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise NotALibraryError("no Hark library here")

    monkeypatch.setattr(opened, "library", none)
    page = html(visit("home"))
    assert "There is no library in this folder yet" in page
    assert "hark init" in page


def test_an_error_is_one_line_with_its_remedy(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged() -> None:
        raise LibraryDamagedError("a page is torn <b>", where="library.db", remedy="run: hark index --rebuild")

    monkeypatch.setattr(opened, "library", damaged)
    page = html(visit("search", q="tide"))
    assert "a page is torn &lt;b&gt;" in page
    assert "run: hark index --rebuild" in page
    assert "Traceback" not in page


def test_a_search_shows_who_said_it_where_and_from_which_second(visit: Open) -> None:
    page = html(visit("search", q="arithmetic"))
    assert "<mark>arithmetic</mark>" in page
    assert "Ilo Brandt" in page
    assert 'class="moment" data-t="14.5"' in page
    assert 'data-copy="episode?id=file%3Atides&amp;t=14.5"' in page
    assert 'data-media="listen?episode=file%3Atides"' in page


def test_filters_reach_the_library(visit: Open, library: FakeLibrary) -> None:
    visit(
        "search", q="tide", show="harbour-talk", speaker="Mara Voss", after="2024-01-01", kind="quote", mode="lexical"
    )
    assert library.searches[-1] == (
        'tide show:"harbour-talk" speaker:"Mara Voss" after:2024-01-01 kind:quote',
        "lexical",
        10,
    )


def test_a_changed_filter_goes_into_the_address(visit: Open, library: FakeLibrary) -> None:
    app = visit("search", q="tide")
    app.selectbox(key="find-speaker").set_value("Ilo Brandt").run()
    assert app.query_params["speaker"] == "Ilo Brandt"
    assert library.searches[-1][0] == 'tide speaker:"Ilo Brandt"'


def test_typing_another_query_keeps_the_filters(visit: Open, library: FakeLibrary) -> None:
    app = visit("search", q="tide", mode="semantic")
    app.text_input(key="find-q").set_value("storm").run()
    assert app.query_params["q"] == "storm"
    assert library.searches[-1] == ("storm", "semantic", 10)


def test_a_missing_page_says_so_and_searches(visit: Open) -> None:
    page = html(visit("search", q="tide", missing="Tide mills"))
    assert "There is no note called <strong>Tide mills</strong> yet" in page
    assert 'class="hit"' in page


def test_nothing_found_says_so(visit: Open) -> None:
    page = html(visit("search", q="zeppelin", show="harbour-talk"))
    assert "Nothing was found" in page
    assert "Search without the filters" in page


def test_parameters_that_make_no_sense_are_left_out(visit: Open, library: FakeLibrary) -> None:
    visit("search", q="tide", n="9" * 30, mode="<b>", kind="x", after="2024-99-99", show="nobody's")
    text, mode, limit = library.searches[-1]
    assert (mode, limit) == ("hybrid", 10)
    assert text == 'tide show:"nobody\'s"'


def test_an_episode_has_its_transcript_in_turns(visit: Open) -> None:
    page = html(visit("episode", id=TIDES.id, t="14.5"))
    assert page.count('class="turn"') == 3
    for segment in SAID[TIDES.id]:
        assert f'data-t="{segment.start_s:g}">{segment.text}</span>' in page
    assert 'href="note?path=harbour-talk%2Ftides.md"' in page


@pytest.mark.parametrize("episode_id", ["", "nobody", "../../etc/passwd", "<script>"])
def test_an_unknown_episode_leads_back(visit: Open, episode_id: str) -> None:
    page = html(visit("episode", id=episode_id))
    assert "There is no such episode" in page
    assert "<script>" not in page


def test_a_note_has_links_times_and_backlinks(visit: Open) -> None:
    page = html(visit("note", path="harbour-talk/tides.md"))
    assert 'href="note?path=concepts%2Fmoon_and_coast.md"' in page
    assert re.search(r'class="wikilink missing" href="search\?q=Sand\+bars&amp;missing=Sand\+bars"', page)
    assert 'class="moment" data-t="23" href="episode?id=file%3Atides&amp;t=23"' in page
    assert "Linked from" in html(visit("note", path="concepts/moon_and_coast.md"))


def test_a_note_that_is_not_there_leads_to_a_search(visit: Open) -> None:
    page = html(visit("note", path="../secret_plans.md"))
    assert "There is no such note" in page
    assert 'href="search?q=secret+plans' in page


def test_a_time_in_a_concept_belongs_to_the_episode_linked_before_it(visit: Open, library: FakeLibrary) -> None:
    front, _ = library.notes_kept["concepts/moon_and_coast.md"]
    anchor = '<a class="yt-timestamp" data-t="00:00:06">[00:00:06]</a>'
    library.notes_kept["concepts/moon_and_coast.md"] = (front, f"In [[tides]]: it pulls {anchor}.\n")
    page = html(visit("note", path="concepts/moon_and_coast.md"))
    assert 'href="episode?id=file%3Atides&amp;t=6"' in page
    assert '<span hidden data-source="file:tides"' in page


def test_a_link_to_a_note_at_a_time_is_a_moment(visit: Open, library: FakeLibrary) -> None:
    front, _ = library.notes_kept["concepts/moon_and_coast.md"]
    library.notes_kept["concepts/moon_and_coast.md"] = (front, "It pulls. [[tides#00:00:06 | 00:00:06]]\n")
    page = html(visit("note", path="concepts/moon_and_coast.md"))
    assert '<a class="wikilink" href="episode?id=file%3Atides&amp;t=6"' in page
    assert '<span hidden data-source="file:tides"' in page


def test_ask_answers_with_numbered_quotes(visit: Open) -> None:
    page = html(visit("ask", question="storm"))
    assert '<li value="1">' in page
    assert 'data-t="23"' in page
    assert "Nobody in this library says enough" in html(visit("ask", question="zeppelin"))


def test_a_show_lists_its_episodes(visit: Open) -> None:
    page = html(visit("show", show="Harbour Talk"))
    assert TIDES.title in page
    assert KNOTS.title in page
    assert "There is no show called" in html(visit("show", show="<b>nobody</b>"))


def test_hostile_text_stays_text_on_every_page(visit: Open) -> None:
    pages = [
        visit("home"),
        visit("search", q="storm", missing="<img src=x onerror=alert(1)>"),
        visit("ask", question="storm"),
        visit("notes"),
        visit("show", show="harbour-talk"),
        visit("episode", id=TRAP.id),
        visit("note", path="concepts/trap.md"),
        visit("note", path="concepts/moon_and_coast.md"),
    ]
    for app in pages:
        page = html(app)
        assert "<script" not in page
        assert "<img" not in page
        assert not re.search(r'href="\s*(javascript|data|vbscript):', page, re.IGNORECASE)
        assert not app.markdown, "text from outside never goes through Streamlit's Markdown"


def test_the_settings_that_ship_with_the_package_are_those_of_the_checkout() -> None:
    packaged = (Path(web.__path__[0]) / "assets" / "config.toml").read_text(encoding="utf-8")
    checkout = Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml"
    assert checkout.read_text(encoding="utf-8") == packaged
    server = tomllib.loads(packaged)["server"]
    assert server["address"] == "127.0.0.1"
    assert server["enableXsrfProtection"] is True
