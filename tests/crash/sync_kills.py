"""Kills syncs and says what was lost: run as a process of its own, with the address of a feed.

    python -m tests.crash.sync_kills FOLDER ADDRESS --kills 500        at random moments
    python -m tests.crash.sync_kills FOLDER ADDRESS --points           at every rename, fsync and commit
    ... --plain                                                        with writes that are not atomic: it must fail

Every child is a fork that works on a library of its own and kills itself or is killed; then the sync is run again until
it ends by itself, and the library is compared with one that was never killed. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# All that a sync imports is imported before the first fork.
import faiss
import feedparser
import filelock
import numpy
import requests
import tantivy

import ingest.files
from ingest import settling, transcribing
from ingest.subscriptions import Subscription, add_subscription
from ingest.syncing import sync
from kb.library import create_library
from tests.fakes.embedder import HashEmbedder

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
PRELOADED = (faiss, feedparser, filelock, numpy, requests, tantivy)
CHANGES = frozenset({"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir"})
MOST_RUNS = 200  # of one library, until it is complete


def files_of(root: Path) -> dict[str, str]:
    """What a library holds, hidden files included, with hashes."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("notes", "transcripts", "media")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


def litter_of(root: Path) -> list[str]:
    """What should not be there when a sync has ended."""
    kept = (".hark/tmp", ".hark/fetched", ".hark/displaced")
    return [path.relative_to(root).as_posix() for name in kept for path in (root / name).rglob("*") if path.is_file()]


def new_library(root: Path, address: str) -> None:
    create_library(root, embedder=HashEmbedder()).close()
    add_subscription(root, Subscription(url=address, kind="feed", allow_private=True, audio=True))


def run_sync(root: Path) -> None:
    with create_library(root, embedder=HashEmbedder()) as library:
        report = sync(library, now=NOW)
        if report.exit_code:
            sys.stderr.write("\n".join(str(problem) for problem in (*report.failed, *report.taken.failed)) + "\n")
            raise SystemExit(1)


def forked(work: Callable[[], None]) -> int:
    """Starts ``work`` in a child; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def finish(root: Path) -> None:
    """Runs the sync until it ends by itself."""
    _, status = os.waitpid(forked(lambda: run_sync(root)), 0)
    if status:
        raise RuntimeError(f"a sync that nobody killed ended with {status}")


# --- at random moments ------------------------------------------------------------------------------------------------


def killed_at_random(folder: Path, address: str, kills: int, seed: int, prepare: Callable[[], None]) -> dict[str, Any]:
    chance = random.Random(seed)
    whole = folder / "whole"
    new_library(whole, address)
    began = time.monotonic()
    finish(whole)
    takes_s = time.monotonic() - began
    expected = files_of(whole)
    done = libraries = 0
    faults: list[str] = []
    while done < kills:
        root = folder / f"killed-{libraries}"
        libraries += 1
        new_library(root, address)
        for _ in range(MOST_RUNS):
            if done >= kills:
                finish(root)
                break
            pid = forked(lambda root=root: (prepare(), run_sync(root))[1])  # type: ignore[misc]
            if not killed_after(pid, chance.uniform(0.0, takes_s / 4)):
                break
            done += 1
        faults += compare(root, expected)
        shutil.rmtree(root)
    return {
        "kills": done,
        "libraries": libraries,
        "episodes": len(list((whole / "transcripts").rglob("*.vtt"))),
        "faults": faults,
    }


def killed_after(pid: int, delay_s: float) -> bool:
    """Kills a child after so long; returns whether it was still running."""
    until = time.monotonic() + delay_s
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            if status:
                raise RuntimeError(f"a sync ended with {status}")
            return False
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def compare(root: Path, expected: dict[str, str]) -> list[str]:
    """What is not as in a library that was never killed."""
    found = files_of(root)
    lost = [f"{root.name}: lost {path}" for path in expected.keys() - found.keys()]
    stray = [f"{root.name}: stray {path}" for path in found.keys() - expected.keys()]
    torn = [f"{root.name}: differs {path}" for path in expected.keys() & found.keys() if expected[path] != found[path]]
    with create_library(root, embedder=HashEmbedder()) as library:
        rows = len(library.episodes())
    twice = [] if rows == len(list((root / "transcripts").rglob("*.vtt"))) else [f"{root.name}: {rows} episodes"]
    return [*lost, *stray, *torn, *twice, *(f"{root.name}: left {path}" for path in litter_of(root))]


# --- at every change --------------------------------------------------------------------------------------------------


class Points:
    """Counts what a process does to the disk, and kills it at the ``kill_at``-th, 0 for never."""

    def __init__(self, kill_at: int) -> None:
        self.seen = 0
        self.kill_at = kill_at

    def reached(self) -> None:
        self.seen += 1
        if self.seen == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """From now on: before every rename, link, removal, new folder and file opened for writing, around every fsync
        and commit."""
        fsync = os.fsync

        def watched_fsync(handle: int) -> None:
            self.reached()
            fsync(handle)
            self.reached()

        points = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
                commits = sql.lstrip()[:6].upper() == "COMMIT"
                if commits:
                    points.reached()
                cursor = super().execute(sql, *arguments)
                if commits:
                    points.reached()
                return cursor

        connect = sqlite3.connect

        def watched_connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
            return connect(*arguments, **{"factory": Connection} | named)

        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            writes = event == "open" and isinstance(arguments[1], str) and any(c in arguments[1] for c in "wxa+")
            if event in CHANGES or writes:
                self.reached()

        os.fsync = watched_fsync
        sqlite3.connect = watched_connect  # type: ignore[assignment]
        sys.addaudithook(audit)


def killed_at_points(
    folder: Path, address: str, before: Path, every: int, prepare: Callable[[], None]
) -> dict[str, Any]:
    """``before`` is a library that is one episode behind the feed."""
    whole = folder / "whole"
    shutil.copytree(before, whole)
    counted = folder / "points"

    def count() -> None:
        points = Points(0)
        prepare()
        points.watch()
        run_sync(whole)
        counted.write_text(str(points.seen))

    _, status = os.waitpid(forked(count), 0)
    if status:
        raise RuntimeError(f"a sync ended with {status}")
    total = int(counted.read_text())
    expected = files_of(whole)
    faults: list[str] = []
    kills = 0
    for at in range(1, total + 1, every):
        root = folder / f"point-{at}"
        shutil.copytree(before, root)

        def work(at: int = at, root: Path = root) -> None:
            points = Points(at)
            prepare()
            points.watch()
            run_sync(root)

        _, status = os.waitpid(forked(work), 0)
        kills += os.WIFSIGNALED(status)
        finish(root)
        faults += compare(root, expected)
        shutil.rmtree(root)
    return {"points": total, "kills": kills, "faults": faults}


def write_plainly() -> None:
    """The control: every file is written in place, as `open(path, "wb")` does."""

    def write_files(root: Path, files: Any) -> dict[str, ingest.files.FileState]:
        states = {}
        for file in files:
            target = root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as opened:
                for at in range(0, len(file.data), 512):
                    opened.write(file.data[at : at + 512])
                    opened.flush()
                    os.fsync(opened.fileno())
            states[file.path] = ingest.files.state_of(root, file.path)
        return states  # type: ignore[return-value]

    def replace_file(root: Path, path: str, data: bytes, expected: bytes | None) -> ingest.files.FileState:
        return write_files(root, [ingest.files.NewFile(path, data)])[path]

    for module in (ingest.files, settling):
        module.write_files = write_files  # type: ignore[attr-defined]
    for module in (settling, transcribing):
        module.replace_file = replace_file  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("address")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=Path, help="a library that is one episode behind")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    prepare = write_plainly if options.plain else lambda: None
    if options.points:
        result = killed_at_points(options.folder, options.address, options.points, options.every, prepare)
    else:
        result = killed_at_random(options.folder, options.address, options.kills, options.seed, prepare)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
