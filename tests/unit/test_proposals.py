"""A person's text and Hark's in one library: what is written, what is merged, what is proposed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.embedder import HashEmbedder
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from ingest.files import Changed, displaced_files, has_displaced, read_file, replace_file, sha256, state_of
from ingest.proposals import count_proposals, drop, list_proposals, read_proposal, take
from ingest.report import Noted
from ingest.settling import settle, take_late_edits
from interfaces.cli.commands import app
from interfaces.web import opened
from kb.errors import DiskFullError, LibraryBusyError, NotFoundError
from kb.library import Library, create_library
from kb.transcripts.webvtt import parse_webvtt

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


def test_a_proposal_that_nobody_saw_is_not_dropped(proposed: Writer, library: Library) -> None:
    shown = read_proposal(proposed.root, "show/bees.md")
    proposed.write(TWO.replace("The old queen", "The oldest queen"))
    with pytest.raises(LibraryBusyError, match="changed meanwhile"):
        drop(library, "show/bees.md", seen=shown.state)
    (proposal,) = list_proposals(proposed.root)
    drop(library, "show/bees.md", seen=proposal.state)
    assert list_proposals(proposed.root) == ()


def test_only_as_many_proposals_are_worked_out_as_are_asked_for(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        folder = library.root / ".hark/proposals/notes/show"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.md").write_text(TWO)
        (library.root / "notes/show").mkdir(exist_ok=True)
        (library.root / f"notes/show/{number}.md").write_text(ONE)
    opened: list[str] = []
    monkeypatch.setattr("ingest.proposals.read_file", lambda root, path: opened.append(path) or read_file(root, path))
    assert [proposal.path for proposal in list_proposals(library.root, 2)] == ["show/0.md", "show/1.md"]
    assert len(opened) == 6


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


# --- killed between the base and the file ---


@pytest.fixture
def killed(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> Writer:
    """A library whose note is as it was, while its base is that of the next one."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    writer.write(ONE)
    with monkeypatch.context() as patched:
        patched.setattr("ingest.settling.replace_file", stop)
        with pytest.raises(KeyboardInterrupt):
            writer.write(TWO)
    return writer


def test_what_was_not_written_when_a_run_was_killed_comes_into_a_note_edited_since(killed: Writer) -> None:
    killed.note = ONE + "\nMy thought.\n"
    killed.write(TWO)
    assert killed.note == TWO + "\nMy thought.\n"
    assert (killed.done.merged, killed.done.proposals) == (1, [])
    killed.write(TWO.replace("It is warm", "It is hot"))
    assert killed.note == TWO.replace("It is warm", "It is hot") + "\nMy thought.\n"
    assert not formers(killed)


def test_what_meets_an_edit_after_a_kill_is_proposed(killed: Writer) -> None:
    killed.note = MINE
    killed.write(TWO)
    assert killed.note == MINE.replace("Honey keeps", "Honey keeps for ever")
    assert killed.done.proposals == [NOTE]


@pytest.mark.parametrize("row", [True, False])
def test_a_note_nobody_edited_after_a_kill_is_replaced(killed: Writer, row: bool) -> None:
    killed.made = killed.made if row else {}
    killed.write(TWO)
    assert killed.note == TWO
    assert not formers(killed)


def test_a_note_edited_after_it_was_written_by_a_killed_run_is_merged_from_it(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    writer.write(ONE)
    with monkeypatch.context() as patched:
        patched.setattr("ingest.settling.sync_folders", stop_after(1, stop))
        with pytest.raises(KeyboardInterrupt):
            writer.write(TWO)
    assert writer.note == TWO
    writer.note = TWO.replace("The old queen lays", "The old queen (Apis) lays")
    writer.write(TWO.replace("It is warm", "It is hot"))
    assert writer.done.proposals == []
    assert "(Apis)" in writer.note
    assert "It is hot" in writer.note


def test_a_disk_without_second_names_keeps_the_former_base_too(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    writer.write(ONE)
    with monkeypatch.context() as patched:
        patched.setattr("os.link", refuse)
        patched.setattr("ingest.settling.replace_file", stop)
        with pytest.raises(KeyboardInterrupt):
            writer.write(TWO)
    writer.note = ONE + "\nMy thought.\n"
    writer.write(TWO)
    assert writer.note == TWO + "\nMy thought.\n"


def stop_after(times: int, stop: Callable[..., None]) -> Callable[..., None]:
    left = iter(range(times))

    def call(*arguments: object) -> None:
        if next(left, None) is None:
            stop()

    return call


def formers(writer: Writer) -> list[Path]:
    return [path for path in (writer.root / ".hark/former").rglob("*") if path.is_file()]


# --- files that were displaced ---


def displace(root: Path, data: bytes, record: str | None, name: str = "") -> Path:
    """A displaced file of the note, as a killed run or a power cut leaves it."""
    folder = root / ".hark/displaced"
    folder.mkdir(exist_ok=True)
    spare = folder / f"{name or f'1-{sha256(bytes(root / NOTE))[:16]}'}-0.md"
    spare.write_bytes(data)
    if record is not None:
        spare.with_suffix(".json").write_text(record)
    return spare


@pytest.mark.parametrize("record", ["", None, "[1]", "null", "[1, 2, 3]"])
@pytest.mark.parametrize("edited", [ONE, TWO])
def test_a_late_edit_without_its_record_is_merged_all_the_same(writer: Writer, record: str | None, edited: str) -> None:
    writer.write(ONE)
    writer.write(TWO)
    displace(writer.root, (edited + "\nA late thought.\n").encode(), record)
    take_late_edits(writer.root, writer.done)
    assert writer.note.count("A late thought.") == 1
    assert set(TWO.splitlines()) <= set(writer.note.splitlines())
    assert not has_displaced(writer.root)


def test_a_displaced_text_of_harks_without_its_record_adds_nothing(writer: Writer) -> None:
    writer.write(ONE)
    displace(writer.root, ONE.encode(), "")
    take_late_edits(writer.root, writer.done)
    assert writer.note == ONE
    assert not has_displaced(writer.root)


def test_a_displaced_text_of_which_nobody_knows_the_name_is_put_aside(writer: Writer) -> None:
    displace(writer.root, b"Mine.", "", "1-0000000000000000")
    take_late_edits(writer.root, writer.done)
    assert not has_displaced(writer.root)
    assert [path.read_bytes() for path in (writer.root / ".hark/found").iterdir()] == [b"Mine."]


def test_what_a_killed_run_left_beside_displaced_files_goes(writer: Writer) -> None:
    folder = displace(writer.root, ONE.encode(), f'["{NOTE}", "", ""]').parent
    for name in ("2-b-0.new", "3-c-0.json"):
        (folder / name).write_text("")
    assert [displaced.path for displaced in displaced_files(writer.root)] == [NOTE]
    assert len(list(folder.iterdir())) == 2


def test_a_late_edit_of_a_transcript_is_merged_cue_by_cue(library: Library) -> None:
    path, cue = "transcripts/show/bees.vtt", "00:0{0}.000 --> 00:0{1}.000\n{2}\n"
    said = ["One bee.", "Two bees.", "Three bees."]
    one, two, late, mine = (
        "WEBVTT\n\n" + "\n".join(cue.format(at, at + 1, line) for at, line in enumerate(lines))
        for lines in (said, [*said[:2], "3 bees."], ["1 bee.", *said[1:]], [said[0], "Bees.", "3 bees."])
    )
    replace_file(library.root, path, one.encode(), None)
    for by_person, expected in ((False, ["1 bee.", "Two bees.", "3 bees."]), (True, ["1 bee.", "Bees.", "3 bees."])):
        (library.root / path).write_text(one)
        with (library.root / path).open("r+") as opened:
            replace_file(library.root, path, two.encode(), one.encode())
            opened.write(late)
            opened.truncate()
        if by_person:
            (library.root / path).write_text(mine)
        take_late_edits(library.root, Noted())
        assert [segment.text for segment in parse_webvtt((library.root / path).read_text()).segments] == expected
        assert not has_displaced(library.root)


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


@pytest.mark.parametrize("flushes", [0, 1])
def test_a_full_disk_leaves_the_note_and_nothing_beside_it(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, flushes: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    writer.write(ONE)
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", stop_after(flushes, full))
        with pytest.raises(DiskFullError):
            replace_file(writer.root, NOTE, TWO.encode(), ONE.encode())
    assert writer.note == ONE
    assert not has_displaced(writer.root)
    assert list((writer.root / ".hark/tmp").iterdir()) == []


@pytest.mark.parametrize("fault", [errno.EXDEV, errno.EPERM])
def test_a_disk_that_cannot_rename_to_a_free_name_gets_a_whole_copy(
    library: Library, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(fault, os.strerror(fault))

    def torn(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ingest.renames._renamed", lambda *_: False)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfileobj", torn)
        with pytest.raises(KeyboardInterrupt):
            replace_file(library.root, NOTE, b"one", None)
    assert list((library.root / NOTE).parent.iterdir()) == []
    state = replace_file(library.root, NOTE, b"one", None)
    assert state == state_of(library.root, NOTE)
    assert replace_file(library.root, NOTE, b"two", None) == Changed(NOTE)
    assert [path.name for path in (library.root / NOTE).parent.iterdir()] == ["bees.md"]


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


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_page_does_not_drop_what_it_did_not_show(
    proposed: Writer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = page(library, monkeypatch)
    proposed.write(TWO.replace("The old queen", "The oldest queen"))
    shown.button[1].click().run()
    assert "changed meanwhile" in "\n".join(element.body for element in shown.html)
    (proposal,) = list_proposals(proposed.root)
    assert "The oldest queen" in proposal.taken


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_page_says_how_many_more_there_are(
    proposed: Writer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.web.proposals.AT_ONCE", 1)
    other = NOTE.replace("bees", "wasps")
    for path in (NOTE, f".hark/base/{NOTE}", f".hark/proposals/{NOTE}"):
        copy = proposed.root / path.replace(NOTE, other)
        copy.write_bytes((proposed.root / path).read_bytes())
    body = "\n".join(element.body for element in page(library, monkeypatch).html)
    assert "2 notes in which" in body
    assert "1 more note when" in body
    assert body.count('class="proposal"') == 1
