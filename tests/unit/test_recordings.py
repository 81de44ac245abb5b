"""Recordings that were fetched into the library: where they end, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.embedder import HashEmbedder
from fakes.taking import files_of, journal_of, put, read, take_in

from ingest.recordings import is_fetched, keep_recording
from kb.errors import DiskFullError
from kb.library import Library, create_library
from kb.transcripts.webvtt import parse_webvtt

TALK = "transcripts/leader_tape/wax.vtt"
KEPT = "media/leader_tape/wax.ogg"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with create_library(tmp_path / "library", "Test", embedder=HashEmbedder()) as made:
        yield made


def fetched(library: Library, name: str = "wax", folder: str = "abc", sound: bytes = b"OggS wax") -> Path:
    place = library.root / ".hark/fetched" / folder
    place.parent.mkdir(exist_ok=True)
    put(place, name, "Leader Tape", ["Here is wax.", "And on we go."])
    if sound:
        (place / f"{name}.OGG").write_bytes(sound)
    return place


def media_of(library: Library, path: str = TALK) -> str:
    return parse_webvtt(read(library, path)).episode.media


def media(library: Library) -> dict[str, bytes]:
    root = library.root / "media"
    return {
        str(path.relative_to(library.root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


def test_a_recording_has_its_place_and_outlives_what_was_fetched(library: Library) -> None:
    place = fetched(library)
    take_in(library, place)
    assert media_of(library) == KEPT
    shutil.rmtree(place)
    assert media(library) == {KEPT: b"OggS wax"}
    episode = parse_webvtt(read(library, TALK)).episode
    assert library.media_path(episode) == library.root / KEPT


def test_an_episode_fetched_again_without_its_recording_keeps_it(library: Library) -> None:
    take_in(library, fetched(library))
    again = fetched(library, folder="def", sound=b"")
    put(again, "wax", "Leader Tape", ["Here is more wax.", "And on we go."])
    take_in(library, again)
    assert media_of(library) == KEPT
    (library.root / KEPT).unlink()
    third = fetched(library, folder="ghi", sound=b"")
    put(third, "wax", "Leader Tape", ["Here is no wax.", "And on we go."])
    take_in(library, third)
    assert media_of(library) == ""


def test_a_new_recording_takes_the_place_of_the_old_one(library: Library) -> None:
    take_in(library, fetched(library))
    take_in(library, fetched(library, folder="def", sound=b"OggS newer wax"))
    assert media(library) == {KEPT: b"OggS newer wax"}


def test_a_persons_file_in_the_way_stays(library: Library) -> None:
    (library.root / "media/leader_tape").mkdir(parents=True)
    (library.root / KEPT).write_bytes(b"a person's")
    take_in(library, fetched(library))
    assert media(library)[KEPT] == b"a person's"
    assert media(library)[media_of(library)] == b"OggS wax"


def test_a_persons_file_in_the_way_stays_when_the_episode_changes(library: Library) -> None:
    (library.root / "media/leader_tape").mkdir(parents=True)
    (library.root / KEPT).write_bytes(b"a person's")
    take_in(library, fetched(library))
    ours = media_of(library)
    again = fetched(library, folder="def", sound=b"OggS newer wax")
    put(again, "wax", "Leader Tape", ["Here is newer wax.", "And on we go."])
    take_in(library, again)
    assert media(library) == {KEPT: b"a person's", ours: b"OggS newer wax"}
    assert media_of(library) == ours


def test_a_persons_file_stays_where_the_episode_had_no_recording_before(library: Library) -> None:
    take_in(library, fetched(library, sound=b""))
    (library.root / "media/leader_tape").mkdir(parents=True)
    (library.root / KEPT).write_bytes(b"a person's")
    again = fetched(library, folder="def")
    put(again, "wax", "Leader Tape", ["Here is newer wax.", "And on we go."])
    take_in(library, again)
    assert media(library)[KEPT] == b"a person's"
    assert media(library)[media_of(library)] == b"OggS wax"


def test_what_a_person_writes_in_a_transcript_gives_no_place(library: Library) -> None:
    (library.root / "media/leader_tape").mkdir(parents=True)
    (library.root / KEPT).write_bytes(b"a person's")
    take_in(library, fetched(library))
    text = read(library, TALK).replace(f"media: {media_of(library)}", f"media: {KEPT}")
    (library.root / TALK).write_text(text, encoding="utf-8")
    take_in(library, fetched(library, folder="def", sound=b"OggS newer wax"))
    assert media(library)[KEPT] == b"a person's"


def test_another_file_of_the_same_size_is_not_taken_for_ours(library: Library) -> None:
    (library.root / "media/leader_tape").mkdir(parents=True)
    (library.root / KEPT).write_bytes(b"OggS wap")
    take_in(library, fetched(library, sound=b"OggS wax"))
    assert media(library)[KEPT] == b"OggS wap"
    assert media(library)[media_of(library)] == b"OggS wax"


def test_a_kill_before_the_transcript_costs_nothing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    place = fetched(library)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ingest.transcribing.replace_file", killed)
        with pytest.raises(KeyboardInterrupt):
            take_in(library, place)
    take_in(library, place)
    assert media_of(library) == KEPT
    assert media(library) == {KEPT: b"OggS wax"}


@pytest.mark.parametrize("fault", [errno.EPERM, errno.EXDEV, errno.EMLINK])
def test_a_disk_without_second_names_gets_a_copy(library: Library, monkeypatch: pytest.MonkeyPatch, fault: int) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "link", refuse)
    take_in(library, fetched(library))
    take_in(library, fetched(library, folder="def", sound=b"OggS newer wax"))
    assert media(library) == {KEPT: b"OggS newer wax"}
    assert list((library.root / ".hark/tmp").iterdir()) == []


def test_a_full_disk_is_one_clear_line(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copyfileobj", refuse)
    with pytest.raises(DiskFullError, match="no space"):
        take_in(library, fetched(library))
    assert media(library) == {}
    assert journal_of(library).made("episode", "transcript") == {}


def test_a_link_and_what_captions_say_of_a_recording_are_not_believed(library: Library, tmp_path: Path) -> None:
    secret = tmp_path / "secret.ogg"
    secret.write_bytes(b"secret")
    place = fetched(library, sound=b"")
    (place / "wax.ogg").symlink_to(secret)
    (place / "wax.en.vtt").write_text(
        f"WEBVTT\n\nNOTE hark\nmedia: {secret}\n\n00:00.000 --> 00:01.000\nWax.\n", encoding="utf-8"
    )
    take_in(library, place)
    assert media_of(library) == ""
    assert media(library) == {}


def test_recordings_of_a_folder_stay_where_they_are(library: Library, tmp_path: Path) -> None:
    put(tmp_path / "own", "wax", "Leader Tape", ["Here is wax."])
    (tmp_path / "own/wax.ogg").write_bytes(b"OggS")
    take_in(library, tmp_path / "own")
    assert media_of(library) == str(tmp_path / "own/wax.ogg")
    assert media(library) == {}
    assert files_of(library).hashes == {}


def test_what_was_fetched(tmp_path: Path) -> None:
    assert is_fetched(tmp_path, tmp_path / ".hark/fetched/abc/episode")
    assert not is_fetched(tmp_path, tmp_path / ".hark/fetched")
    assert not is_fetched(tmp_path, tmp_path / ".hark/fetched/../abc/episode")
    assert not is_fetched(tmp_path, tmp_path / "fetched/abc")


def test_the_ending_is_in_lower_case(tmp_path: Path) -> None:
    (tmp_path / "a.MP3").write_bytes(b"x")
    kept = keep_recording(tmp_path, tmp_path / "a.MP3", "transcripts/a/b.vtt", kept="", episode_id="x")
    assert kept == "media/a/b.mp3"
