"""Syncs that are killed: the library that comes out is the one that was never killed, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crash.sync_kills import files_of
from tests.fakes.feeds import Podcast
from tests.fakes.server import Server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the test kills forked processes")

ROOT = Path(__file__).resolve().parent.parent.parent
KILLS = int(os.environ.get("HARK_KILLS", "12"))  # HARK_KILLS=500 HARK_EPISODES=200 is the whole of it
EPISODES = int(os.environ.get("HARK_EPISODES", "12"))
EVERY = int(os.environ.get("HARK_EVERY", "17"))  # HARK_EVERY=1 kills at every point


def kill(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.crash.sync_kills", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    print(result)  # noqa: T201  # pytest -s shows the counts
    return result


def test_random_kills_lose_nothing(tmp_path: Path) -> None:
    with Server() as server:
        podcast = Podcast(server)
        podcast.publish(EPISODES)
        result = kill(str(tmp_path), podcast.url, "--kills", str(KILLS))
    assert (result["kills"], result["episodes"], result["faults"]) == (KILLS, EPISODES, [])


def one_behind(tmp_path: Path, podcast: Podcast) -> Path:
    """A library that has all episodes but the last that the feed lists."""
    podcast.publish(3)
    kill(str(tmp_path / "made"), podcast.url, "--kills", "0")
    podcast.publish(4)
    return tmp_path / "made" / "whole"


def test_kills_at_every_change_of_the_disk_lose_nothing(tmp_path: Path) -> None:
    with Server() as server:
        podcast = Podcast(server)
        before = one_behind(tmp_path, podcast)
        result = kill(str(tmp_path), podcast.url, "--points", str(before), "--every", str(EVERY))
        assert len(files_of(before)) < len(files_of(tmp_path / "whole"))
    assert result["points"] > 50
    # What is fetched side by side does not touch the disk equally often each time: the last points may be missed.
    assert result["kills"] >= len(range(1, result["points"] + 1, EVERY)) - 3
    assert result["faults"] == []


def test_the_test_sees_writes_that_are_not_atomic(tmp_path: Path) -> None:
    with Server() as server:
        podcast = Podcast(server)
        before = one_behind(tmp_path, podcast)
        result = kill(str(tmp_path), podcast.url, "--points", str(before), "--every", str(EVERY), "--plain")
    assert result["faults"]
