"""The commands on a real library of three short talks, with an embedder that needs no model."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from interfaces.cli.commands import app
from tests.fakes.embedder import HashEmbedder

ROOT = Path(__file__).parents[2]

TALKS = {
    "nine-lanterns/Ropes": (
        ("Ada Moor", "Start with the bowline, because it never slips."),
        ("Ada Moor", "A bowline holds when the rope is wet, and it still comes undone."),
        ("Teo Lind", "My grandfather tied his boat with a clove hitch and lost it twice."),
    ),
    "nine-lanterns/Lamps": (
        ("Teo Lind", "A paraffin lamp wants a short wick."),
        ("Ada Moor", "Trim the wick before you blame the paraffin."),
    ),
    "harbour/Fog": (("Ilo Brandt", "In fog the bell tells you more than the light does."),),
}

TITLES = {"Fog": "Fog \x1b[31m[red]signals[/red]"}

# The command line in a process of its own, with the embedder of the tests.
DRIVER = """
import sys
import kb.index.embedders
from tests.fakes.embedder import HashEmbedder
kb.index.embedders.open_embedder = lambda *given, **named: HashEmbedder()
from interfaces.cli.main import run
run()
"""


def write_talks(folder: Path) -> Path:
    for name, said in TALKS.items():
        path = folder / f"{name}.vtt"
        path.parent.mkdir(parents=True, exist_ok=True)
        cues = [
            f"00:00:{8 * n:02d}.000 --> 00:00:{8 * n + 7:02d}.500\n<v {speaker}>{text}\n"
            for n, (speaker, text) in enumerate(said)
        ]
        path.write_text("WEBVTT\n\n" + "\n".join(cues), encoding="utf-8")
        show, title = name.split("/")
        info = {
            "id": title.lower(),
            "title": TITLES.get(title, title),
            "channel": show,
            "webpage_url": f"https://{show}.example/x",
        }
        path.with_suffix(".info.json").write_text(json.dumps(info), encoding="utf-8")
    return folder


def hark(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], prog_name="hark")


def hark_process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)} | options.pop("env", {})
    return subprocess.run(
        [sys.executable, "-c", DRIVER, *map(str, arguments)],
        env=environment, capture_output=True, text=True, check=False, timeout=60, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that was filled once; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("made")
    talks = write_talks(folder / "talks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kb.index.embedders.open_embedder", lambda *given, **named: HashEmbedder())
        assert hark("init", folder / "library", "--name", "Nine Lanterns").exit_code == 0
        taken = hark("ingest", talks, "--library", folder / "library")
        assert taken.exit_code == 0, taken.output
    return folder / "library"


@pytest.fixture
def library(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("kb.index.embedders.open_embedder", lambda *given, **named: HashEmbedder())
    return made


@pytest.fixture
def own_library(library: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(library, tmp_path / "own"))


def episode_ids(library: Path) -> dict[str, str]:
    from kb.library import open_library

    with open_library(library) as opened:
        return {entry.episode.title: entry.episode.id for entry in opened.episodes()}


# --- init, and finding the library ---------------------------------------------------------------------------------


def test_init_writes_what_a_library_needs_and_overwrites_nothing(tmp_path: Path) -> None:
    root = tmp_path / "talks"
    assert hark("init", root, "--name", 'A "quoted" name').exit_code == 0
    assert (root / "notes").is_dir()
    assert (root / "transcripts").is_dir()
    assert ".hark/" in (root / ".gitignore").read_text()
    assert "# " in (root / "hark.toml").read_text()
    (root / "hark.toml").write_text('name = "mine"\n')
    (root / ".gitignore").write_text("mine\n")
    again = hark("init", root)
    assert (again.exit_code, "already" in again.stdout) == (0, True)
    assert (root / "hark.toml").read_text() == 'name = "mine"\n'
    assert (root / ".gitignore").read_text() == "mine\n"


def test_init_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = hark("init", tmp_path / "file")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("hark: ")


def test_without_a_library_one_line_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    talks = write_talks(tmp_path / "talks")
    for arguments in (["ingest", talks], ["search", "rope"], ["status"], ["show", "x"], ["index"], ["app"]):
        result = hark(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "hark init" in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / ".hark").exists()


def test_the_library_is_found_upwards_by_option_and_by_variable(
    library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def found(*arguments: str | Path) -> str:
        return str(json.loads(hark(*arguments, "status", "--json").stdout)["library"])

    monkeypatch.chdir(library / "notes")
    assert found() == str(library)
    monkeypatch.chdir(tmp_path)
    assert found("--library", library) == str(library)
    assert json.loads(hark("status", "--json", "--library", library).stdout)["library"] == str(library)
    monkeypatch.setenv("HARK_LIBRARY", str(library))
    assert found() == str(library)
    assert hark("--library", tmp_path, "status").exit_code == 2, "an option weighs more than the variable"


# --- filling --------------------------------------------------------------------------------------------------------


def test_ingest_again_has_nothing_to_do(own_library: Path, made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in own_library.rglob("*.*") if ".hark" not in path.parts}
    result = hark("ingest", made.parent / "talks", "--library", own_library, "--json")
    assert result.exit_code == 0
    (source,) = json.loads(result.stdout)["sources"]
    assert (source["episodes"], source["new"], source["unchanged"]) == (3, 0, 3)
    assert (source["transcripts"], source["notes"], source["pages"]) == (0, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "3 episodes, nothing new" in hark("ingest", made.parent / "talks", "--library", own_library).stdout


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(own_library: Path, tmp_path: Path) -> None:
    talks = write_talks(tmp_path / "more")
    (talks / "harbour" / "Broken.vtt").write_bytes(b"\x00\xff\xfe\x00" * 300)
    result = hark("ingest", talks, "--library", own_library)
    assert result.exit_code == 1
    assert [line for line in result.stderr.splitlines() if "harbour/Broken" in line]
    assert "Traceback" not in result.output


def test_a_path_that_is_not_there_is_a_wrong_call(library: Path, tmp_path: Path) -> None:
    result = hark("ingest", tmp_path / "nowhere", "--library", library)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"hark: {tmp_path}/nowhere: no such file or folder")


def test_import_takes_notes_byte_for_byte(own_library: Path, tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()
    text = "---\ntitle: Splicing\n---\n\nSee [[Ropes]] and [[Whipping]].\n"
    (vault / "splicing.md").write_bytes(text.replace("\n", "\r\n").encode())
    result = hark("import", vault, "--library", own_library, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["sources"][0]["notes"] == 1
    (copied,) = (own_library / "notes").rglob("splicing.md")
    assert copied.read_bytes() == (vault / "splicing.md").read_bytes()
    assert "1 note, nothing new" in hark("import", vault, "--library", own_library).stdout


def test_index_takes_up_an_edit(own_library: Path) -> None:
    note = next(path for path in (own_library / "notes").rglob("*.md") if "fog" in path.name.lower())
    note.write_text(note.read_text() + "\nSomebody added a paragraph about foghorns here.\n")
    assert json.loads(hark("status", "--json", "--library", own_library).stdout)["stale"] is True
    report = json.loads(hark("index", "--json", "--library", own_library).stdout)
    assert (report["changed"], report["added"], report["removed"]) == (1, 0, 0)
    assert json.loads(hark("status", "--json", "--library", own_library).stdout)["stale"] is False
    assert hark("index", "--rebuild", "--library", own_library).exit_code == 0


# --- finding --------------------------------------------------------------------------------------------------------


def test_search_prints_the_moment(library: Path) -> None:
    result = hark("search", "bowline", "wet", "--library", library)
    assert result.exit_code == 0
    assert "“A bowline holds when the rope is wet, and it still comes undone.”" in result.stdout
    assert "00:00:08  Ada Moor" in result.stdout
    assert "\x1b" not in result.stdout


def test_search_as_json(library: Path) -> None:
    result = hark("search", "bowline wet", "--kind", "quote", "--json", "--library", library)
    document = json.loads(result.stdout)
    assert list(document) == ["query", "took_ms", "hits"]
    first = document["hits"][0]
    assert (first["rank"], first["kind"], first["moment_s"], first["speaker"]) == (1, "quote", 8.0, "Ada Moor")


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "lexical"])
def test_each_mode_answers(library: Path, mode: str) -> None:
    result = hark("search", "paraffin", "--mode", mode, "--limit", "1", "--json", "--library", library)
    assert len(json.loads(result.stdout)["hits"]) == 1


def test_the_options_are_the_query_syntax(library: Path) -> None:
    def texts(*arguments: str) -> list[str]:
        found = json.loads(hark("search", *arguments, "--json", "--library", library).stdout)
        return [hit["text"] for hit in found["hits"]]

    assert texts("the wick", "--speaker", "Ada Moor", "--kind", "quote")
    assert texts("wick", "--speaker", "Ada Moor") == texts('wick speaker:"Ada Moor"')
    assert texts("bell", "--kind", "note") == texts("bell kind:note")


def test_a_malformed_query_is_searched_as_words_and_says_so(library: Path) -> None:
    result = hark("search", '"bowline after:yesterday', "--json", "--library", library)
    assert result.exit_code == 0
    assert len(result.stderr.splitlines()) == 2
    assert json.loads(result.stdout)["hits"]


@pytest.mark.parametrize(
    "arguments", [["--mode", "magic"], ["--limit", "0"], ["--limit", "1001"], ["--limit", "ten"], ["--colour", "red"]]
)
def test_a_wrong_call_is_two(library: Path, arguments: list[str]) -> None:
    result = hark("search", "rope", *arguments, "--json", "--library", library)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


def test_ask_answers_or_says_that_it_cannot(library: Path) -> None:
    answer = json.loads(
        hark("ask", "what", "of", "the bowline when the rope is wet", "--json", "--library", library).stdout
    )
    assert list(answer) == ["question", "supported", "took_ms", "episodes", "nearest"]
    result = hark("ask", "Which enzyme folds proteins in yeast?", "--library", library)
    assert result.exit_code == 0
    assert result.stdout


# --- showing --------------------------------------------------------------------------------------------------------


def test_show_an_episode_and_a_moment_of_it(library: Path) -> None:
    ropes = episode_ids(library)["Ropes"]
    assert "00:00:16  Teo Lind: My grandfather" in hark("show", ropes, "--library", library).stdout
    document = json.loads(hark("show", f"{ropes}@00:00:08", "--json", "--library", library).stdout)
    assert (document["kind"], document["at_s"], document["episode_id"]) == ("moment", 8.0, ropes)
    assert [segment["timestamp"] for segment in document["segments"]] == ["00:00:00", "00:00:08", "00:00:16"]
    assert json.loads(hark("show", f"{ropes}@8s", "--json", "--library", library).stdout)["at_s"] == 8.0


def test_show_a_note_by_path_title_and_link(library: Path) -> None:
    path = json.loads(hark("show", "Ropes", "--json", "--library", library).stdout)["path"]
    for target in (path, f"notes/{path}", "[[ropes]]"):
        document = json.loads(hark("show", target, "--json", "--library", library).stdout)
        assert (document["kind"], document["path"]) == ("note", path)
    assert hark("show", path, "--library", library).stdout == (library / "notes" / path).read_text()


@pytest.mark.parametrize("target", ["nobody-said-this", "../hark.toml", "notes/../hark.toml", "x@00:00:99", "", "@5"])
def test_what_there_is_not_is_named(library: Path, target: str) -> None:
    result = hark("show", target, "--json", "--library", library)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no such episode or note" in result.stderr


def test_hostile_titles_stay_text(library: Path) -> None:
    result = hark("search", "fog bell", "--kind", "quote", "--library", library)
    assert "\x1b" not in result.stdout
    assert "[31m[red]signals[/red]" in result.stdout


# --- status, and libraries that are not as they should be ---------------------------------------------------------


def test_status(library: Path) -> None:
    document = json.loads(hark("status", "--json", "--library", library).stdout)
    named = "library name shows episodes transcripts notes concepts passages vectors"
    assert set(f"{named} hours model generation stale disk_bytes".split()) <= set(document)
    assert (document["name"], document["episodes"], document["shows"]) == ("Nine Lanterns", 3, 2)
    assert "3 in 2 shows" in hark("status", "--library", library).stdout


def test_a_library_of_a_newer_hark_is_refused(own_library: Path) -> None:
    with sqlite3.connect(own_library / ".hark" / "library.db") as database:
        database.execute("PRAGMA user_version = 9999")
    for arguments in (["status", "--json"], ["search", "rope", "--json"], ["ingest", str(own_library.parent)]):
        result = hark(*arguments, "--library", own_library)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("hark: ")
        assert "newer" in result.stderr


def test_a_damaged_library_is_three(own_library: Path) -> None:
    (own_library / ".hark" / "library.db").write_bytes(b"not a database at all, but long enough to look at" * 90)
    result = hark("status", "--library", own_library)
    assert (result.exit_code, result.stdout) == (3, "")
    assert len(result.stderr.splitlines()) == 1
    assert "hark index --rebuild" in result.stderr
    assert hark("index", "--rebuild", "--library", own_library).exit_code == 0
    assert json.loads(hark("status", "--json", "--library", own_library).stdout)["episodes"] == len(TALKS)


def test_settings_that_are_no_toml(own_library: Path) -> None:
    (own_library / "hark.toml").write_text("name = [")
    result = hark("status", "--library", own_library)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "hark.toml" in result.stderr


def test_a_second_writer_waits_its_turn(own_library: Path, made: Path) -> None:
    from kb.library import open_library

    with open_library(own_library) as opened, opened.lock():
        result = hark_process("ingest", made.parent / "talks", "--library", own_library)
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert "another Hark is writing" in result.stderr


def test_a_library_that_cannot_be_written_to_is_searched(own_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode, **given: mode != os.W_OK)
    found = hark("search", "bowline", "--json", "--library", own_library)
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["hits"]
    refused = hark("index", "--library", own_library)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root can write to what is read-only")
def test_a_read_only_folder(own_library: Path) -> None:
    paths = [own_library, *own_library.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        found = hark_process("search", "bowline", "--json", "--library", own_library)
        refused = hark_process("index", "--library", own_library)
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert (found.returncode, found.stderr) == (0, "")
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)


# --- a process of its own -----------------------------------------------------------------------------------------


def test_exit_codes_of_a_real_process(library: Path, tmp_path: Path) -> None:
    assert hark_process("status", "--library", library).returncode == 0
    assert hark_process("show", "nothing", "--library", library).returncode == 1
    assert hark_process("status", "--library", tmp_path).returncode == 2
    assert hark_process("nonsense").returncode == 2


def test_a_closed_pipe_is_quiet(library: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = subprocess.run(
            [sys.executable, "-c", DRIVER, "search", "rope", "--library", str(library)],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert ran.stderr == ""


def test_python_m_is_the_same_command() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "interfaces.cli", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout.split()[0]) == (0, "hark")


def test_ctrl_c_is_one_line_and_130(monkeypatch: pytest.MonkeyPatch, library: Path) -> None:
    def interrupted(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kb.library.open_library", interrupted)
    result = hark("status", "--library", library)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "hark: interrupted\n")


@pytest.mark.parametrize(
    ("number", "words"), [(28, "no space is left"), (30, "cannot be written to"), (13, "permission denied")]
)
def test_what_the_system_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, library: Path, number: int, words: str
) -> None:
    def refused(*given: object, **named: object) -> None:
        raise OSError(number, os.strerror(number), "/talks/notes/x.md")

    monkeypatch.setattr("kb.library.open_library", refused)
    result = hark("status", "--library", library)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"hark: /talks/notes/x.md: {words}")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, library: Path) -> None:
    def wrong(*given: object, **named: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("kb.library.open_library", wrong)
    assert isinstance(hark("status", "--library", library).exception, ZeroDivisionError)
