"""A person saves a note at the moment at which it is written anew: nothing of what the person wrote may be lost.

The editor is a process of its own. HARK_RACES=500 runs so many races; each is one of three ways to save.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest import renames
from ingest.files import NewFile, sha256, write_files
from ingest.report import Noted
from ingest.settling import settle, take_late_edits

RACES = int(os.environ.get("HARK_RACES", "40"))
NOTE = "notes/show/note.md"
WAYS = ("append", "truncate", "rename")

# Waits for a line "way delay_us number", edits, answers. Between opening and writing there is a pause, as in an editor.
EDITOR = """
import os, sys, time
path = sys.argv[1]
def pause(us):
    end = time.perf_counter() + us / 1e6
    while time.perf_counter() < end:
        pass
for line in sys.stdin:
    way, before, within, text = line.rstrip("\\n").split(" ", 3)
    added = "\\n" + text + "\\n"
    pause(int(before))
    if way == "append":
        with open(path, "a") as file:
            pause(int(within))
            file.write(added)
    else:
        with open(path) as file:
            whole = file.read() + added
        if way == "truncate":
            with open(path, "w") as file:
                pause(int(within))
                file.write(whole)
        else:
            with open(path + "~", "w") as file:
                file.write(whole)
            pause(int(within))
            os.replace(path + "~", path)
    print("done", flush=True)
"""

Write = Callable[[Path, bytes, str], None]


def generated(number: int) -> str:
    quotes = "".join(f"\nQuote {at} of version {number if at % 2 else 0}.\n" for at in range(6))
    return f"---\ntitle: Note\naliases: []\ngenerated: {{version: {number}}}\n---\n\n## Quotes\n{quotes}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".hark").mkdir()
    return tmp_path


@pytest.fixture
def editor(root: Path) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-c", EDITOR, str(root / NOTE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield started
    started.kill()
    started.wait()


def merged(root: Path, data: bytes, made: str) -> None:
    settle(root, {NOTE: data}, {NOTE: made}, Noted())


def plainly(root: Path, data: bytes, made: str) -> None:
    """As one writes without a thought of others: looked at, and then replaced."""
    if sha256((root / NOTE).read_bytes()) == made:
        write_files(root, [NewFile(NOTE, data)])


def race(
    root: Path, editor: subprocess.Popen[str], write: Write, way: str, number: int, *, chance: random.Random
) -> bool:
    """One race; whether what the person wrote before and during it is in the note at the end."""
    assert editor.stdin is not None
    assert editor.stdout is not None
    old, new = generated(1).encode(), generated(2).encode()
    (root / NOTE).unlink(missing_ok=True)
    settle(root, {NOTE: old}, {}, Noted())
    told = [f"The person's thought number {number}."]
    made = sha256(old)
    if number % 2:  # half of the notes have an edit already
        told.append(f"An older thought {number}.")
        (root / NOTE).write_bytes(old + f"\n{told[1]}\n".encode())
    print(way, chance.randrange(1500), chance.randrange(600), told[0], file=editor.stdin, flush=True)
    end = time.perf_counter() + chance.randrange(1200) / 1e6
    while time.perf_counter() < end:
        pass
    write(root, new, made)
    take_late_edits(root, Noted())
    assert editor.stdout.readline() == "done\n"
    take_late_edits(root, Noted())  # as at the start of the next run
    text = (root / NOTE).read_text()
    return all(text.count(thought) == 1 for thought in told)


def lost(root: Path, editor: subprocess.Popen[str], write: Write, races: int) -> Counter[str]:
    chance = random.Random(7)
    ways = [WAYS[number // 2 % len(WAYS)] for number in range(races)]
    return Counter(way for number, way in enumerate(ways) if not race(root, editor, write, way, number, chance=chance))


def test_nothing_that_a_person_saves_during_a_regeneration_is_lost(
    root: Path, editor: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    missing = lost(root, editor, merged, RACES)
    with capsys.disabled():
        if "HARK_RACES" in os.environ:
            sys.stdout.write(f"\n{RACES} races, lost: {dict(missing) or 0}\n")
    assert not missing
    assert not list((root / ".hark" / "displaced").iterdir())
    assert [path.name for path in (root / "notes" / "show").iterdir()] == ["note.md"]


def test_the_same_races_against_a_plain_write_lose_edits(root: Path, editor: subprocess.Popen[str]) -> None:
    assert lost(root, editor, plainly, max(RACES, 60)), "the races are no test: a plain write passes them"


def test_the_same_where_the_disk_cannot_exchange_two_files(
    root: Path, editor: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renames, "_renamed", lambda one, other, how: False)
    missing = lost(root, editor, merged, RACES)
    assert not {way: times for way, times in missing.items() if way != "rename"}


@pytest.mark.parametrize("step", range(8))
def test_an_edit_between_any_two_steps_of_a_replacement_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Without chance: an editor that has the file open writes after the step; another one renames over it."""
    for way in ("append", "rename"):
        (root / NOTE).unlink(missing_ok=True)
        settle(root, {NOTE: generated(1).encode()}, {}, Noted())
        done = 0
        with (root / NOTE).open("a") as opened, monkeypatch.context() as patch:

            def save(way: str = way, opened: object = opened) -> None:
                if way == "append":
                    opened.write("\nMine.\n")  # type: ignore[attr-defined]  # an open text file
                    opened.close()  # type: ignore[attr-defined]
                else:
                    beside = root / "notes/show/beside"
                    beside.write_text((root / NOTE).read_text() + "\nMine.\n")
                    beside.replace(root / NOTE)

            def after(real: Callable[..., object], save: Callable[[], None] = save) -> Callable[..., object]:
                def call(*args: object, **kwargs: object) -> object:
                    nonlocal done
                    result = real(*args, **kwargs)
                    done += 1
                    if done == step + 1:
                        save()
                    return result

                return call

            from ingest import files, settling

            for module, name in (
                (settling, "read_file"),
                (settling, "write_files"),
                (files, "_prepared"),
                (renames, "exchange"),
                (files, "_read"),
                (settling, "sync_folders"),
            ):
                patch.setattr(module, name, after(getattr(module, name)))
            merged(root, generated(2).encode(), sha256(generated(1).encode()))
            take_late_edits(root, Noted())
            if done <= step:
                save()
        take_late_edits(root, Noted())
        text = (root / NOTE).read_text()
        assert text.count("Mine.") == 1, (way, step)
        assert not list((root / ".hark" / "displaced").iterdir())


def test_a_run_that_was_killed_after_the_exchange_is_made_good_by_the_next(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(path: Path) -> bytes:
        raise Killed

    settle(root, {NOTE: generated(1).encode()}, {}, Noted())
    opened = (root / NOTE).open("a")
    with monkeypatch.context() as patch:
        patch.setattr("ingest.files._read", killed)
        with pytest.raises(Killed):
            merged(root, generated(2).encode(), sha256(generated(1).encode()))
    opened.write("\nMine.\n")
    opened.close()
    take_late_edits(root, done := Noted())
    assert done.merged == 1
    assert (root / NOTE).read_text() == generated(2) + "\nMine.\n"
