"""Notes made to be slow, deep or endless are read in a time that their length allows."""

from __future__ import annotations

import re
import time

import pytest

from kb.model import Finding
from kb.notes.frontmatter import MAX_DEPTH, read_front_matter
from kb.notes.notefile import MAX_FINDINGS, parse_note
from kb.notes.parsing import MAX_CHARACTERS
from kb.notes.render import render_html

MEGABYTE = 1_000_000
SECONDS = 8.0  # of this process; it takes about one, and twenty or more without the bounds

# Each of these took much longer than its length allows until something bounded it.
REPEATED = [
    *("![", "[[", "[[a|", "[a](", "[00:00:01, ", "[00:00:01]", "*a ", "$a_", '<a class="yt-timestamp" data-t="'),
    *("...", ". ", "A. ", "---\n", "|a|\n|-|\n> x\n", "> [!NOTE] x\n", "# a\n", "- a\n", "[a]: b\n", "\r", " ", "\0"),
]


@pytest.mark.parametrize("piece", REPEATED, ids=repr)
def test_a_megabyte_of_one_thing(piece: str) -> None:
    text = (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]
    start = time.process_time()
    note = parse_note("a.md", f"---\ntitle: t\n---\n{text}")
    assert time.process_time() - start < SECONDS
    assert note.title == "t"
    assert len(note.text) == MEGABYTE + 17


@pytest.mark.parametrize("piece", ["![", "[[a]] ", "# a\n"], ids=repr)
def test_showing_a_megabyte_of_one_thing(piece: str) -> None:
    start = time.process_time()
    render_html(piece * (MEGABYTE // len(piece)), lambda link: ("#", True), lambda seconds: "#")
    assert time.process_time() - start < SECONDS


def test_a_long_line_of_prose_is_read_whole() -> None:
    words = "A sentence of seven words stands here. " * (MEGABYTE // 40)
    note = parse_note("a.md", f"---\ntitle: t\n---\n{words}[[end]]")
    assert [link.target for link in note.links] == ["end"]
    assert note.findings == ()


def test_what_is_too_long_is_said_and_kept() -> None:
    text = "---\ntitle: t\n---\n" + "word " * (MAX_CHARACTERS // 5) + "[[late]]"
    note = parse_note("a.md", text)
    assert [finding.rule for finding in note.findings] == ["note-too-long"]
    assert note.text == text


def test_dense_markup_is_cut_at_a_line() -> None:
    text = "---\ntitle: t\n---\n" + "- [[a | b]] [00:00:05]\n" * 30_000
    note = parse_note("a.md", text)
    assert {"note-too-long", "timestamp-bare"} == {finding.rule for finding in note.findings}
    assert {block.text for block in note.blocks} == {"b"}


def test_deep_nesting() -> None:
    for text in (">" * 100_000, "- " * 100_000, "\n".join(" " * at + "- a" for at in range(1_000)), "*" * 100_000):
        assert parse_note("a.md", text).text == text


def test_findings_of_one_kind_are_bounded() -> None:
    note = parse_note("a.md", "---\ntitle: t\n---\n" + "[00:00:05]\nword\n" * 200)
    assert len(note.findings) == MAX_FINDINGS
    assert note.findings[-1] == Finding("timestamp-bare", "and 151 more of this kind from here on", 4 + 2 * 49)


def rules(yaml: str) -> list[str]:
    _, findings = read_front_matter(yaml)
    return [f"{finding.rule}: {finding.message}" for finding in findings]


@pytest.mark.parametrize(
    ("yaml", "reason"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchors and aliases"),
        ("a: *a", "anchors and aliases"),
        ("a: " + "[" * 3_000, "."),
        ("a: " + "[" * 3_000 + "]" * 3_000, f"nested deeper than {MAX_DEPTH}|depth|nest"),
        ("a: " + "{a: " * 3_000, "."),
        ("\n".join(" " * at + "a:" for at in range(400)), f"nested deeper than {MAX_DEPTH}"),
        ("".join(f"k{at}: v\n" for at in range(15_000)), "more than"),
        ("a: b\n" * 100_000, "longer than"),
        ("a: \x01", "."),
        ("a: \ud800", "characters that YAML does not allow"),
        ("? [a, b]\n: c", "a key that is no text"),
        ("- a\n- b", "not a list of keys"),
        ("just words", "not a list of keys"),
        ("a: 'b", "."),
    ],
    ids=range(14),
)
def test_hostile_yaml_is_a_finding(yaml: str, reason: str) -> None:
    start = time.process_time()
    found = rules(yaml)
    assert time.process_time() - start < SECONDS
    assert len(found) == 1
    assert found[0].startswith("front-matter-invalid: ")
    assert re.search(reason, found[0].removeprefix("front-matter-invalid: the front matter is no YAML: "))


def test_tags_construct_nothing() -> None:
    front, findings = read_front_matter('title: !!python/object/apply:os.system ["true"]\nshow: !!int x')
    assert (front.title, front.show, findings) == ('["true"]', "x", ())
