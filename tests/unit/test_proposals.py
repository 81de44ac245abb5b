"""A person's text and Hark's in one library: what is written, what is merged, what is proposed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.embedder import HashEmbedder
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from ingest.files import Changed, read_file, replace_file, sha256
from ingest.proposals import count_proposals, drop, list_proposals, read_proposal, take
from ingest.report import Noted
from ingest.settling import settle
from interfaces.cli.commands import app
from interfaces.web import opened
from kb.errors import LibraryBusyError, NotFoundError
from kb.library import Library, create_library

NOTE = "notes/show/bees.md"
HEAD = "---\ntitle: Bees\naliases: []\nkind: episode\n---\n\n"
ONE = HEAD + "## Hive\n\nThe queen lays eggs.\n\nIt is warm.\n\n## Honey\n\nHoney keeps.\n"
TWO = ONE.replace("The queen lays", "The old queen lays").replace("Honey keeps", "Honey keeps for ever")
MINE = ONE.replace("The queen lays eggs", "The queen (Apis) lays eggs") + "\nMy thought.\n"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with create_library(tmp_path, "Test", embedder=HashEmbedder()) as made:
        yield made


class Writer:
    """Settles one note as runs do, keeping the row between them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made: dict[str, str] = {}
        self.done = Noted()

    def write(self, text: str) -> int:
        self.done = Noted()
        states, written = settle(self.root, {NOTE: text.encode()}, self.made, self.done)
        self.made = {NOTE: states[NOTE].sha256}
        return written

    @property
    def note(self) -> str:
        return (self.root / NOTE).read_text(encoding="utf-8")

    @note.setter
    def note(self, text: str) -> None:
        (self.root / NOTE).write_text(text, encoding="utf-8")


@pytest.fixture
def writer(library: Library) -> Writer:
    return Writer(library.root)


@pytest.fixture
def proposed(writer: Writer) -> Writer:
    """A library in which one place of a note is in question."""
    writer.write(ONE)
    writer.note = MINE
    writer.write(TWO)
    return writer


def test_a_note_of_harks_is_replaced_and_an_equal_one_is_not(writer: Writer) -> None:
    assert writer.write(ONE) == 1
    assert writer.write(ONE) == 0
    assert writer.write(TWO) == 1
    assert writer.note == TWO
    assert (writer.done.merged, writer.done.kept, writer.done.proposals) == (0, [], [])


def test_what_only_one_side_changed_is_merged_and_what_both_changed_is_proposed(proposed: Writer) -> None:
    assert proposed.note == MINE.replace("Honey keeps", "Honey keeps for ever")
    assert (proposed.done.merged, proposed.done.kept, proposed.done.proposals) == (1, [], [NOTE])
    (proposal,) = list_proposals(proposed.root)
    assert proposal.path == "show/bees.md"
    assert [c.where for c in proposal.conflicts] == ["Hive"]
    assert [line for line in proposal.diff() if line[0] in "+-"] == [
        ("-", "The queen (Apis) lays eggs."),
        ("+", "The old queen lays eggs."),
    ]


def test_the_same_again_writes_nothing_and_leaves_the_proposal(proposed: Writer) -> None:
    before = proposed.note
    assert proposed.write(TWO) == 0
    assert proposed.note == before
    assert len(list_proposals(proposed.root)) == 1


def test_taken_it_is_in_the_note_and_the_thought_stays(proposed: Writer, library: Library) -> None:
    take(library, "show/bees.md")
    assert proposed.note == TWO + "\nMy thought.\n"
    assert list_proposals(proposed.root) == ()
    newer = TWO.replace("The old queen", "The oldest queen")
    proposed.write(newer)
    assert proposed.note == newer + "\nMy thought.\n", "what was taken is Hark's again"


def test_dropped_it_is_not_proposed_again_until_it_says_something_new(proposed: Writer, library: Library) -> None:
    before = proposed.note
    drop(library, "notes/show/bees.md")
    assert proposed.note == before
    proposed.write(TWO.replace("It is warm", "It is hot"))
    assert proposed.note == before.replace("It is warm", "It is hot")
    assert list_proposals(proposed.root) == ()
    proposed.write(TWO.replace("The old queen", "The oldest queen"))
    assert len(list_proposals(proposed.root)) == 1


def test_a_proposal_goes_when_nothing_is_left_of_it(proposed: Writer) -> None:
    proposed.note = proposed.note.replace("The queen (Apis) lays", "The old queen lays")
    assert list_proposals(proposed.root) == ()
    proposed.write(TWO.replace("It is warm", "It is hot"))
    assert count_proposals(proposed.root) == 0


def test_a_later_proposal_takes_the_place_of_the_earlier(proposed: Writer) -> None:
    proposed.write(TWO.replace("The old queen", "The oldest queen"))
    (proposal,) = list_proposals(proposed.root)
    assert "The oldest queen" in proposal.taken
    assert "(Apis)" in proposed.note


def test_an_edit_after_the_proposal_is_never_undone_by_taking_it(proposed: Writer, library: Library) -> None:
    shown = read_proposal(proposed.root, "show/bees.md")
    proposed.note = proposed.note.replace("It is warm", "It is 35 degrees")
    with pytest.raises(LibraryBusyError, match="changed meanwhile"):
        take(library, "show/bees.md", seen=shown.state)
    take(library, "show/bees.md", seen=read_proposal(proposed.root, "show/bees.md").state)
    assert "It is 35 degrees" in proposed.note
    assert "The old queen" in proposed.note


@pytest.mark.parametrize("path", ["show/none.md", "../hark.toml", "/etc/passwd", "", "show/../show/bees.md"])
def test_only_what_is_listed_is_opened(proposed: Writer, library: Library, path: str) -> None:
    for action in (lambda: read_proposal(proposed.root, path), lambda: take(library, path)):
        with pytest.raises(NotFoundError):
            action()


def test_without_a_base_the_file_stays_and_the_whole_is_proposed(writer: Writer, library: Library) -> None:
    (writer.root / "notes/show").mkdir()
    writer.note = "All mine.\n"
    assert writer.write(ONE) == 0
    assert writer.note == "All mine.\n"
    assert (writer.done.kept, writer.done.proposals) == ([NOTE], [NOTE])
    assert read_proposal(writer.root, "show/bees.md").taken == ONE
    drop(library, "show/bees.md")
    writer.write(TWO)
    assert writer.note == "All mine.\n"


def test_an_empty_file_is_left_to_the_editor_that_fills_it(writer: Writer) -> None:
    writer.write(ONE)
    writer.note = ""
    writer.write(TWO)
    assert writer.note == ""
    writer.note = MINE
    writer.write(TWO)
    assert writer.note == MINE.replace("Honey keeps", "Honey keeps for ever")


def test_bytes_that_are_no_text_stay(writer: Writer) -> None:
    writer.write(ONE)
    path = writer.root / NOTE
    path.write_bytes(ONE.encode() + b"\ncaf\xe9\n")
    writer.write(TWO)
    assert path.read_bytes() == TWO.encode() + b"\ncaf\xe9\n"


def test_a_replaced_file_keeps_its_permissions(writer: Writer) -> None:
    writer.write(ONE)
    (writer.root / NOTE).chmod(0o600)
    writer.write(TWO)
    assert (writer.root / NOTE).stat().st_mode & 0o777 == 0o600


def test_a_file_is_replaced_only_where_it_is_as_expected(library: Library) -> None:
    root = library.root
    assert not isinstance(replace_file(root, NOTE, b"one", None), Changed)
    assert replace_file(root, NOTE, b"two", None) == Changed(NOTE)
    assert replace_file(root, NOTE, b"two", b"other") == Changed(NOTE)
    assert replace_file(root, "notes/none.md", b"two", b"other") == Changed("notes/none.md")
    assert not (root / "notes/none.md").exists()
    found = read_file(root, NOTE)
    assert found is not None
    assert (found[0], found[1].sha256) == (b"one", sha256(b"one"))


# --- the faces ---


def hark(library: Library, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["review", "--library", str(library.root), *arguments], catch_exceptions=False)
    return f"{result.exit_code} {result.stdout}{result.stderr}"


def test_the_command_lists_shows_takes_and_drops(proposed: Writer, library: Library) -> None:
    assert hark(library).startswith("0 show/bees.md  (1 place: Hive)\n1 note to review.")
    assert "  + The old queen lays eggs.\n" in hark(library, "show/bees.md")
    document = json.loads(hark(library, "--json")[2:])
    assert document["proposals"][0]["conflicts"] == [
        {"where": "Hive", "mine": "The queen (Apis) lays eggs.", "new": "The old queen lays eggs."}
    ]
    assert hark(library, "--take").startswith("2 ")
    assert hark(library, "--take", "--drop", "--all").startswith("2 ")
    assert hark(library, "show/none.md").startswith("1 ")
    assert "written as proposed" in hark(library, "show/bees.md", "--take")
    assert proposed.note == TWO + "\nMy thought.\n"
    assert hark(library) == "0 Nothing to review.\n"
    assert hark(library, "--drop", "--all") == "0 "


def page(library: Library, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(opened, "library", lambda: library)
    script = "from interfaces.web import proposals\nfrom interfaces.web.frame import guarded\nguarded(proposals.draw)()"
    return AppTest.from_string(script, default_timeout=20).run()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_page_shows_the_lines_and_takes_them(
    proposed: Writer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed.note = proposed.note.replace("(Apis)", "<script>(Apis)</script>")
    shown = page(library, monkeypatch)
    body = "\n".join(element.body for element in shown.html)
    assert "<del>The queen &lt;script&gt;(Apis)&lt;/script&gt; lays eggs.</del>" in body
    assert "<ins>The old queen lays eggs.</ins>" in body
    proposed.note = proposed.note.replace("It is warm", "It is 35 degrees")
    shown.button[0].click().run()
    assert not shown.exception
    assert "changed meanwhile" in "\n".join(element.body for element in shown.html)
    shown.button[0].click().run()
    assert proposed.note == TWO.replace("It is warm", "It is 35 degrees") + "\nMy thought.\n"
    assert "Nothing is proposed" in "\n".join(element.body for element in shown.html)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_page_leaves_what_the_person_keeps(
    proposed: Writer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = proposed.note
    shown = page(library, monkeypatch)
    shown.button[1].click().run()
    assert not shown.exception
    assert proposed.note == before
    assert list_proposals(proposed.root) == ()
