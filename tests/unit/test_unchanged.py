"""A run that finds nothing changed is over before the database is opened; one that might not is not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.pipeline import import_vault, ingest_folder
from ingest.unchanged import KEPT_IN, nothing_to_import, nothing_to_ingest
from kb.library import create_library, open_library
from tests.fakes.embedder import HashEmbedder

CAPTIONS = "WEBVTT\n\n00:00:01.000 --> 00:00:04.000\nThe {} keeps a slow clock of its own.\n"
AN_HOUR_AGO = time.time() - 3600


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    folder = tmp_path / "talks"
    folder.mkdir()
    for name in ("tide", "moon"):
        (folder / f"{name}.vtt").write_text(CAPTIONS.format(name))
    return folder


@pytest.fixture
def root(tmp_path: Path, talks: Path) -> Path:
    root = tmp_path / "library"
    create_library(root, embedder=HashEmbedder()).close()
    ingest(root, talks)
    age(root)
    ingest(root, talks)
    return root


def ingest(root: Path, talks: Path) -> None:
    with open_library(root, embedder=HashEmbedder()) as library:
        assert ingest_folder(library, talks).exit_code == 0


def age(root: Path) -> None:
    """As if all files had been written an hour ago: so that a second change within two seconds is no question."""
    for path in (*root.rglob("*.md"), *root.rglob("*.vtt")):
        os.utime(path, (AN_HOUR_AGO, AN_HOUR_AGO))


def test_nothing_changed(root: Path, talks: Path) -> None:
    report = nothing_to_ingest(root, talks)
    assert report is not None
    assert (report.episodes, report.unchanged, report.index) == (2, 2, None)


def change_note(root: Path, talks: Path) -> None:
    note = next((root / "notes").rglob("*tide*.md"))
    note.write_text(note.read_text() + "\nMine.\n")


def remove_transcript(root: Path, talks: Path) -> None:
    next((root / "transcripts").rglob("*.vtt")).unlink()


def add_episode(root: Path, talks: Path) -> None:
    (talks / "sun.vtt").write_text(CAPTIONS.format("sun"))


def change_episode(root: Path, talks: Path) -> None:
    (talks / "moon.vtt").write_text(CAPTIONS.format("full moon"))


def remove_database(root: Path, talks: Path) -> None:
    (root / ".hark" / "library.db").unlink()


def change_settings(root: Path, talks: Path) -> None:
    (root / "hark.toml").write_text('name = "Tides"\n')


def remove_index(root: Path, talks: Path) -> None:
    (root / ".hark" / "index" / "CURRENT").unlink()


def damage(root: Path, talks: Path) -> None:
    (root / KEPT_IN).write_text('{"sources": ')


def other_shape(root: Path, talks: Path) -> None:
    (root / KEPT_IN).write_text('{"sources": [], "code": 3}')


@pytest.mark.parametrize(
    "change",
    [
        change_note,
        remove_transcript,
        add_episode,
        change_episode,
        remove_database,
        change_settings,
        remove_index,
        damage,
        other_shape,
    ],
)
def test_a_change_is_looked_at(root: Path, talks: Path, change: Callable[[Path, Path], None]) -> None:
    change(root, talks)
    assert nothing_to_ingest(root, talks) is None


def test_files_that_changed_just_now_are_looked_at(root: Path, talks: Path) -> None:
    now = int(time.time()) + 1  # whole seconds, as some disks keep them
    for path in root.rglob("*.md"):
        os.utime(path, (now, now))
    ingest(root, talks)
    assert nothing_to_ingest(root, talks) is None


def test_what_failed_is_told_again(root: Path, talks: Path) -> None:
    (talks / "broken.srt").write_text("no captions at all")
    with open_library(root, embedder=HashEmbedder()) as library:
        assert ingest_folder(library, talks).exit_code == 1
        age(root)
        assert ingest_folder(library, talks).exit_code == 1
    assert nothing_to_ingest(root, talks) is None


def test_an_import_and_an_ingest_each_find_their_own(root: Path, talks: Path, tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()
    (vault / "quay.md").write_text("# Quay\n\nA wall with water on one side.\n")
    with open_library(root, embedder=HashEmbedder()) as library:
        import_vault(library, vault)
        age(root)
        ingest_folder(library, talks)
        assert nothing_to_import(root, vault) is None  # the library had changed: it is looked at once more
        import_vault(library, vault)
    assert nothing_to_import(root, vault) is not None
    assert nothing_to_ingest(root, talks) is not None


def test_another_source_is_not_vouched_for_where_the_library_changed(root: Path, talks: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "reef.vtt").write_text(CAPTIONS.format("reef"))
    ingest(root, other)
    age(root)
    ingest(root, other)
    ingest(root, talks)
    assert nothing_to_ingest(root, talks) is not None
    next((root / "transcripts").rglob("tide.vtt")).unlink()
    ingest(root, other)
    age(root)
    ingest(root, other)
    assert nothing_to_ingest(root, talks) is None
