"""Importing notes: byte for byte, never over a person's file."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.embedder import HashEmbedder

from ingest.errors import PermanentError
from ingest.pipeline import ImportReport, import_vault
from kb.library import Library, create_library

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
NOTES = {
    "top.md": b"---\ntitle: Top\n---\n\nFrom the top.\r\n",
    "bees/waggle_dance.md": b"\xef\xbb\xbf# Dance\n\nSee [[Top]].\n",
    "bees/deep/er/hive.md": b"no newline at the end",
    "bees/latin.md": b"Stra\xdfe, in Latin-1",
}


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    root = tmp_path / "my vault"
    for path, data in NOTES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    (root / "bees/photo.png").write_bytes(b"\x89PNG")
    (root / ".obsidian").mkdir()
    (root / ".obsidian/secret.md").write_text("hidden")
    return root


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with create_library(tmp_path / "library", "Test", embedder=HashEmbedder()) as made:
        yield made


def run(library: Library, path: Path) -> ImportReport:
    return import_vault(library, path, now=NOW)


def test_notes_are_copied_byte_for_byte_to_their_places(library: Library, vault: Path) -> None:
    report = run(library, vault)
    assert (report.notes, report.copied, report.other_files, report.failed) == (4, 4, 1, ())
    for path, data in NOTES.items():
        place = path if "/" in path else f"my vault/{path}"
        assert (library.root / "notes" / place).read_bytes() == data
    assert not list((library.root / "notes").rglob("secret.md"))
    assert library.status().notes == 4


def test_a_second_import_opens_and_rewrites_nothing(
    library: Library, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(library, vault)
    run(library, vault)
    before = {path: path.stat().st_mtime_ns for path in (library.root / "notes").rglob("*.md")}

    read_bytes = Path.read_bytes

    def refuse(self: Path, *args: object, **kwargs: object) -> bytes:
        if self.suffix != ".md":
            return read_bytes(self)
        raise AssertionError(f"opened {self}")

    monkeypatch.setattr("ingest.sources.vaults.state_of", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    report = run(library, vault)
    assert (report.unchanged, report.copied, report.kept) == (4, 0, ())
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_file_with_another_text_is_kept_and_reported(library: Library, vault: Path) -> None:
    mine = library.root / "notes/bees/waggle_dance.md"
    mine.parent.mkdir()
    mine.write_text("Mine.")
    report = run(library, vault)
    assert report.kept == ("notes/bees/waggle_dance.md",)
    assert mine.read_text() == "Mine."
    assert report.copied == 3


def test_a_changed_original_replaces_its_copy_but_not_an_edited_one(library: Library, vault: Path) -> None:
    run(library, vault)
    (vault / "top.md").write_bytes(b"New top.\n")
    (vault / "bees/latin.md").write_bytes(b"New Latin.\n")
    (library.root / "notes/bees/latin.md").write_bytes(b"Edited.\n")
    report = run(library, vault)
    assert (report.copied, report.kept) == (1, ("notes/bees/latin.md",))
    assert (library.root / "notes/my vault/top.md").read_bytes() == b"New top.\n"
    assert (library.root / "notes/bees/latin.md").read_bytes() == b"Edited.\n"


def test_a_deleted_copy_comes_back(library: Library, vault: Path) -> None:
    run(library, vault)
    (library.root / "notes/bees/waggle_dance.md").unlink()
    assert run(library, vault).copied == 1


def test_one_note_goes_to_the_folder_it_lies_in(library: Library, vault: Path) -> None:
    report = run(library, vault / "bees/waggle_dance.md")
    assert (report.notes, report.copied) == (1, 1)
    assert (library.root / "notes/bees/waggle_dance.md").read_bytes() == NOTES["bees/waggle_dance.md"]


def test_links_are_not_followed_out_of_the_vault(library: Library, vault: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.md").write_text("outside")
    (vault / "bees/link.md").symlink_to(tmp_path / "outside.md")
    (vault / "loop").symlink_to(vault)
    assert run(library, vault).notes == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_note_that_cannot_be_read_is_one_line(library: Library, vault: Path) -> None:
    (vault / "top.md").chmod(0)
    report = run(library, vault)
    assert [problem.message for problem in report.failed] == ["cannot be read: Permission denied"]
    assert report.copied == 3


def test_a_folder_that_is_not_there_is_a_clear_error(library: Library, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="not there"):
        run(library, tmp_path / "nowhere")
