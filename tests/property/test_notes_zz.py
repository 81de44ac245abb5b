"""What holds for every note: it is read, written back as it was, shown safely, and what Hark writes reads the same."""

from __future__ import annotations

import datetime as dt
from html.parser import HTMLParser

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import HealthCheck, strategies as st

from kb.model import FrontMatter
from kb.notes.compose import compose_note, escape_text, plain_line, timestamp_anchor, wiki_link
from kb.notes.decoding import LOSSY
from kb.notes.frontedit import with_front_matter
from kb.notes.notefile import note_bytes, parse_note
from kb.notes.render import render_html
from kb.notes.wikilinks import LinkTable, NamedPage, fold

settings.register_profile("x",max_examples=2500,deadline=None,suppress_health_check=list(HealthCheck));settings.load_profile("x")
# mean something to Markdown, YAML, HTML, Obsidian or the note format, between ordinary ones.
PIECES = [
    *("a", "B", "no", "on", "é", "日本", "🎙", "word", "12:30:45", "1.", "2)", "-5", "1e3", "0x1f", "~", "null", "true"),
    *("*", "**", "_", "__", "`", "``", "```", "[", "]", "[[", "]]", "(", ")", "![", "](", "<", ">", "<b>", "</a>"),
    *("<br/>", "&", "&amp;", "&#42;", "#", "##", "-", "--", "---", "+", "=", "==", "===", "~~", "|", "\\", "\\\\"),
    *("$", "$$", "$x$", "%", "%%", "^id", "!", "?", ":", "::", "{{", "}}", "'", '"', ">", "[!NOTE]", "http://a.b"),
    *("<http://a.b>", "@", ",", ";", "/", "//", "../", ".md"),
    '<a class="yt-timestamp" data-t="00:00:05">[00:00:05]</a>',
    '<a class="yt-timestamp" data-t="',
    "[00:00:05]",
    "[[a | b]]",
    "<script>alert(1)</script>",
    '" onclick="x',
    "javascript:x",
    "| a | b |",
    "|---|---|",
    " ",
    "  ",
    "    ",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
    "\u2028",
    "\u200b",
    "\u202e",
    "\x00",
    "\x07",
    "\x85",
    "\ufeff",
]
mixed = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=14).map("".join)
lines = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=14).map(" ".join)
hostile = mixed | lines
writable = hostile.filter(lambda text: text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))
names = st.tuples(writable, writable)
known = {"title", "videoId", "id", "show", "date", "duration", "url", "speakers", "aliases", "kind", "generated"}
fronts = st.builds(
    FrontMatter,
    title=writable,
    id=writable,
    video_id=writable,
    show=writable,
    date=st.none() | st.dates(),
    duration_s=st.none() | st.integers(0, 35_000_000).map(lambda ms: ms / 1000),
    speakers=st.lists(writable, max_size=3).map(tuple),
    aliases=st.lists(writable, max_size=3).map(tuple),
    kind=st.sampled_from(["episode", "concept", "show"]),
    url=writable,
    generated=st.lists(names, max_size=3, unique_by=lambda pair: pair[0]).map(tuple),
    extra=st.lists(
        st.tuples(writable.filter(lambda key: key not in known), writable), max_size=3, unique_by=lambda pair: pair[0]
    ).map(tuple),
)


@given(fronts, hostile)
@example(FrontMatter(title='"quoted": --- \n---\n# no', aliases=("no", "12:30:45", "[x", "- y", "")), "---\nbody")
@example(FrontMatter(title="null", date=dt.date(1, 1, 1), duration_s=0.001), "")
def test_front_matter_reads_as_it_was_written(front: FrontMatter, body: str) -> None:
    note = parse_note("a.md", compose_note(front, body))
    assert note.front == front
    assert not [finding for finding in note.findings if finding.rule.startswith("front-matter")]


@given(hostile)
def test_a_quote_renders_as_itself(text: str) -> None:
    escaped = escape_text(text)
    assert "\n" not in escaped
    note = parse_note("a.md", f"---\ntitle: t\n---\n\n{escaped}\n")
    assert " ".join(block.text for block in note.blocks) == plain_line(text)
    assert note.links == ()
    assert all(block.times_s == () for block in note.blocks)


@given(hostile, st.sampled_from(["- {}", "> {}", "> [!QUOTE] x\n> {}", "1. {}", "**Ada:** {}", "{} ", "Ada: “{}” x"]))
def test_a_quote_keeps_to_its_place(text: str, around: str) -> None:
    line = plain_line(text)
    assume(line)
    note = parse_note("a.md", f"---\ntitle: t\n---\n\n{around.format(escape_text(text))} {timestamp_anchor(5)}\n")
    assert len(note.blocks) == 1
    assert line in note.blocks[0].text
    assert note.blocks[0].times_s == (5.0,)
    assert note.links == ()


@given(hostile, hostile, st.sampled_from(["{}", "x {} y", "- {}", "**{}**", "| a |\n|---|\n| {} |", "## {}"]))
def test_a_link_is_one_link_whatever_its_label(target: str, label: str, around: str) -> None:
    written = wiki_link(target, label)
    assume(written.startswith("[["))
    note = parse_note("a.md", f"---\ntitle: t\n---\n\n{around.format(written)}\n")
    assert len(note.links) == 1
    assert not [finding for finding in note.findings if finding.rule.startswith("wikilink")]
    assert set(note.links[0].target).isdisjoint("[]|#\n")


@given(hostile)

def test_any_text_is_read_and_kept(text: str) -> None:
    note = parse_note("a.md", text)
    assert note.text == text
    assert all(0 <= finding.line <= text.count("\n") + text.count("\r") + 1 for finding in note.findings)
    for claim in note.claims:
        assert claim.text.strip() == claim.text != ""


@given(
    st.binary(max_size=200)
    | hostile.map(lambda text: text.encode("utf-8", "replace"))
    | hostile.map(lambda text: text.encode("utf-16", "replace"))
)
def test_any_bytes_are_read_and_written_back(data: bytes) -> None:
    note = parse_note("a.md", data)
    assert note.encoding == LOSSY or note_bytes(note) == data
    note.text.encode()


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


@given(hostile)

def test_what_is_shown_is_safe(text: str) -> None:
    seen = _Seen()
    seen.feed(render_html(text, lambda link: (f"/n/{link.target}", True), lambda seconds: f"?t={seconds}"))
    assert seen.tags.isdisjoint({"script", "style", "img", "iframe", "svg", "object", "form", "input", "link", "meta"})
    for _, name, value in seen.attributes:
        assert not name.startswith("on")
        assert name in {"href", "class", "data-t", "id", "rel", "target", "start", "open"}
        if name == "href":
            assert value.startswith(("/n/", "?t=", "http://", "https://", "mailto:"))
        if name == "data-t":
            assert float(value) >= 0
        if name == "id":
            assert value.startswith("h-")


@given(fronts, hostile, writable, st.sampled_from(["title", "show", "aliases", "new key"]), st.booleans())
def test_a_change_touches_nothing_else(front: FrontMatter, body: str, value: str, key: str, windows: bool) -> None:
    text = compose_note(front, body)
    text = text.replace("\n", "\r\n") if windows else text
    changed = with_front_matter(text, {key: value})
    before, after = text.split("\n"), changed.split("\n")
    start = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), len(before))
    untouched = len(before) - start - 1
    assert abs(len(before) - len(after)) <= 1
    assert untouched <= 0 or before[-untouched:] == after[-untouched:]
    assert with_front_matter(changed, {key: value}) == changed
    fields = parse_note("a.md", changed).front
    found = {"title": fields.title, "show": fields.show, "aliases": "".join(fields.aliases)} | dict(fields.extra)
    assert found[key] == value


@given(hostile)
def test_fold_is_a_key(name: str) -> None:
    key = fold(name)
    assert fold(key) == key
    assert bool(key) == bool(name.strip())
    assert fold(name.replace(" ", "_")) == key or not any(c.isalnum() for c in key)
    assert fold(f"-{name} ") == key or not any(c.isalnum() for c in key)


@given(st.lists(st.from_regex(r"\A[a-z]{1,3}/[a-z]([a-z_ ]{0,2}[a-z])?\.md\Z"), unique=True, max_size=8))
def test_every_page_answers_to_its_path_in_any_order(paths: list[str]) -> None:
    pages = [NamedPage(path, title="same", aliases=("other",)) for path in paths]
    table, backwards = LinkTable(pages), LinkTable(reversed(pages))
    for path in paths:
        assert table.resolve(path) == path
        assert table.resolve(path.removesuffix(".md"), "zz/zz.md") == path
    for target in ("same", "other", "a", "a/b"):
        assert table.resolve(target, "a/x.md") == backwards.resolve(target, "a/x.md")
