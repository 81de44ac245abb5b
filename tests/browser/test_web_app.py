"""The web app as a reader meets it: found, played, read, followed, in a real Chromium."""

from __future__ import annotations

from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlsplit
from urllib.request import Request, urlopen

import pytest
from libraries import LONG_NOTE, TRAP, YOUTUBE
from playwright.sync_api import Browser, Page, Route, expect
from webserver import serving

from kb.library import create_library

pytestmark = pytest.mark.browser

AT = "Math.abs(document.querySelector('#hark-media').currentTime - {t}) <= 0.5"
PLAYING = "(m => !m.paused && m.currentTime >= {t} && m.currentTime < {t} + 5)(document.querySelector('#hark-media'))"
READY = "typeof window.hark?.arrive === 'function'"


def open_page(page: Page, href: str) -> None:
    """Opens an address, and waits until the page listens."""
    page.goto(href)
    page.wait_for_function(READY)


def mark(page: Page) -> None:
    page.evaluate("window.marker = 'the same page'")


def same_page(page: Page) -> bool:
    return bool(page.evaluate("window.marker === 'the same page'"))


def test_search_then_a_hit_opens_at_its_moment(page: Page) -> None:
    open_page(page, "/")
    mark(page)
    page.get_by_label("Search the library").fill("wax cylinder grooves")
    page.keyboard.press("Enter")
    hit = page.locator(".hit[data-media]").first
    t = float(hit.locator("a.moment").get_attribute("data-t") or "nan")
    expect(hit.locator("mark").first).to_be_visible()
    hit.locator("h3 a").click()
    page.wait_for_url("**/episode?**")
    expect(page.locator("article.transcript")).to_be_visible()
    page.wait_for_function(AT.format(t=t))
    expect(page.locator(".said.arrived")).to_be_in_viewport()
    assert same_page(page)


def test_a_hit_plays_where_it_stands(page: Page) -> None:
    open_page(page, "/search?q=wax+cylinder")
    mark(page)
    moment = page.locator(".hit[data-media] a.moment").first
    t = float(moment.get_attribute("data-t") or "nan")
    moment.click()
    page.wait_for_function(PLAYING.format(t=t))
    assert page.url.endswith("/search?q=wax+cylinder")
    assert same_page(page)


def test_a_time_in_a_note_moves_the_player_and_nothing_else(page: Page) -> None:
    reruns: list[int] = []

    def sent(frame: str | bytes) -> None:
        if len(frame) > 40:  # a heartbeat is shorter
            reruns.append(len(frame))

    page.on("websocket", lambda socket: socket.on("framesent", sent))
    open_page(page, f"/note?path={quote(LONG_NOTE, safe='')}")
    first, second = page.locator("article.note a.moment").nth(0), page.locator("article.note a.moment").nth(1)
    first.click()
    page.wait_for_function(PLAYING.format(t=24))
    second.scroll_into_view_if_needed()
    mark(page)
    scrolled = "document.querySelector('.stMain').scrollTop"
    before, asked = page.evaluate(scrolled), len(reruns)
    second.click()
    page.wait_for_function(PLAYING.format(t=66), timeout=1_000)
    assert before > 0
    assert page.evaluate(scrolled) == before
    assert len(reruns) == asked, "the server was asked for nothing"
    assert same_page(page)


def test_a_time_in_a_concept_plays_its_episode(page: Page, library_root: Path) -> None:
    concept = next(path for path in sorted(library_root.glob("notes/concepts/*.md")) if "#00:" in path.read_text())
    open_page(page, f"/note?path={quote(f'concepts/{concept.name}', safe='')}")
    mark(page)
    moment = page.locator('a.wikilink[href^="episode?"]').first
    t = float(parse_qs(urlsplit(moment.get_attribute("href") or "").query)["t"][0])
    moment.click()
    page.wait_for_function(PLAYING.format(t=t))
    assert "/note?path=concepts" in page.url
    assert same_page(page)


def test_links_are_followed_while_it_plays_on(page: Page) -> None:
    open_page(page, f"/note?path={quote(LONG_NOTE, safe='')}")
    page.locator("article.note a.moment").first.click()
    page.wait_for_function(PLAYING.format(t=24))
    mark(page)
    page.get_by_role("link", name="lamp oil").click()
    page.wait_for_url("**/note?path=concepts**")
    expect(page.get_by_role("heading", name="Lamp oil")).to_be_visible()
    page.locator(".backlinks a", has_text="A reading list").click()
    expect(page.get_by_role("heading", name="A reading list")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Lamp oil")).to_be_visible()
    assert same_page(page)
    page.wait_for_function("!document.querySelector('#hark-media').paused")


def test_a_link_to_nothing_opens_a_search_that_says_so(page: Page) -> None:
    open_page(page, f"/note?path={quote(LONG_NOTE, safe='')}")
    page.locator("a.wikilink.missing").first.click()
    page.wait_for_url("**/search?**")
    expect(page.locator(".notice").first).to_contain_text("There is no note called A page of nobody yet")
    expect(page.get_by_label("Search the library")).to_have_value("A page of nobody")


def test_a_link_to_a_moment_opens_there(page: Page) -> None:
    open_page(page, "/")
    page.locator("ul.episodes a.name", has_text="wax cylinder").click()
    page.locator("article.transcript a.moment").nth(6).click()
    t = float(page.locator("article.transcript a.moment").nth(6).get_attribute("data-t") or "nan")
    page.wait_for_function(PLAYING.format(t=t))
    page.locator(".hark-play").click()
    page.locator(".hark-copy").click()
    expect(page.locator(".hark-copy")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    at = page.evaluate("document.querySelector('#hark-media').currentTime")
    open_page(page, link)
    page.wait_for_function(AT.format(t=int(at)))
    expect(page.locator(".said.arrived")).to_be_in_viewport()


def test_the_sentence_being_spoken_is_marked_and_keys_move_it(page: Page) -> None:
    open_page(page, "/")
    page.locator("ul.episodes a.name", has_text="wax cylinder").click()
    page.locator("article.transcript a.moment").nth(3).click()
    expect(page.locator(".said.speaking")).to_have_count(1)
    page.keyboard.press("k")
    page.wait_for_function("document.querySelector('#hark-media').paused")
    at = page.evaluate("document.querySelector('#hark-media').currentTime")
    page.keyboard.press("l")
    page.wait_for_function(AT.format(t=at + 30))
    page.keyboard.press("j")
    page.wait_for_function(AT.format(t=at + 20))


def test_youtube_is_not_asked_before_a_press_and_then_seeks(page: Page) -> None:
    asked: list[str] = []

    def stand_in(route: Route) -> None:
        asked.append(route.request.url)
        script = "addEventListener('message', e => (window.told ??= []).push(JSON.parse(e.data)))"
        route.fulfill(content_type="text/html", body=f"<script>{script}</script>")

    page.route("https://www.youtube-nocookie.com/**", stand_in)
    open_page(page, f"/episode?id={quote(YOUTUBE)}&t=100")
    expect(page.locator("#hark-player")).to_be_visible()
    page.locator("nav.head a", has_text="Notes").click()
    page.wait_for_url("**/notes")
    page.go_back()
    expect(page.locator("article.transcript")).to_be_visible()
    assert asked == []
    page.locator(".hark-play").click()
    frame = page.frame_locator("#hark-player iframe")
    expect(frame.locator("script")).to_have_count(1)
    assert len(asked) == 1
    assert "/embed/abcdefghijk?" in asked[0]
    assert "start=100" in asked[0]
    page.locator('article.transcript .turn a.moment[data-t="0"]').click()
    inner = next(one for one in page.frames if "youtube-nocookie" in one.url)
    inner.wait_for_function("window.told?.some(m => m.func === 'seekTo' && m.args[0] === 0)")
    assert len(asked) == 1


@pytest.mark.parametrize(
    "href",
    [
        "/",
        "/search?q=quagga",
        "/search?q=quagga&missing=%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D1%3E",
        "/ask?question=quagga",
        "/notes",
        "/show?show=%3Cscript%3Ewindow.hacked%3D1%3C%2Fscript%3E",
        f"/episode?id={quote(TRAP)}&t=20",
        "/note?path=traps%2Ftrap.md",
        "/note?path=%22%3E%3Csvg%20onload%3Dwindow.hacked%3D1%3E",
    ],
)
def test_hostile_text_executes_nothing(page: Page, href: str) -> None:
    open_page(page, href)
    expect(page.locator(".stMain :is(article, ul.notes, .nothing)").first).to_be_visible()
    if "svg" not in href:  # where nothing is found, nothing of it is shown
        expect(page.locator(".stMain")).to_contain_text("window.hacked")
    for link in page.locator(".stMain .stHtml a[href]").all():
        assert (link.get_attribute("href") or "").split(":", 1)[0].lower() not in ("javascript", "data", "vbscript")
    assert page.locator(".stMain .stHtml :is(script, iframe, img, svg, object, embed)").count() == 0
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for href in ("/", "/search?q=tape", "/ask?question=tape", "/notes", f"/note?path={quote(LONG_NOTE, safe='')}"):
        open_page(page, href)
        expect(page.locator(".stMain :is(article, ul.notes, .nothing)").first).to_be_visible()
        assert page.evaluate("document.querySelector('.stMain').scrollWidth") <= width, href


def test_recordings_are_served_with_ranges_and_nothing_else_is(page: Page, address: str) -> None:
    open_page(page, "/search?q=wax+cylinder")
    media = page.locator(".hit[data-media]").first.get_attribute("data-media")
    whole = urlopen(f"{address}/{media}")
    size = int(whole.headers["Content-Length"])
    part = urlopen(Request(f"{address}/{media}", headers={"Range": "bytes=1000-1999"}))
    assert (part.status, part.headers["Content-Range"]) == (206, f"bytes 1000-1999/{size}")
    assert part.read() == whole.read()[1000:2000]
    for wrong in ("nobody", "../../../etc/passwd", "/etc/passwd", ""):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{address}/listen?episode={quote(wrong, safe='')}")
        assert refused.value.code == 404
    with pytest.raises(HTTPError) as foreign:
        urlopen(Request(f"{address}/{media}", headers={"Host": "rebound.example"}))
    assert foreign.value.code == 421


def test_it_starts_without_a_library_and_with_an_empty_one(browser: Browser, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    root.mkdir()
    with serving(root, tmp_path / "log") as running, browser.new_context(base_url=running) as context:
        tab = context.new_page()
        open_page(tab, "/")
        expect(tab.get_by_text("There is no library in this folder yet")).to_be_visible()
        expect(tab.get_by_text("hark init")).to_be_visible()
        create_library(root, "Mine").close()
        open_page(tab, "/search?q=anything")
        expect(tab.get_by_text("This library is empty so far")).to_be_visible()
        expect(tab.get_by_text("hark ingest")).to_be_visible()
        expect(tab).to_have_title("Begin · Hark")
