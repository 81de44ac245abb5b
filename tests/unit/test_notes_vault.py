"""Which files of a folder are notes, and that none outside it is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kb.errors import NoteError
from kb.notes import vault
from kb.notes.vault import read_bytes, read_notes, walk_notes

NOTE = "---\ntitle: t\n---\n\nA line.\n"


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(NOTE, encoding="utf-8")


def walked(folder: Path) -> tuple[list[str], list[str]]:
    problems: list[str] = []
    return [file.path for file in walk_notes(folder, lambda path, what: problems.append(path))], problems


def test_notes_come_sorted_with_size_and_time(tmp_path: Path) -> None:
    write(tmp_path, "b/z.md", "b/a.MD", "a/Zoë.md", "c.md", "b.txt", "b/md")
    files = list(walk_notes(tmp_path))
    assert [file.path for file in files] == ["c.md", "a/Zoë.md", "b/a.MD", "b/z.md"]
    stat = (tmp_path / "c.md").stat()
    assert (files[0].size, files[0].mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def test_hidden_and_temporary_files_are_passed_over(tmp_path: Path) -> None:
    write(
        tmp_path,
        ".obsidian/x.md",
        ".git/x.md",
        ".x.md",
        ".~x.md",
        "~$x.md",
        "x.md.tmp",
        "x.md~",
        "#x.md#",
        "y.tmp/x.md",
    )
    assert walked(tmp_path) == ([], [])


def test_links_do_not_lead_out_or_in_circles(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    write(inside, "real.md", "sub/x.md")
    write(outside, "secret.md")
    (inside / "secret.md").symlink_to(outside / "secret.md")
    (inside / "folder").symlink_to(outside)
    (inside / "sub" / "loop").symlink_to(inside)
    (inside / "self.md").symlink_to(inside / "self.md")
    (inside / "gone.md").symlink_to(inside / "nothing.md")
    (inside / "near.md").symlink_to("real.md")
    paths, problems = walked(inside)
    assert paths == ["near.md", "real.md", "sub/x.md"]
    assert problems == ["gone.md", "secret.md", "self.md"]


def test_a_folder_behind_a_link_is_walked_where_it_is_the_one_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "real/x.md")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert walked(tmp_path / "link") == (["x.md"], [])


def test_only_files_are_notes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    write(tmp_path, "folder.md/x.md")
    assert walked(tmp_path) == (["folder.md/x.md"], [])


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.md"
    try:
        Path(os.fsdecode(name)).write_text(NOTE)
    except OSError as error:
        pytest.skip(f"this file system takes only Unicode names: {error}")
    assert walked(tmp_path) == ([], [r"\udcff.md"])


def test_depth_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "MAX_DEPTH", 2)
    write(tmp_path, "a/b/x.md", "a/b/c/x.md")
    assert walked(tmp_path) == (["a/b/x.md"], ["a/b/c"])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, "x.md")
    for folder in (tmp_path / "none", tmp_path / "x.md"):
        with pytest.raises(NoteError, match="cannot be read"):
            list(walk_notes(folder))


def test_read_notes_goes_on_after_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "MAX_BYTES", 100)
    write(tmp_path, "a.md", "c.md")
    (tmp_path / "b.md").write_text("x" * 101)
    problems: list[tuple[str, str]] = []
    notes = list(read_notes(tmp_path, lambda path, what: problems.append((path, what))))
    assert [(file.path, note.path, note.title) for file, note in notes] == [
        ("a.md", "a.md", "t"),
        ("c.md", "c.md", "t"),
    ]
    assert [path for path, _ in problems] == ["b.md"]
    with pytest.raises(NoteError, match="larger than"):
        read_bytes(tmp_path, "b.md")
