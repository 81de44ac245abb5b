"""What follows sources, on the command line: against a real feed, with an embedder that needs no model."""

from __future__ import annotations

import errno
import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ingest.sources.fetch import Client, Patience
from interfaces.cli.commands import app
from interfaces.cli.syncing import interval
from kb.library import open_library
from tests.fakes.embedder import HashEmbedder
from tests.fakes.feeds import Podcast
from tests.fakes.server import Answer, Request, Server
from tests.unit.test_cli_commands import DRIVER, ROOT

NOTE = "the_lamp_post/letter_1.md"
TRANSCRIPT = "transcripts/the_lamp_post/letter_1.vtt"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def podcast(server: Server) -> Podcast:
    found = Podcast(server)
    found.publish(3)
    return found


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> HashEmbedder:
    """The one that all commands of a test share."""
    made = HashEmbedder()
    monkeypatch.setattr("kb.index.embedders.open_embedder", lambda *given, **named: made)
    return made


@pytest.fixture
def library(tmp_path: Path, embedder: HashEmbedder) -> Path:
    """An empty one."""
    assert hark("init", tmp_path / "library", "--name", "Nine Lanterns").exit_code == 0
    return tmp_path / "library"


@pytest.fixture
def following(library: Path, podcast: Podcast) -> Path:
    """One that follows the podcast and never synced."""
    done("add", podcast.url, "--allow-private", "--library", library)
    return library


@pytest.fixture
def synced(following: Path) -> Path:
    """... and did."""
    done("sync", "--library", following)
    return following


def hark(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments], prog_name="hark")
    assert "Traceback" not in result.output, result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def done(*arguments: str | Path) -> str:
    """What a command printed that went well, and had nothing to complain of."""
    result = hark(*arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def refused(*arguments: str | Path, code: int) -> str:
    """The one line of a command that was refused."""
    result = hark(*arguments)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("hark: ")
    return line.removeprefix("hark: ")


def document(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """The JSON document of a command, alone on its line."""
    result = hark(*arguments, "--json")
    assert result.exit_code == code, result.output
    (line,) = result.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def files_of(library: Path) -> dict[str, bytes]:
    return {
        path.relative_to(library).as_posix(): path.read_bytes()
        for folder in ("notes", "transcripts", "media")
        for path in (library / folder).rglob("*.*")
    }


def changed_files(library: Path, before: dict[str, bytes]) -> set[str]:
    after = files_of(library)
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


# --- add, sources, remove, opml ---------------------------------------------------------------------------------------


def test_every_option_of_add_is_kept_and_listed(library: Path, tmp_path: Path) -> None:
    url = "https://me:hunter2@example.org/feed.xml"
    said = done("add", url, "--show", "The Lamp", "--folder", "News/Daily", "--newest", "7", "--audio",
                "--allow-private", "--kind", "feed", "--library", library)  # fmt: skip
    assert said.splitlines()[-1] == "Next: hark sync"
    (listed,) = document("sources", "--library", library)["sources"]
    assert listed == {
        "url": "https://example.org/feed.xml", "kind": "feed", "show": "The Lamp", "folder": "News/Daily",
        "newest": 7, "audio": True, "allow_private": True,
    }  # fmt: skip
    line = done("sources", "--library", library).strip()
    assert "The Lamp  (News/Daily; newest 7; recordings kept; private addresses allowed)" in line
    assert "hunter2" not in said + line
    assert "1 source followed already" in done("add", url, "--library", library)


def test_kinds_are_told_from_what_is_added(library: Path, tmp_path: Path) -> None:
    (tmp_path / "talks").mkdir()
    done("add", "https://example.org/feed", "https://youtu.be/abcdefghijk", tmp_path / "talks", "--library", library)
    done("add", "https://example.org/channel", "--kind", "video", "--library", library)
    kinds = [one["kind"] for one in document("sources", "--library", library)["sources"]]
    assert kinds == ["feed", "video", "folder", "video"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/nowhere/at/all"], "is no folder, and no address"),
        (["ftp://example.org/feed"], "no http or https address"),
        (["file:///etc/passwd"], "no http or https address"),
        (["javascript:alert(1)"], "no"),
        ([""], "no address"),
        (["  "], "no address"),
        (["\x1b[31mred"], "is no folder, and no address"),
        (["https://example.org/a", "--kind", "cassette"], "one of feed, video, folder"),
        (["https://example.org/a", "--newest", "-1"], "newest must be"),
        (["https://example.org/a", "https://example.org/b", "--show", "Both"], "one at a time"),
    ],
)
def test_what_cannot_be_followed(library: Path, arguments: list[str], words: str) -> None:
    before = (library / "hark.toml").read_bytes()
    line = refused("add", *arguments, "--library", library, code=2)
    assert words in line
    assert "\x1b" not in line
    assert (library / "hark.toml").read_bytes() == before


def test_the_library_itself_is_not_followed(library: Path, tmp_path: Path) -> None:
    (tmp_path / "one.vtt").write_text("WEBVTT\n")
    assert "itself writes" in refused("add", library, "--library", library, code=2)
    assert "itself writes" in refused("add", library / "notes", "--library", library, code=2)
    assert "hark ingest" in refused("add", tmp_path / "one.vtt", "--library", library, code=2)


@pytest.mark.parametrize("name", ["https://me:hunter2@example.org/feed", "https://example.org/feed", "the lamp"])
def test_remove_by_any_of_its_names(library: Path, name: str) -> None:
    done("add", "https://me:hunter2@example.org/feed", "--show", "The Lamp", "--library", library)
    assert "hunter2" not in done("remove", name, "--library", library)
    assert "Nothing is followed yet" in done("sources", "--library", library)
    assert "is not followed" in refused("remove", name, "--library", library, code=1)


def test_removing_a_source_keeps_what_came_of_it(synced: Path, podcast: Podcast) -> None:
    before = files_of(synced)
    done("remove", podcast.url, "--library", synced)
    assert "0 sources, nothing new" in done("sync", "--library", synced)
    assert files_of(synced) == before
    assert document("status", "--library", synced)["episodes"] == 3


def test_opml_out_and_in(library: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.opml"
    done("add", "https://example.org/a", "--show", "A & <B>", "--folder", "News/Daily", "--library", library)
    done("add", "https://example.org/b", "--library", library)
    assert "2 sources written" in done("opml", "export", file, "--library", library)
    assert "is there already" in refused("opml", "export", file, "--library", library, code=2)
    assert "2 sources written" in done("opml", "export", file, "--force", "--library", library)
    assert done("opml", "export", "--library", library) == file.read_text()
    other = tmp_path / "other"
    done("init", other)
    assert "Followed now" in done("opml", "import", file, "--library", other)
    found = [(one["url"], one["show"], one["folder"]) for one in document("sources", "--library", other)["sources"]]
    assert found == [("https://example.org/a", "A & <B>", "News/Daily"), ("https://example.org/b", "", "")]
    assert "2 sources followed already" in done("add", file, "--library", other)


def test_opml_that_is_none(library: Path, tmp_path: Path) -> None:
    for action in ("import", "exprt", ""):
        assert "import FILE or export" in refused("opml", action, "--library", library, code=2)
    assert "no such file" in refused("opml", "import", tmp_path / "no.opml", "--library", library, code=2)
    (tmp_path / "bad.opml").write_text("<html>no list</html>")
    assert "bad.opml" in refused("opml", "import", tmp_path / "bad.opml", "--library", library, code=1)
    (tmp_path / "bomb.opml").write_text('<!DOCTYPE x [<!ENTITY a "aaaa">]><opml><body>&a;</body></opml>')
    assert "bomb.opml" in refused("opml", "import", tmp_path / "bomb.opml", "--library", library, code=1)
    assert "cannot be written" in refused("opml", "export", tmp_path / "no" / "x", "--library", library, code=2)


@pytest.mark.parametrize("command", ["add", "remove", "sources", "opml", "sync", "watch", "retry", "review", "status"])
def test_each_command_explains_itself(command: str) -> None:
    assert done(command, "--help").startswith(f"Usage: hark {command} ")


# --- sync -------------------------------------------------------------------------------------------------------------


def test_a_dry_run_is_what_a_sync_then_does(following: Path, server: Server) -> None:
    before = files_of(following)
    said = done("sync", "--dry-run", "--library", following)
    assert said.splitlines() == ["new      Letter 2", "new      Letter 1", "new      Letter 0", "3 episodes to do"]
    planned = document("sync", "--dry-run", "--library", following)
    assert {one["what"] for one in planned["actions"]} == {"new"}
    assert (planned["failed"], planned["remarks"]) == ([], [])
    assert {request.path for request in server.log} == {"/feed.xml"}
    assert files_of(following) == before
    found = document("sync", "--library", following)
    assert (found["new"], found["taken"]["new"]) == (3, 3)
    assert "Nothing to do." in done("sync", "--dry-run", "--library", following)


def test_the_summary_in_a_line_and_in_json(following: Path, podcast: Podcast) -> None:
    lines = done("sync", "--library", following).splitlines()
    assert lines[0] == "1 source, 3 new"
    assert lines[1].startswith("  written: 3 transcripts, 3 notes, ")
    assert done("sync", "--library", following) == "1 source, nothing new\n"
    podcast.publish(4, changed=frozenset({1}))
    found = document("sync", "--library", following)
    assert list(found) == [
        "sources", "not_modified", "new", "changed", "gone", "fetched", "later", "aside", "silent", "failed",
        "remarks", "taken", "seconds",
    ]  # fmt: skip
    assert (found["new"], found["changed"], found["fetched"]) == (1, 1, 2)
    assert (found["taken"]["new"], found["taken"]["changed"]) == (1, 1)
    assert document("sync", "--library", following)["not_modified"] == 1


def test_some_sources_by_address(following: Path, server: Server, podcast: Podcast) -> None:
    other = Podcast(server, path="/other.xml", title="The Other Lamp")
    other.publish(1)
    secret = other.url.replace("http://", "http://me:hunter2@")
    done("add", secret, "--allow-private", "--library", following)
    assert document("sync", other.url, "--library", following)["taken"]["new"] == 1
    assert server.asked("/feed.xml") == []
    line = refused("sync", "https://me:hunter2@nobody.example/feed", "--library", following, code=1)
    assert line.startswith("https://nobody.example/feed: is not followed")
    assert "hunter2" not in line


def test_what_fails_is_told_and_the_code_is_one(following: Path, server: Server) -> None:
    gone = server.url("/gone.xml")
    done("add", gone, "--allow-private", "--library", following)
    server.route("/feed/1.vtt", status=503)
    result = hark("sync", "--library", following)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "2 sources, 2 new, 2 failed; 1 to try again later"
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0] == f"hark: {gone}: is not there (404)"
    assert lines[1].startswith("hark: Letter 1 (")
    assert hark("sync", "--dry-run", "--library", following).exit_code == 1
    found = document("sync", "--library", following, code=1)
    assert found["failed"] == [{"where": gone, "message": "is not there (404)"}]
    assert found["later"] == 1


def test_what_cannot_be_read_counts_as_failed(following: Path, server: Server, tmp_path: Path) -> None:
    (tmp_path / "talks").mkdir()
    (tmp_path / "talks" / "torn.vtt").write_bytes(b"\x00\xff\xfe\x00" * 300)
    done("add", tmp_path / "talks", "--library", following)
    result = hark("sync", "--library", following)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, "2 sources, 3 new, 1 failed")
    assert "torn" in result.stderr


def test_settings_that_are_wrong_are_one_line(following: Path) -> None:
    with (following / "hark.toml").open("a") as file:
        file.write('\n[[sources]]\nurl = "https://example.org/x"\nnewst = 3\n')
    for command in (["sync"], ["sync", "--dry-run"], ["sources"], ["status"], ["retry"]):
        assert "newst" in refused(*command, "--library", following, code=2)


def test_two_syncs_at_once(following: Path) -> None:
    with open_library(following) as other, other.lock():
        for command in ("sync", "retry"):
            line = refused(command, "--library", following, code=1)
            assert re.search(rf"another Hark is writing.*process {os.getpid()}, since", line), line


# --- status and retry -------------------------------------------------------------------------------------------------


def test_what_waits_is_shown_and_tried_again(following: Path, server: Server, podcast: Podcast) -> None:
    server.route("/feed/0.vtt", status=503)
    server.route("/feed/1.vtt", status=404)
    assert hark("sync", "--library", following).exit_code == 1
    said = done("status", "--library", following)
    assert re.search(r"Letter 0 \(.*\): again after 20\S+: .*\(503\)", said)
    assert re.search(r"Letter 1 \(.*\): again after 20\S+: .*\(404\)", said)
    assert said.splitlines()[-1] == "Try them again now: hark retry"
    found = document("status", "--library", following)
    assert (found["sources"], found["troubled"]) == (1, [])
    states = {one["title"]: (one["state"], bool(one["next_at"]), one["source"]) for one in found["waiting"]}
    assert states == {"Letter 0": ("later", True, podcast.url), "Letter 1": ("later", True, podcast.url)}
    podcast.publish(3)
    assert "nothing waits" in refused("retry", "nobody", "--library", following, code=1)
    first = next(one["episode"] for one in found["waiting"] if one["title"] == "Letter 1")
    assert document("retry", first, "--library", following)["taken"]["new"] == 1
    assert document("status", "--library", following)["episodes"] == 2
    assert "1 source, 1 new" in done("retry", podcast.url, "--library", following)
    assert done("retry", "--library", following) == "Nothing waits to be tried again.\n"
    assert document("status", "--library", following)["waiting"] == []


def test_a_source_that_rests_is_asked_again_when_a_person_says_so(
    following: Path, server: Server, podcast: Podcast
) -> None:
    server.route("/feed.xml", status=429, headers={"Retry-After": "86400"})
    assert hark("sync", "--library", following).exit_code == 1
    assert "429" in done("status", "--library", following)
    (troubled,) = document("status", "--library", following)["troubled"]
    assert (troubled["source"], troubled["failures"]) == (podcast.url, 1)
    podcast.publish(3)
    assert "left alone until" in hark("sync", "--library", following).stderr
    assert document("retry", podcast.url, "--library", following)["taken"]["new"] == 3
    assert document("status", "--library", following)["troubled"] == []


def test_what_is_due_needs_no_retry(following: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingest.syncing.fetch_all", interrupted)
        result = hark("sync", "--library", following)
        assert (result.exit_code, result.stderr) == (130, "hark: interrupted\n")
    said = done("status", "--library", following)
    assert "Letter 1 (" in said
    assert "): due\n" in said
    assert "hark retry" not in said
    assert "1 source, 3 new" in done("sync", "--library", following)


# --- watch ------------------------------------------------------------------------------------------------------------


def test_intervals() -> None:
    assert [interval(text) for text in ("60s", "30m", "1h", " 2d ")] == [60, 1800, 3600, 172800]


@pytest.mark.parametrize("text", ["", "5s", "0m", "1", "h", "-1h", "1.5h", "1w", "٣h", "9999999d"])
def test_no_interval(library: Path, text: str) -> None:
    assert "a minute at least" in refused("watch", "--every", text, "--library", library, code=2)


def rounds(monkeypatch: pytest.MonkeyPatch, *between: Callable[[], object]) -> list[int]:
    """Lets ``watch`` take these steps between its rounds, without a wait; returns the pauses, in seconds."""
    left, pauses = list(between), list[int]()

    def wait(stopped: Event, until: float) -> None:
        pauses.append(round(until - time.time()))
        if left:
            left.pop(0)()
        else:
            os.kill(os.getpid(), signal.SIGTERM)
            stopped.wait(5)

    monkeypatch.setattr("interfaces.cli.syncing._wait", wait)
    return pauses


def test_watch_goes_on_without_the_network_and_with_wrong_settings(
    following: Path, podcast: Podcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.sources.addresses import connect

    settings, unplugged = (following / "hark.toml").read_bytes(), Event()

    def connected(*given: Any, **named: Any) -> socket.socket:
        if unplugged.is_set():
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return connect(*given, **named)

    def unplug() -> None:
        podcast.publish(4)
        unplugged.set()

    def spoil() -> None:
        (following / "hark.toml").write_bytes(b"name = [")

    def mend() -> None:
        (following / "hark.toml").write_bytes(settings)

    monkeypatch.setattr("ingest.sources.connections.connect", connected)
    monkeypatch.setattr("ingest.sources.fetch.Client", functools.partial(Client, patience=Patience(tries=1)))
    pauses = rounds(monkeypatch, unplug, unplugged.clear, spoil, mend)
    result = hark("watch", "--every", "30m", "--library", following)
    assert result.exit_code == 0, result.output
    *told, last = result.stdout.splitlines()
    summaries = ["1 source, 3 new", "1 source, 1 failed", "1 source, 1 new", "1 source, nothing new"]
    assert [line.partition("  ")[2] for line in told] == summaries
    assert last == "Stopped."
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"hark: {podcast.url}: ")
    assert "hark.toml" in lines[1]
    assert pauses == [1800] * 5


def test_watch_in_json_is_a_line_a_round(following: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds(monkeypatch, lambda: None)
    result = hark("watch", "--json", "--library", following)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [json.loads(line)["taken"]["new"] for line in result.stdout.splitlines()] == [3, 0]


def test_watch_says_what_a_sync_would_remark(
    following: Path, podcast: Podcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds(monkeypatch, lambda: podcast.publish(0))
    result = hark("watch", "--library", following)
    assert "nothing is deleted" in result.stderr
    assert "nothing is deleted" in done("status", "--library", following)


def test_watch_puts_the_signals_back(following: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    rounds(monkeypatch)
    assert hark("watch", "--library", following).exit_code == 0
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.mark.parametrize(
    ("command", "number", "ended"),
    [("watch", signal.SIGTERM, (0, "Stopped.\n", "")), ("sync", signal.SIGINT, (130, "", "hark: interrupted\n"))],
)
def test_an_answer_that_never_ends_does_not_keep_hark_from_stopping(
    following: Path, server: Server, command: str, number: int, ended: tuple[int, str, str]
) -> None:
    asked, over = Event(), Event()

    def drip(request: Request) -> Answer:
        asked.set()
        return Answer(stream=(b"x" for _ in iter(lambda: over.wait(0.05), True)))

    server.route("/feed/1.vtt", drip)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(
        [sys.executable, "-c", DRIVER, command, "--library", str(following)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert asked.wait(30)
        running.send_signal(number)
        told = running.communicate(timeout=10)
    finally:
        over.set()
        running.kill()
        running.wait()
    assert (running.returncode, *told) == ended
    server.unroute("/feed/1.vtt")
    assert document("sync", "--library", following, code=1)["taken"]["new"] == 2


# --- what a person wrote ----------------------------------------------------------------------------------------------


def test_an_edit_is_merged_with_what_is_new(synced: Path, podcast: Podcast) -> None:
    note = synced / "notes" / NOTE
    note.write_text(note.read_text() + "\nI have heard this letter three times.\n")
    podcast.publish(3, changed=frozenset({1}))
    found = document("sync", "--library", synced)
    assert (found["taken"]["merged"], found["taken"]["proposals"], found["taken"]["kept"]) == (1, [], [])
    assert note.read_text().endswith("\nI have heard this letter three times.\n")
    assert done("review", "--library", synced) == "Nothing to review.\n"
    before = files_of(synced)
    assert done("sync", "--library", synced) == "1 source, nothing new\n"
    assert files_of(synced) == before


@pytest.fixture
def disputed(synced: Path, podcast: Podcast, server: Server) -> Path:
    """A library in which a person and the source changed the same line of a note."""
    note = synced / "notes" / NOTE
    text, said = note.read_text(), "Salt goes into the dough late"
    assert text.count(said) == 1
    note.write_text(text.replace(said, "What I like best: salt goes in late"))
    podcast.publish(3, changed=frozenset({1}))
    new = podcast.transcript(1, changed=True).replace(said, "Salt goes into the dough last")
    server.route("/feed/1-b.vtt", new.encode(), type="text/vtt")
    result = hark("sync", "--library", synced)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "to be looked at (hark review): 1 note" in result.stdout
    assert "What I like best" in note.read_text()
    return synced


def test_a_conflict_is_shown_and_taken(disputed: Path) -> None:
    note = disputed / "notes" / NOTE
    listed = done("review", "--library", disputed).splitlines()
    assert listed[0].startswith(f"{NOTE}  (")
    assert listed[-1].startswith("1 note to review.")
    (shown,) = document("review", NOTE, "--library", disputed)["proposals"]
    assert (shown["path"], shown["mine"]) == (NOTE, note.read_text())
    assert "What I like best" in shown["conflicts"][0]["mine"]
    assert "dough last" in shown["conflicts"][0]["new"]
    diff = done("review", NOTE, "--library", disputed)
    assert re.search(r"^  - .*What I like best", diff, re.MULTILINE)
    assert re.search(r"^  \+ .*dough last", diff, re.MULTILINE)
    assert f"{NOTE}: written as proposed" in done("review", NOTE, "--take", "--library", disputed)
    assert note.read_text() == shown["taken"]
    assert done("review", "--library", disputed) == "Nothing to review.\n"
    assert document("review", "--library", disputed) == {"proposals": []}
    assert "nothing is proposed" in refused("review", NOTE, "--take", "--library", disputed, code=1)
    done("sync", "--library", disputed)
    assert note.read_text() == shown["taken"]


def test_a_conflict_is_dropped(disputed: Path) -> None:
    before = files_of(disputed)
    (dropped,) = document("review", "--all", "--drop", "--library", disputed)["proposals"]
    assert (dropped["path"], dropped["done"]) == (NOTE, "dropped")
    done("sync", "--library", disputed)
    assert files_of(disputed) == before
    assert done("review", "--all", "--library", disputed) == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--take"], 2, "which notes?"),
        (["--drop"], 2, "which notes?"),
        (["--take", "--drop", "--all"], 2, "contradict"),
        (["nothing.md"], 1, "nothing is proposed"),
        (["../../hark.toml", "--take"], 1, "nothing is proposed"),
        (["\x1b[2Jx.md"], 1, "nothing is proposed"),
    ],
)
def test_review_called_wrongly(synced: Path, arguments: list[str], code: int, words: str) -> None:
    line = refused("review", *arguments, "--library", synced, code=code)
    assert words in line
    assert "\x1b" not in line


def test_review_outside_of_a_library(tmp_path: Path) -> None:
    assert "hark init" in refused("review", "--library", tmp_path, code=2)


# --- corrections ------------------------------------------------------------------------------------------------------


def correct(library: Path, heard: str, meant: str, *, show: str = "") -> None:
    """Writes a correction into hark.toml, of all shows or of one."""
    named = f'[corrections."{show}"]' if show else "[corrections]"
    text = (library / "hark.toml").read_text()
    table = text if named in text else f"{text}\n{named}\n"
    (library / "hark.toml").write_text(table.replace(named, f'{named}\n"{heard}" = "{meant}"', 1))


def test_a_correction_is_applied_and_undone(synced: Path, podcast: Podcast) -> None:
    before, settings = files_of(synced), (synced / "hark.toml").read_text()
    transcripts = [path for path in before if path.endswith(".vtt")]
    places = sum(before[path].lower().count(b"wild yeast") for path in transcripts)
    correct(synced, "wild yeast", "wild leaven")
    assert document("sync", "--library", synced)["taken"]["corrected"] == places > 0
    corrected = files_of(synced)
    assert not [path for path in transcripts if b"wild yeast" in corrected[path].lower()]
    assert b"wild leaven" in corrected[f"notes/{NOTE}"]
    assert done("sync", "--library", synced) == "1 source, nothing new\n"
    (synced / "hark.toml").write_text(settings)
    assert "corrected" in done("sync", "--library", synced)
    assert files_of(synced) == before
    assert done("sync", "--library", synced) == "1 source, nothing new\n"


def test_a_correction_of_what_comes_in(following: Path, podcast: Podcast) -> None:
    correct(following, "lamp post", "signal box")
    assert document("sync", "--library", following)["taken"]["corrected"] == 3
    podcast.publish(4)
    assert document("sync", "--library", following)["taken"]["corrected"] == 1
    said = [data for path, data in files_of(following).items() if path.endswith(".vtt")]
    assert [b"of the signal box" in data for data in said] == [True] * 4


def test_corrections_of_one_show(synced: Path) -> None:
    correct(synced, "lamp post", "signal box", show="Another Show")
    assert document("sync", "--library", synced)["taken"]["corrected"] == 0
    text = (synced / "hark.toml").read_text()
    (synced / "hark.toml").write_text(text.replace("Another Show", "The Lamp Post"))
    assert "corrected: 3 places" in done("sync", "--library", synced)


def test_a_name_corrected_in_a_transcript_costs_what_depends_on_it(synced: Path, embedder: HashEmbedder) -> None:
    file, before = synced / TRANSCRIPT, files_of(synced)
    file.write_text(file.read_text().replace("This is letter number 1", "This is epistle number 1"))
    embedder.encoded.clear()
    found = document("sync", "--library", synced)
    assert (found["taken"]["transcripts"], found["taken"]["notes"]) == (0, 1)
    assert embedder.encoded
    assert all("epistle" in text for text in embedder.encoded), "what was said otherwise is embedded already"
    changed = changed_files(synced, before)
    assert {TRANSCRIPT, f"notes/{NOTE}"} <= changed
    others = {path for path in changed if "letter_0" in path or "letter_2" in path}
    assert others == set(), "other episodes have nothing to do with it"
    embedder.encoded.clear()
    assert done("sync", "--library", synced) == "1 source, nothing new\n"
    assert embedder.encoded == []
    assert json.loads(hark("search", "epistle", "--json", "--library", synced).stdout)["hits"]
