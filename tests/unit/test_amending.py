"""Corrections in a library, with the edits of a person and the changes of a source beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from fakes.embedder import HashEmbedder
from fakes.taking import files_of, journal_of, put, read, take_in

from ingest import amending, transcribing
from ingest.amending import Amended, correct_library
from ingest.files import Changed, FileState, has_displaced, replace_file, state_of
from ingest.originals import read_original
from ingest.plan import ADOPTED
from ingest.records import Entry, write_state
from kb.library import Library, create_library
from kb.settings import Corrections, load_settings
from kb.transcripts.webvtt import parse_webvtt

WAX = "transcripts/leader_tape/wax.vtt"
TAPE = "transcripts/leader_tape/tape.vtt"
HUM = "transcripts/deep_well/hum.vtt"
SAID = {
    "wax": ("Leader Tape", ["Here is Lynskey.", "Hello Mr Lynskey.", "And on we go."]),
    "tape": ("Leader Tape", ["Nobody is here.", "Nothing is said."]),
    "hum": ("Deep Well", ["A Lynskey again.", "It hums."]),
}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with create_library(tmp_path / "library", "Test", embedder=HashEmbedder()) as made:
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, (show, lines) in SAID.items():
        put(tmp_path / "source", name, show, lines)
    return tmp_path / "source"


def set_corrections(library: Library, lines: str) -> None:
    path = library.root / "hark.toml"
    path.write_text(f'name = "Test"\n[corrections]\n{lines}\n', encoding="utf-8")
    library.settings = load_settings(library.root)


def amend(library: Library, lines: str, *, again: bool = False) -> Amended:
    set_corrections(library, lines)
    return correct_library(library, journal_of(library), files_of(library), again=again)


def texts(library: Library, path: str) -> list[str]:
    return [segment.text for segment in parse_webvtt(read(library, path)).segments]


def edit(library: Library, path: str, old: str, new: str) -> None:
    text = read(library, path)
    assert old in text
    (library.root / path).write_bytes(text.replace(old, new).encode())


def all_of(library: Library) -> dict[str, str]:
    return {path: read(library, path) for path in (WAX, TAPE, HUM)}


LYNSKEY = '"lynskey" = "Tolinski"'


def test_transcripts_are_corrected_as_they_come_in(library: Library, source: Path) -> None:
    set_corrections(library, LYNSKEY + '\n[corrections."Deep Well"]\n"lynskey" = "Lynne Sky"')
    done = take_in(library, source)
    assert done.corrected == 3
    assert texts(library, WAX)[:2] == ["Here is Tolinski.", "Hello Mr Tolinski."]
    assert texts(library, HUM)[0] == "A Lynne Sky again."
    assert [chapter.title for chapter in parse_webvtt(read(library, WAX)).chapters] == ["Two"]
    again = correct_library(library, journal_of(library), files_of(library))
    assert (again.files, again.places) == (0, 0)


def test_what_is_there_is_corrected_changed_and_taken_back(library: Library, source: Path) -> None:
    take_in(library, source)
    before = all_of(library)
    done = amend(library, LYNSKEY)
    assert (done.files, done.places, done.failed) == (2, 3, [])
    assert texts(library, HUM)[0] == "A Tolinski again."
    assert read(library, TAPE) == before[TAPE]
    done = amend(library, LYNSKEY + '\n"mr" = "Mister"\n[corrections."Deep Well"]\n"lynskey" = "Lynne Sky"')
    assert (done.files, done.places) == (2, 2)
    assert texts(library, WAX)[1] == "Hello Mister Tolinski."
    assert texts(library, HUM)[0] == "A Lynne Sky again."
    done = amend(library, "")
    assert (done.files, done.places) == (2, 4)
    assert all_of(library) == before


def test_the_same_files_come_of_correcting_before_and_after(library: Library, source: Path, tmp_path: Path) -> None:
    take_in(library, source)
    amend(library, LYNSKEY)
    with create_library(tmp_path / "other", "Test", embedder=HashEmbedder()) as other:
        set_corrections(other, LYNSKEY)
        take_in(other, source)
        assert all_of(other) == all_of(library)


def test_nothing_to_do_opens_nothing(library: Library, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(library, source)
    amend(library, LYNSKEY)
    files, journal = files_of(library), journal_of(library)
    monkeypatch.setattr(amending, "_due", None)
    assert correct_library(library, journal, files).files == 0


def test_corrections_are_not_applied_to_what_others_wrote(library: Library, source: Path) -> None:
    take_in(library, source)
    amend(library, '"Lynskey" = "Hello"\n"Hello" = "Lynskey"')
    assert texts(library, WAX)[:2] == ["Here is Hello.", "Lynskey Mr Hello."]
    amend(library, '"Lynskey" = "Hello"\n"Hello" = "Lynskey"\n"again" = "anew"')
    assert texts(library, WAX)[:2] == ["Here is Hello.", "Lynskey Mr Hello."]
    assert texts(library, HUM)[0] == "A Hello anew."


def test_a_persons_edits_stay_before_and_after_corrections(library: Library, source: Path) -> None:
    take_in(library, source)
    edit(library, WAX, "Here is Lynskey.", "Hear, hear: Lynskey!")
    edit(library, WAX, "00:00:01.000 -->", "NOTE mine\n\n00:00:01.000 -->")
    amend(library, LYNSKEY)
    assert "Hear, hear: Lynskey!" in read(library, WAX)  # the word was changed on both sides: its full stop
    assert "Hello Mr Tolinski." in read(library, WAX)
    assert "NOTE mine" in read(library, WAX)
    edit(library, WAX, "Hello Mr Tolinski.", "Goodbye Mr Lipinski.")
    edit(library, WAX, "And on we go.", "And off we go.")
    amend(library, LYNSKEY + '\n"go" = "went"')
    assert "Goodbye Mr Lipinski." in read(library, WAX)
    amend(library, "")
    assert "Hear, hear: Lynskey!" in read(library, WAX)
    assert "Goodbye Mr Lipinski." in read(library, WAX)
    assert "And off we go." in read(library, WAX)


def test_a_source_that_changes_and_a_persons_edit_are_merged(library: Library, source: Path) -> None:
    amend(library, LYNSKEY)
    take_in(library, source)
    edit(library, WAX, "And on we go.", "And off we go.")
    put(source, "wax", "Leader Tape", ["There is Lynskey.", *SAID["wax"][1][1:], "A late Lynskey."])
    done = take_in(library, source)
    assert (done.merged, done.kept, done.written) == ([WAX], [], 1)
    assert texts(library, WAX) == ["There is Tolinski.", "Hello Mr Tolinski.", "And off we go.", "A late Tolinski."]
    done = take_in(library, source)
    assert (done.changed, done.written) == (0, 0)
    amend(library, "")
    assert texts(library, WAX) == ["There is Lynskey.", "Hello Mr Lynskey.", "And off we go.", "A late Lynskey."]


def test_what_contradicts_a_persons_edit_is_kept_out(library: Library, source: Path) -> None:
    take_in(library, source)
    edit(library, WAX, "on we go", "off we go")
    mine = read(library, WAX)
    put(source, "wax", "Leader Tape", [*SAID["wax"][1][:2], "And so we went."])
    done = take_in(library, source)
    assert (done.kept, done.merged) == ([WAX], [])
    assert read(library, WAX) == mine


def test_an_edit_is_not_taken_for_a_change_of_the_source(library: Library, source: Path) -> None:
    take_in(library, source)
    edit(library, WAX, "on we go", "off we go")
    mine = read(library, WAX)
    path = source / "wax.en.vtt"
    os.utime(path, ns=(10**18, 10**18))
    done = take_in(library, source)
    assert (done.unchanged, done.changed, done.kept) == (1, 0, [])
    assert read(library, WAX) == mine


def test_a_file_that_was_found_without_a_row_is_never_overwritten(library: Library, source: Path) -> None:
    take_in(library, source)
    edit(library, WAX, "on we go", "off we go")
    state = write_state(state_of(library.root, WAX))
    journal_of(library).put([Entry("episode:wax", "transcript", ADOPTED, state, WAX), Entry("data:wax", "said", "")])
    amend(library, LYNSKEY, again=True)
    assert texts(library, WAX) == ["Here is Tolinski.", "Hello Mr Tolinski.", "And off we go."]
    put(source, "wax", "Leader Tape", ["All new."])
    assert take_in(library, source).kept == [WAX]
    assert texts(library, WAX)[2] == "And off we go."
    amend(library, "")
    assert texts(library, WAX) == ["Here is Lynskey.", "Hello Mr Lynskey.", "And off we go."]


def test_what_cannot_be_read_is_told_and_the_others_go_on(library: Library, source: Path) -> None:
    take_in(library, source)
    edit(library, WAX, "on we go", "on, café")
    mine = (library.root / WAX).read_bytes()
    (library.root / WAX).write_bytes(mine.decode().encode("latin-1"))
    done = amend(library, LYNSKEY)
    assert [str(problem) for problem in done.failed] == [f"{WAX}: is not UTF-8 and is not corrected"]
    assert texts(library, HUM)[0] == "A Tolinski again."
    (library.root / WAX).write_bytes(mine)
    done = correct_library(library, journal_of(library), files_of(library))
    assert (done.files, done.failed) == (1, [])
    assert texts(library, WAX) == ["Here is Tolinski.", "Hello Mr Tolinski.", "And on, café."]


@pytest.mark.parametrize("edited", [False, True])
def test_a_run_that_was_killed_after_the_file_goes_on(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch, edited: bool
) -> None:
    take_in(library, source)
    if edited:
        edit(library, WAX, "Here is", "Here is, is")
    before = all_of(library)

    def killed(root: Path, paths: Iterable[str]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(amending, "sync_folders", killed)
        with pytest.raises(KeyboardInterrupt):
            amend(library, LYNSKEY)
    after = all_of(library)
    assert after != before
    amend(library, LYNSKEY)
    assert all_of(library) == after
    assert not has_displaced(library.root)
    assert files_of(library).hashes == {}
    amend(library, "")
    assert all_of(library) == before


def test_a_merge_that_was_killed_after_the_file_is_not_done_twice(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(library, source)
    edit(library, WAX, "on we go", "off we go")
    put(source, "wax", "Leader Tape", ["There is Lynskey.", *SAID["wax"][1][1:]])

    def killed(root: Path, paths: Iterable[str]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(transcribing, "sync_folders", killed)
        with pytest.raises(KeyboardInterrupt):
            take_in(library, source)
    after = read(library, WAX)
    monkeypatch.setattr("ingest.merging.merge_transcript", None)
    done = take_in(library, source)
    assert (done.kept, done.written) == ([], 0)
    assert read(library, WAX) == after
    original = read_original(journal_of(library), "wax")
    assert original is not None
    assert "There is Lynskey." in original.text


def test_what_is_saved_while_corrections_run_stays(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(library, source)
    real = amending._amend

    def saved_after_reading(*args: object) -> object:
        found = real(*args)  # type: ignore[arg-type]  # passes through what it was given
        if "on we go" in read(library, WAX) and args[3].episode_id == "wax":  # type: ignore[attr-defined]  # a _Due
            edit(library, WAX, "on we go", "off we go")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(amending, "_amend", saved_after_reading)
        done = amend(library, LYNSKEY)
    assert "changed while it was corrected" in str(done.failed[0])
    assert "off we go" in read(library, WAX)
    amend(library, LYNSKEY)
    assert texts(library, WAX) == ["Here is Tolinski.", "Hello Mr Tolinski.", "And off we go."]


Save = Callable[[Library, str, str, str], None]


def appended(library: Library, path: str, old: str, new: str) -> None:
    """An editor with the file open: what it writes goes into the file that was there when it opened it."""
    text = read(library, path)
    with (library.root / path).open("r+", encoding="utf-8") as opened:
        opened.write(text.replace(old, new))
        opened.truncate()


def saving(real: Callable[..., object], save: Save, library: Library, when: str) -> Callable[..., object]:
    """``replace_file`` of the transcript with a person who saves a line just before or just after it looks."""

    def call(root: Path, path: str, data: bytes, before: bytes | None) -> object:
        if path == WAX and when == "before":
            save(library, path, "on we go", "off we go")
        with (root / path).open("r+b") as opened:
            outcome = real(root, path, data, before)
            if path == WAX and when == "after" and before:
                opened.write(before.replace(b"on we go", b"off we go"))
        return outcome

    return call


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("save", [edit, appended])
def test_what_is_saved_while_a_changed_source_is_written_stays(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch, save: Save, when: str
) -> None:
    take_in(library, source)
    put(source, "wax", "Leader Tape", ["There is Lynskey.", *SAID["wax"][1][1:]])
    with monkeypatch.context() as patched:
        patched.setattr(transcribing, "replace_file", saving(replace_file, save, library, when))
        done = take_in(library, source)
    assert texts(library, WAX)[2] == "And off we go."
    assert done.kept == ([WAX] if when == "before" else [])
    take_in(library, source)
    assert texts(library, WAX) == ["There is Lynskey.", "Hello Mr Lynskey.", "And off we go."]
    assert not has_displaced(library.root)


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_is_saved_while_corrections_are_written_stays(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    take_in(library, source)
    with monkeypatch.context() as patched:
        patched.setattr(amending, "replace_file", saving(replace_file, edit, library, when))
        amend(library, LYNSKEY)
    assert texts(library, WAX)[2] == "And off we go."
    amend(library, LYNSKEY)
    assert texts(library, WAX) == ["Here is Tolinski.", "Hello Mr Tolinski.", "And off we go."]
    assert not has_displaced(library.root)


def test_a_transcript_that_appears_where_a_new_one_goes_stays(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def appears(root: Path, path: str, data: bytes, before: bytes | None) -> FileState | Changed:
        if path == WAX:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nMine.\n", encoding="utf-8")
        return replace_file(root, path, data, before)

    monkeypatch.setattr(transcribing, "replace_file", appears)
    done = take_in(library, source)
    assert done.kept == [WAX]
    assert texts(library, WAX) == ["Mine."]


def test_no_corrections_cost_a_new_library_nothing(library: Library, source: Path) -> None:
    assert library.settings.corrections == Corrections()
    take_in(library, source)
    assert correct_library(library, journal_of(library), files_of(library), again=True) == Amended()
