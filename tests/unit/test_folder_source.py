"""A folder as a source: what is found without opening a file, and what reading gives."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import NotAnEpisodeError, PermanentError
from ingest.sources.folder import SourceEpisode, read_item, scan_folder
from ingest.sources.items import language_in
from kb.errors import CaptionError
from kb.model import Chapter

_VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\n<v Ann>Wind it back.\n"
_PLAIN_VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\nWind it all back.\n"
_INFO = {
    "id": "abcdefghijk",
    "title": "Wax",
    "channel": "Leader Tape",
    "webpage_url": "https://www.youtube.com/watch?v=abcdefghijk",
    "extractor_key": "Youtube",
    "upload_date": "20240605",
    "duration": 280.3014,
}


def _put_all(root: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return root


def _keys(root: Path) -> list[str]:
    return [item.key for item in scan_folder(root)]


def _only(root: Path) -> SourceEpisode:
    (item,) = scan_folder(root)
    return read_item(item, root)


# --- scanning -------------------------------------------------------------------------------------------------------


def test_the_layout_of_yt_dlp(tmp_path: Path) -> None:
    root = _put_all(tmp_path / "show", {"b/talk.1.info.json": _INFO, "b/talk.1.en.vtt": _VTT, "b/talk.1.ogg": "x"})
    (item,) = scan_folder(root)
    assert item.key == "b/talk.1"
    assert item.info == root / "b/talk.1.info.json"
    assert item.captions == (root / "b/talk.1.en.vtt",)
    assert item.media == root / "b/talk.1.ogg"
    assert [name for name, _, _ in item.stats] == ["talk.1.en.vtt", "talk.1.info.json", "talk.1.ogg"]
    stat = item.info.stat()
    assert item.stats[1] == ("talk.1.info.json", stat.st_size, stat.st_mtime_ns)


def test_files_of_one_name_are_one_episode_and_folders_are_walked_in_order(tmp_path: Path) -> None:
    names = ["z.vtt", "a.en.vtt", "a.de.srt", "a.mp3", "sub/a.transcript.json", "Mr.Bo.vtt", "Mr.Al.vtt", "a.v2.vtt"]
    _put_all(tmp_path, dict.fromkeys(names, _VTT))
    assert _keys(tmp_path) == ["Mr.Al", "Mr.Bo", "a", "a.v2", "sub/a", "z"]


def test_what_is_hidden_unfinished_or_no_episode_is_passed_over(tmp_path: Path) -> None:
    names = [".hidden.vtt", ".git/a.vtt", "a.vtt.part", "a.vtt~", "a.tmp", "cover.jpg", "vtt", ".vtt", ".info.json"]
    _put_all(tmp_path, dict.fromkeys([*names, "b.vtt"], _VTT))
    assert _keys(tmp_path) == ["b"]


def test_by_products_of_yt_dlp_do_not_count_as_captions(tmp_path: Path) -> None:
    root = _put_all(
        tmp_path, {"a.info.json": _INFO, "a.en.vtt": _VTT, "a.live_chat.json": "{}", "a.comments.json": "{}"}
    )
    (item,) = scan_folder(root)
    assert item.captions == (root / "a.en.vtt",)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = _put_all(tmp_path / "outside", {"secret.vtt": _VTT})
    root = _put_all(tmp_path / "root", {"a.vtt": _VTT})
    (root / "linked").symlink_to(outside, target_is_directory=True)
    (root / "out.vtt").symlink_to(outside / "secret.vtt")
    (root / "within.vtt").symlink_to(root / "a.vtt")
    (root / "gone.vtt").symlink_to(root / "nothing.vtt")
    (root / "loop").symlink_to(root, target_is_directory=True)
    assert _keys(root) == ["a", "within"]


def test_a_file_stands_for_its_episode(tmp_path: Path) -> None:
    root = _put_all(tmp_path, {"a.info.json": _INFO, "a.en.vtt": _VTT, "b.vtt": _VTT})
    for name in ("a.info.json", "a.en.vtt"):
        (item,) = scan_folder(root / name)
        assert item.key == "a"
        assert item.info
    with pytest.raises(PermanentError, match="neither captions"):
        scan_folder(_put_all(root, {"a.pdf": "x"}) / "a.pdf")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="is not there"):
        scan_folder(tmp_path / "gone")
    assert scan_folder(tmp_path) == ()


def test_scanning_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put_all(tmp_path, {"a.info.json": _INFO, "a.en.vtt": _VTT})

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    monkeypatch.setattr(os, "open", refuse)
    assert _keys(tmp_path) == ["a"]


def test_importing_the_source_loads_nothing_heavy() -> None:
    code = "import sys, ingest.sources.folder; print(*sorted(sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert not loaded & {
        "pydantic",
        "yaml",
        "numpy",
        "html",
        "json",
        "kb.transcripts.webvtt",
        "ingest.hearing.captions",
    }


@pytest.mark.parametrize(
    ("part", "language"),
    [("en", "en"), ("en-orig", "en"), ("pt-BR", "pt-BR"), ("zh-Hans", "zh-Hans"), ("en-eEY6OEpapPo", "en"), ("Bo", ""),
     ("xx", ""), ("v2", ""), ("transcript", ""), ("", "")],
)  # fmt: skip
def test_the_language_in_a_name(part: str, language: str) -> None:
    assert language_in(part) == language


# --- reading --------------------------------------------------------------------------------------------------------


def test_an_episode_with_its_info(tmp_path: Path) -> None:
    read = _only(_put_all(tmp_path, {"a.info.json": _INFO, "a.en.vtt": _VTT, "a.ogg": "x"}))
    episode = read.episode
    assert (episode.id, episode.title, episode.show) == ("yt:abcdefghijk", "Wax", "Leader Tape")
    assert (episode.date, episode.duration_s) == (dt.date(2024, 6, 5), 280.301)
    assert (episode.video_id, episode.url) == ("abcdefghijk", "https://www.youtube.com/watch?v=abcdefghijk")
    assert (episode.language, episode.speakers, episode.media) == ("en", ("Ann",), str(tmp_path / "a.ogg"))
    assert read.findings == ()
    assert read.segments[0].text == "Wind it back."


@pytest.mark.parametrize(
    ("extractor", "id_"),
    [("Youtube", "yt:x1"), ("youtube:tab", "yt:x1"), ("vimeo:review", "vimeo:x1"), ("Generic", "x1"), ("", "x1")],
)
def test_the_identity_of_an_episode(tmp_path: Path, extractor: str, id_: str) -> None:
    info = {"id": "x1", "title": "Wax", "extractor_key": extractor}
    episode = _only(_put_all(tmp_path, {"a.info.json": info, "a.vtt": _VTT})).episode
    assert (episode.id, episode.video_id) == (id_, "")


def test_a_youtube_address_makes_a_video_whoever_wrote_the_info(tmp_path: Path) -> None:
    info = {"id": "talk-7", "title": "Wax", "webpage_url": "https://youtu.be/abcdefghijk"}
    episode = _only(_put_all(tmp_path, {"a.info.json": info, "a.vtt": _VTT})).episode
    assert (episode.id, episode.video_id) == ("talk-7", "abcdefghijk")


def test_fields_that_cannot_be_read_are_told_and_left_out(tmp_path: Path) -> None:
    info = {"id": 7, "title": ["x"], "upload_date": "soon", "duration": "long", "webpage_url": "javascript:alert(1)",
            "channel": {"a": 1}, "language": None, "description": 5, "uploader": "T\x00ape\n\u202e!"}  # fmt: skip
    read = _only(_put_all(tmp_path / "Show", {"a_b.info.json": info, "a_b.vtt": _VTT}))
    episode = read.episode
    assert (episode.id, episode.title, episode.show, episode.url) == ("7", "a b", "Tape !", "")
    assert (episode.date, episode.duration_s) == (None, None)
    lost = sorted(finding.message.split()[0] for finding in read.findings)
    assert lost == ["channel", "description", "duration", "title", "upload_date", "webpage_url"]
    assert {finding.rule for finding in read.findings} == {"info-field"}


def test_texts_are_bounded(tmp_path: Path) -> None:
    info = {
        "id": "i" * 9_999,
        "title": "t" * 9_999,
        "channel": "c" * 9_999,
        "webpage_url": "https://x.org/" + "a" * 9_999,
    }
    episode = _only(_put_all(tmp_path, {"a.info.json": info, "a.vtt": _VTT})).episode
    assert [len(text) for text in (episode.id, episode.title, episode.show, episode.url)] == [300, 300, 300, 0]


@pytest.mark.parametrize(
    ("written", "seconds"), [("01:02:03", 3723.0), ("12.5", 12.5), (None, None), (-3, None), (0, None)]
)
def test_durations(tmp_path: Path, written: object, seconds: float | None) -> None:
    info = {"id": "a", "title": "b", "duration": written}
    assert _only(_put_all(tmp_path, {"a.info.json": info, "a.vtt": _VTT})).episode.duration_s == seconds


def test_bare_captions_have_their_names_from_the_files(tmp_path: Path) -> None:
    episode = _only(_put_all(tmp_path / "Leader Tape", {"On_wax.de.vtt": _VTT})).episode
    assert (episode.id, episode.title, episode.show) == ("file:leader-tape/on-wax", "On wax", "Leader Tape")
    assert episode.language == "de"


def test_captions_that_say_which_episode_they_are(tmp_path: Path) -> None:
    own = "WEBVTT\n\nNOTE hark\nid: yt:abcdefghijk\ntitle: Wax\nshow: Tape\nurl: javascript:x\nvideo_id: ../x\n\n"
    episode = _only(_put_all(tmp_path, {"a.vtt": own + "00:00.000 --> 00:01.000\nyes\n"})).episode
    assert (episode.id, episode.title, episode.show) == ("yt:abcdefghijk", "Wax", "Tape")
    assert (episode.url, episode.video_id) == ("", "")


def test_captions_with_speakers_win_over_captions_without(tmp_path: Path) -> None:
    turns = {"segments": [{"startTime": 0, "endTime": 2, "speaker": "Ann", "body": "Turn it back."}]}
    read = _only(_put_all(tmp_path, {"a.info.json": _INFO, "a.en.vtt": _PLAIN_VTT, "a.transcript.json": turns}))
    assert read.segments[0].text == "Turn it back."


@pytest.mark.parametrize(
    ("info", "names", "chosen"),
    [({"subtitles": {"de": []}, "automatic_captions": {"en": []}}, ["de", "en"], "de"),
     ({"language": "de"}, ["en", "de"], "de"),
     ({}, ["fr", "de", "en"], "en"),
     ({"language": "pt"}, ["en", "pt-BR"], "pt-BR"),
     ({"automatic_captions": {"en-orig": [], "en": []}, "subtitles": {"fr": []}}, ["en-orig", "fr"], "fr")],
)  # fmt: skip
def test_which_language_is_read(tmp_path: Path, info: dict[str, Any], names: list[str], chosen: str) -> None:
    files = {f"a.{name}.vtt": _PLAIN_VTT.replace("all", name) for name in names}
    read = _only(_put_all(tmp_path, {"a.info.json": _INFO | info, **files}))
    assert read.segments[0].text == f"Wind it {chosen} back."


def test_where_the_best_captions_cannot_be_read_the_next_are(tmp_path: Path) -> None:
    read = _only(_put_all(tmp_path, {"a.info.json": _INFO, "a.en.vtt": "", "a.de.vtt": _PLAIN_VTT}))
    assert read.segments[0].text == "Wind it all back."
    assert [finding.rule for finding in read.findings] == ["captions-unreadable"]
    assert "a.en.vtt: is empty" in read.findings[0].message


def test_where_none_can_be_read_the_first_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptionError, match=r"a\.en\.vtt: is empty; nor can 1 more") as raised:
        _only(_put_all(tmp_path, {"a.info.json": _INFO, "a.en.vtt": "", "a.de.vtt": ""}))
    assert not isinstance(raised.value, NotAnEpisodeError)


@pytest.mark.parametrize(
    ("files", "message"),
    [({"a.info.json": _INFO}, "has no captions"),
     ({"a.mp3": "x"}, "has no captions"),
     ({"a.info.json": "{", "a.vtt": _VTT}, "breaks off"),
     ({"a.info.json": "[]", "a.vtt": _VTT}, "no info.json"),
     ({"a.info.json": "[" * 99_999, "a.vtt": _VTT}, "nested too deeply")],
)  # fmt: skip
def test_an_episode_that_cannot_be_read(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    with pytest.raises(CaptionError, match=message) as raised:
        _only(_put_all(tmp_path, files))
    assert not isinstance(raised.value, NotAnEpisodeError)


@pytest.mark.parametrize(
    ("files", "message"),
    [({"README.md": "# Tape\n"}, "has no times"),
     ({"chapters.json": {"chapters": []}}, "holds chapters"),
     ({"a.live_chat.json": '{"replayChatItemAction": {}}'}, "live chat"),
     ({"list.info.json": {"_type": "playlist", "id": "x"}}, "describes a playlist"),
     ({"page.html": "<html><p>Hello</p></html>"}, "without times")],
)  # fmt: skip
def test_a_mixed_folder_holds_what_is_no_episode(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    with pytest.raises(NotAnEpisodeError, match=message):
        _only(_put_all(tmp_path, files))


def test_the_publishers_chapters(tmp_path: Path) -> None:
    chapters: list[Any] = [
        {"start_time": 90, "end_time": 95.5, "title": "Two"},
        {"start_time": "00:00:12.3456", "title": " One\n]] | <b> "},
        {"start_time": 90.0, "title": "Two again"},
        {"start_time": 100, "title": "<Untitled Chapter 4>"},
        {"start_time": 110},
        {"start_time": -1, "title": "before"},
        {"start_time": float("inf"), "title": "never"},
        {"start_time": 10**400, "title": "never"},
        {"start_time": True, "title": "true"},
        "a text",
        None,
    ]
    found = _only(_put_all(tmp_path, {"a.info.json": _INFO | {"chapters": chapters}, "a.en.vtt": _VTT}))
    assert found.chapters == (Chapter(12.346, "One ]] | <b>"), Chapter(90.0, "Two"))
    assert found.findings == ()


@pytest.mark.parametrize("chapters", [None, [], "x", 7, {"start_time": 1, "title": "a"}, [[["a"]]]])
def test_no_chapters(tmp_path: Path, chapters: object) -> None:
    found = _only(_put_all(tmp_path, {"a.info.json": _INFO | {"chapters": chapters}, "a.en.vtt": _VTT}))
    assert found.chapters == ()
    assert [finding.rule for finding in found.findings] == (["info-field"] if chapters else [])


def test_chapters_and_people_have_an_end(tmp_path: Path) -> None:
    info = _INFO | {
        "chapters": [{"start_time": n, "title": "x" * 1000} for n in range(5000)],
        "people": [f"Person {n}" for n in range(5000)],
    }
    found = _only(_put_all(tmp_path, {"a.info.json": info, "a.en.vtt": _PLAIN_VTT}))
    assert len(found.chapters) == 500
    assert len(found.chapters[0].title) == 300
    assert len(found.episode.speakers) == 100


def test_people_speak_where_the_captions_name_none(tmp_path: Path) -> None:
    info = _INFO | {"people": ["Edda Rowan", "", None, 7, {"name": "x"}, "Edda Rowan", "Bo\u202e Marsh"]}
    root = _put_all(tmp_path, {"a.info.json": info, "a.en.vtt": _PLAIN_VTT})
    assert _only(root).episode.speakers == ("Edda Rowan", "7", "Bo Marsh")
    assert _only(_put_all(root, {"a.en.vtt": _VTT})).episode.speakers == ("Ann",)
