"""Text that Hark writes into notes, bytes, and single keys of a front matter that change."""

from __future__ import annotations

import pytest

from kb.errors import NoteError
from kb.model import FrontMatter
from kb.notes.compose import escape_text, timestamp_anchor, wiki_link
from kb.notes.decoding import decode_note, encode_note
from kb.notes.frontedit import with_front_matter
from kb.notes.notefile import compose_note, note_bytes, parse_note


def test_a_whole_note() -> None:
    front = FrontMatter(
        title="Rising: how?",
        id="file:bread-1",
        show="kitchen",
        duration_s=3723.5,
        speakers=("Ada Brandt", "Okafor, Tom"),
        generated=(("writer", "extractive"), ("version", "1"), ("transcript", "sha256:00ff")),
        extra=(("mood", "no"),),
    )
    assert compose_note(front, "\nBody.\n\n") == (
        '---\ntitle: "Rising: how?"\nid: file:bread-1\nshow: kitchen\nduration: 01:02:03.500\n'
        'speakers: [Ada Brandt, "Okafor, Tom"]\naliases: []\nkind: episode\n'
        "generated: {writer: extractive, version: 1, transcript: sha256:00ff}\n"
        'mood: "no"\n---\n\nBody.\n'
    )


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("It cost $5, or (about) 10%: fine!?", r"It cost \$5, or (about) 10%: fine!?"),
        ("  two\n words\t", "two words"),
        ("1. first", r"1\. first"),
        ("- dash", r"\- dash"),
        ("a_b *c* `d` [[e]] <b>", r"a\_b \*c\* \`d\` \[\[e\]\] \<b>"),
        ("AT&T said &amp;", r"AT&T said \&amp;"),
        ("C# and #tag", r"C# and \#tag"),
        ("Wow!", r"Wow\!"),
        ("50%% ==x== ~~y~~", r"50\%\% \=\=x\=\= \~\~y\~\~"),
        ("ünïcödé — “quoted”", "ünïcödé — “quoted”"),
        ("", ""),
    ],
)
def test_escape_text_marks_only_what_it_must(text: str, escaped: str) -> None:
    assert escape_text(text) == escaped


@pytest.mark.parametrize(
    ("target", "label", "link"),
    [
        ("dough", "", "[[dough]]"),
        ("dough", "the dough", "[[dough | the dough]]"),
        ("dough", "dough", "[[dough]]"),
        ("dough", "a|b [c]\nd ]]", "[[dough | a/b (c) d ))]]"),
        ("a|b#c]]d\n", "", "[[a b c d]]"),
        ("[[", "*x*", r"\*x\*"),
        ("12:30:45", "", "[[12:30:45 | 12:30:45]]"),
    ],
)
def test_wiki_link(target: str, label: str, link: str) -> None:
    assert wiki_link(target, label) == link


def test_timestamp_anchor() -> None:
    assert timestamp_anchor(1080.9) == '<a class="yt-timestamp" data-t="00:18:00">[00:18:00]</a>'
    with pytest.raises(ValueError, match="before the start"):
        timestamp_anchor(-1)


HEAD = '---\ntitle: "a: b" # why\n# about tags\ntags:\n  - x\n  - y\n\n# the day\ndate: 2024-01-01\n---\n\nbody: no\n'


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"title": "a: b", "tags": ["x", "y"], "date": "2024-01-01", "none": None}, "", ""),
        ({"title": "c"}, 'title: "a: b" # why\n', "title: c\n"),
        ({"tags": ["z", "no"]}, "tags:\n  - x\n  - y\n", 'tags: [z, "no"]\n'),
        ({"tags": None}, "tags:\n  - x\n  - y\n", ""),
        ({"date": "2024-01-02"}, "date: 2024-01-01\n", "date: 2024-01-02\n"),
        ({"body": "x"}, "2024-01-01\n---\n", "2024-01-01\nbody: x\n---\n"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_only_the_lines_of_a_key_change(
    changes: dict[str, str | list[str] | None], old: str, new: str, newline: str, mark: str
) -> None:
    before = mark + HEAD.replace("\n", newline)
    after = mark + HEAD.replace(old, new, 1).replace("\n", newline)
    assert with_front_matter(before, changes) == after


def test_a_note_without_front_matter_gets_one() -> None:
    assert with_front_matter("Body.\n", {"title": "t", "x": None}) == "---\ntitle: t\n---\n\nBody.\n"
    assert with_front_matter("Body.\n", {"x": None}) == "Body.\n"
    assert with_front_matter("", {"title": "t"}) == "---\ntitle: t\n---\n\n"


@pytest.mark.parametrize(
    "head", ["---\n{a: b, c: d}\n---\n", "---\na: [\n---\n", "---\na: b\n", "---\na: &x b\nc: *x\n---\n"]
)
def test_front_matter_that_cannot_be_read_is_not_rewritten(head: str) -> None:
    with pytest.raises(NoteError):
        with_front_matter(head, {"title": "t"})


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"", "utf-8", ""),
        ("\ufeffé\r\n".encode(), "utf-8", "\ufeffé\r\n"),
        (b"\xff\xfea\x00\xe9\x00", "utf-16-le", "\ufeffaé"),
        (b"\xfe\xff\x00a", "utf-16-be", "\ufeffa"),
        ("plain".encode("utf-16-le"), "utf-16-le", "plain"),
        ("plain".encode("utf-16-be"), "utf-16-be", "plain"),
        (b"caf\xe9", "cp1252", "café"),
        (b"a\x00b", "utf-8", "a\x00b"),
    ],
)
def test_bytes_to_text_and_back(data: bytes, encoding: str, text: str) -> None:
    decoded, found, findings = decode_note(data)
    assert (decoded, found) == (text, encoding)
    assert bool(findings) == (encoding != "utf-8" or "\0" in text)
    assert encode_note(decoded, found) == data


@pytest.mark.parametrize("data", [b"caf\xc3\xa9 \xff", b"\xff\xfeabc", b"\xff\xfe\x00\xd8", bytes(range(256))])
def test_bytes_that_are_no_text_are_not_written_back(data: bytes) -> None:
    note = parse_note("a.md", data)
    assert [finding.rule for finding in note.findings if finding.rule == "encoding"] == ["encoding"]
    with pytest.raises(NoteError, match="cannot be written back"):
        note_bytes(note)


def test_a_text_that_the_encoding_cannot_hold() -> None:
    with pytest.raises(NoteError, match="cp1252"):
        encode_note("日本", "cp1252")
