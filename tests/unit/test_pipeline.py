"""Ingesting for real: real files, a real library, a fake model."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.embedder import HashEmbedder
from fakes.talks import write_source, write_talk

from ingest.pipeline import IngestReport, ingest_folder
from kb.errors import DiskFullError, LibraryReadOnlyError
from kb.library import Library, create_library
from kb.notes.notefile import parse_note

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_source(tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with create_library(tmp_path / "library", "Test", embedder=HashEmbedder()) as made:
        yield made


def ingest(library: Library, path: Path) -> IngestReport:
    return ingest_folder(library, path, now=NOW)


def files(library: Library) -> dict[str, str]:
    """What the user sees of the library: the text of each file."""
    root = library.root
    found = sorted(p for folder in ("notes", "transcripts") for p in (root / folder).rglob("*") if p.is_file())
    return {str(p.relative_to(root)): p.read_text(encoding="utf-8") for p in found}


def stats(library: Library) -> dict[str, tuple[int, int]]:
    return {
        path: ((library.root / path).stat().st_mtime_ns, (library.root / path).stat().st_ino) for path in files(library)
    }


def test_every_episode_gets_a_transcript_and_a_note_that_is_well_formed(library: Library, source: Path) -> None:
    report = ingest(library, source)
    assert (report.episodes, report.new, report.transcripts, report.notes) == (5, 5, 5, 5)
    assert not report.failed
    assert report.exit_code == 0
    for path, text in files(library).items():
        if path.startswith("notes/"):
            assert parse_note(path.removeprefix("notes/"), text).findings == ()
    assert library.status().episodes == 5


def test_every_link_leads_to_a_page_and_every_quote_was_said_then(library: Library, source: Path) -> None:
    ingest(library, source)
    assert library.wanted() == ()
    for entry in library.episodes():
        said = {(s.start_s // 1, s.text) for s in library.transcript(entry.episode.id).segments}
        text = (library.root / "notes" / entry.notes[0]).read_text(encoding="utf-8")
        quoted = [line for line in text.split("\n") if "yt-timestamp" in line]
        assert len(quoted) > 3
        for line in quoted:
            assert any(f'data-t="00:{int(at) // 60:02d}:{int(at) % 60:02d}"' in line for at, _ in said)


def test_a_second_run_embeds_nothing_and_touches_no_file(library: Library, source: Path) -> None:
    ingest(library, source)
    embedder = library.embedder()
    assert isinstance(embedder, HashEmbedder)
    before, embedded = stats(library), len(embedder.encoded)
    report = ingest(library, source)
    assert (report.unchanged, report.new, report.changed, report.notes, report.pages) == (5, 0, 0, 0, 0)
    assert stats(library) == before
    assert len(embedder.encoded) == embedded


def test_a_second_run_opens_no_file(library: Library, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest(library, source)
    opened: list[str] = []
    real = Path.open

    def watched(self: Path, *args: object, **kwargs: object) -> object:
        opened.append(str(self))
        return real(self, *args, **kwargs)  # type: ignore[arg-type]  # passes through what it was given

    for path in files(library):  # old enough not to be read again for having changed a moment ago
        os.utime(library.root / path, ns=(10**18, 10**18))
    ingest(library, source)
    monkeypatch.setattr(Path, "open", watched)
    ingest(library, source)
    assert [path for path in opened if "notes/" in path or "transcripts/" in path or "source/" in path] == []


def test_a_deleted_note_comes_back_the_same_also_after_others_were_added(library: Library, source: Path) -> None:
    ingest(library, source)
    path = library.root / "notes/the_lamp_post/bees_and_bread.md"
    before = path.read_bytes()
    path.unlink()
    write_talk(source, "well-3", ["clocks", "bread"], show="Deep Well", title="A late talk")
    report = ingest(library, source)
    assert path.read_bytes() == before
    assert (report.new, report.notes) == (1, 2)


def test_the_same_sources_give_the_same_library(tmp_path: Path, source: Path) -> None:
    made = []
    for name in ("one", "two"):
        with create_library(tmp_path / name, "Test", embedder=HashEmbedder()) as library:
            ingest(library, source)
            made.append(files(library))
    assert made[0] == made[1]


def test_a_new_episode_changes_only_its_note_its_show_and_its_concepts(library: Library, source: Path) -> None:
    ingest(library, source)
    before = files(library)
    write_talk(source, "well-3", ["clocks"], show="Deep Well", title="Clocks alone")
    ingest(library, source)
    after = files(library)
    changed = {path for path in after if after[path] != before.get(path)}
    assert {"notes/deep_well/clocks_alone.md", "notes/deep_well/deep_well.md"} <= changed
    rest = changed - {"notes/deep_well/clocks_alone.md", "notes/deep_well/deep_well.md"}
    assert all(p.startswith("notes/concepts/") or p == "transcripts/deep_well/clocks_alone.vtt" for p in rest)
    assert not any("yeast" in path for path in rest)


def test_what_a_person_wrote_in_a_note_stays_and_the_rest_follows_the_talk(library: Library, source: Path) -> None:
    ingest(library, source)
    path = library.root / "notes/the_lamp_post/bees_and_bread.md"
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "\nMy own thought.\n", encoding="utf-8")
    assert ingest(library, source).kept == ()
    write_talk(source, "lamp-1", ["bread", "clocks"])
    report = ingest(library, source)
    assert (report.merged, report.kept, report.proposals) == (1, (), ())
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n\nMy own thought.\n")
    path.unlink()
    ingest(library, source)
    assert text == path.read_text(encoding="utf-8") + "\nMy own thought.\n"
    assert text != before


def test_a_note_that_a_person_wrote_anew_stays_and_what_is_new_is_proposed(library: Library, source: Path) -> None:
    ingest(library, source)
    path = library.root / "notes/the_lamp_post/bees_and_bread.md"
    path.write_text("All mine.\n", encoding="utf-8")
    write_talk(source, "lamp-1", ["bread", "clocks"])
    report = ingest(library, source)
    assert report.kept == report.proposals == ("notes/the_lamp_post/bees_and_bread.md",)
    assert path.read_text(encoding="utf-8") == "All mine.\n"
    assert ingest(library, source).notes == 0


def test_pages_that_a_person_changed_are_never_touched(library: Library, source: Path) -> None:
    ingest(library, source)
    page = library.root / "notes/deep_well/deep_well.md"
    page.write_text("Mine.\n", encoding="utf-8")
    write_talk(source, "well-3", ["clocks"], show="Deep Well", title="Clocks alone")
    report = ingest(library, source)
    assert "notes/deep_well/deep_well.md" in report.kept
    assert page.read_text(encoding="utf-8") == "Mine.\n"


def test_a_changed_source_rewrites_the_transcript_and_the_note(library: Library, source: Path) -> None:
    ingest(library, source)
    before = files(library)
    write_talk(source, "lamp-1", ["clocks", "bread"], title="Quite another title")
    report = ingest(library, source)
    after = files(library)
    assert (report.changed, report.transcripts, report.notes) == (1, 1, 1)
    assert after.keys() >= {"notes/the_lamp_post/bees_and_bread.md"}, "the file name stays when the title changes"
    assert after["notes/the_lamp_post/bees_and_bread.md"] != before["notes/the_lamp_post/bees_and_bread.md"]


def test_a_transcript_that_a_person_changed_is_kept_and_its_note_follows_it(library: Library, source: Path) -> None:
    ingest(library, source)
    path = library.root / "transcripts/the_lamp_post/bees_and_bread.vtt"
    text = path.read_text(encoding="utf-8").replace("Bo Marsh", "Bo Marsch")
    path.write_text(text, encoding="utf-8")
    report = ingest(library, source)
    assert report.notes == 1
    assert "Bo Marsch" in (library.root / "notes/the_lamp_post/bees_and_bread.md").read_text(encoding="utf-8")
    write_talk(source, "lamp-1", ["clocks", "bread"])
    assert ingest(library, source).kept == ("transcripts/the_lamp_post/bees_and_bread.vtt",)
    assert path.read_text(encoding="utf-8") == text


def test_a_deleted_transcript_is_written_again(library: Library, source: Path) -> None:
    ingest(library, source)
    before = files(library)
    (library.root / "transcripts/deep_well/bees_and_clocks.vtt").unlink()
    ingest(library, source)
    assert files(library) == before


def test_an_item_that_cannot_be_read_is_one_line_and_the_rest_goes_on(library: Library, source: Path) -> None:
    (source / "lamp-2.en.vtt").write_bytes(b"\x00\x01\x02" * 100)
    report = ingest(library, source)
    assert report.new == 4
    assert len(report.failed) == 1
    assert "lamp-2" in report.failed[0].where
    assert "\n" not in str(report.failed[0])
    assert report.exit_code == 1
    again = ingest(library, source)
    assert again.failed == report.failed


def test_of_two_items_with_one_id_the_first_has_it(library: Library, source: Path) -> None:
    shutil.copy(source / "lamp-1.info.json", source / "zz.info.json")
    shutil.copy(source / "lamp-2.en.vtt", source / "zz.en.vtt")
    report = ingest(library, source)
    assert report.new == 5
    assert ["zz" in problem.where and "lamp-1" in problem.message for problem in report.failed] == [True]
    assert ingest(library, source).failed == report.failed
    (source / "lamp-1.info.json").unlink()
    (source / "lamp-1.en.vtt").unlink()
    assert ingest(library, source).failed == ()


@pytest.mark.parametrize(
    "title",
    [
        "../../etc/passwd",
        "CON",
        "🎈🎈",
        "a" * 300,
        "[[x]] | y",
        "日本語のお話",
        "notes/../../up",
        ".",
        "..",
        "deep_well",
    ],
)
def test_hostile_titles_stay_inside_the_library(library: Library, tmp_path: Path, title: str) -> None:
    write_talk(tmp_path / "odd", "odd", ["bees", "bread"], title=title, show=title)
    report = ingest(library, tmp_path / "odd")
    assert not report.failed
    made = [path for path in files(library) if "concepts" not in path]
    assert len(made) == 3
    for path in made:
        assert (library.root / path).resolve().is_relative_to(library.root)
        assert len(Path(path).name.encode()) < 100
    note = next(path for path in made if path.endswith(".md") and "kind: episode" in files(library)[path])
    assert parse_note(note.removeprefix("notes/"), files(library)[note]).front.title == title


def test_two_episodes_of_one_title_get_two_names_that_stay(library: Library, source: Path) -> None:
    write_talk(source, "lamp-8", ["bees"], title="Bees and bread")
    ingest(library, source)
    names = [path for path in files(library) if path.startswith("transcripts/the_lamp_post/bees_and_bread")]
    assert names == [
        "transcripts/the_lamp_post/bees_and_bread.vtt",
        "transcripts/the_lamp_post/bees_and_bread_lamp_8.vtt",
    ]


def test_without_its_journal_a_library_is_adopted_and_nothing_is_lost(library: Library, source: Path) -> None:
    ingest(library, source)
    edited = library.root / "notes/deep_well/bees_and_clocks.md"
    edited.write_text("All mine.\n", encoding="utf-8")
    before = files(library)
    library.close()
    shutil.rmtree(library.root / ".hark")
    with create_library(library.root, embedder=HashEmbedder()) as again:
        report = ingest(again, source)
        assert files(again) == before
        assert report.transcripts == 0
        assert report.kept == ("notes/deep_well/bees_and_clocks.md",)


class Killed(BaseException):
    """As if the process had been killed: nothing catches it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, number: int) -> Callable[[], int]:
    """Raises at the n-th rename, flush or commit; returns how many there were."""
    seen = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            nonlocal seen
            seen += 1
            if seen == number:
                raise Killed
            return real(*args, **kwargs)

        return call

    from kb.index.store import Store

    monkeypatch.setattr(Path, "replace", counted(Path.replace))
    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    monkeypatch.setattr(Store, "put_journal", counted(Store.put_journal))
    return lambda: seen


def test_a_run_that_was_killed_anywhere_is_taken_up_and_comes_to_the_same(tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_talk(source, "lamp-1", ["bees", "bread"])
    write_talk(source, "lamp-2", ["bread", "clocks"])
    with create_library(tmp_path / "whole", "Test", embedder=HashEmbedder()) as library:
        ingest(library, source)
        expected = files(library)
    killed = 0
    for number in range(1, 400, 11):
        root = tmp_path / f"killed-{number}"
        with create_library(root, "Test", embedder=HashEmbedder()) as library, pytest.MonkeyPatch.context() as patch:
            kill_at(patch, number)
            try:
                ingest(library, source)
            except Killed:
                killed += 1
            else:
                break
        with create_library(root, "Test", embedder=HashEmbedder()) as library:
            report = ingest(library, source)
            assert files(library) == expected, f"killed at {number}"
            assert not report.kept
            assert not list((root / ".hark" / "tmp").iterdir())
        shutil.rmtree(root)
    assert killed > 5


def test_a_full_disk_is_one_clear_line_and_the_next_run_goes_on(library: Library, source: Path) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match="no space"):
            ingest(library, source)
    assert files(library) == {}
    assert ingest(library, source).new == 5


def test_a_library_that_cannot_be_written_is_one_clear_line(library: Library, source: Path) -> None:
    def closed(path: Path, data: bytes) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.files._fill", closed)
        with pytest.raises(LibraryReadOnlyError, match="permissions"):
            ingest(library, source)
    assert files(library) == {}


def test_a_single_file_is_a_source_as_well(library: Library, source: Path) -> None:
    report = ingest(library, source / "lamp-1.en.vtt")
    assert report.new == 1
    assert json.loads((source / "lamp-1.info.json").read_text())["title"] == library.episodes()[0].episode.title


def test_a_recording_inside_the_library_is_named_relative_to_it(tmp_path: Path) -> None:
    from ingest.transcribing import _portable

    inside = tmp_path / "talks" / "one.ogg"
    assert _portable(str(inside), tmp_path) == "talks/one.ogg"
    assert _portable("/elsewhere/one.ogg", tmp_path) == "/elsewhere/one.ogg"
    assert _portable("talks/one.ogg", tmp_path) == "talks/one.ogg"
    assert _portable("", tmp_path) == ""
