"""What does a sync cost that has nothing to do, and what does one new episode cost, as the library grows?

    python -m benchmarks.sync                                   libraries of 10 and 200 episodes
    python -m benchmarks.sync --sizes 10 1000 10000 --folder DIR

Feeds of our own on a server on this machine: one of 10 episodes, in which the new ones appear, and as many of 250 as
the library needs. Each `hark sync` is a process of its own, with the real model. A sync with nothing to do is timed
beside a script that stats every file of the library and asks every feed whether it changed; one new episode beside the
same in the smallest library.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import HARK, paired
from ingest.subscriptions import Subscription, add_subscriptions
from kb.library import create_library
from tests.fakes.feeds import Podcast
from tests.fakes.server import Server

FIRST = 10  # episodes of the feed that grows
EACH = 250  # of every other one
LINES = 12  # sentences an episode: more than a minute

ASK = """
import os, sys
import requests
root, *asked = sys.argv[1:]
for folder, _, names in os.walk(root):
    for name in names:
        os.stat(os.path.join(folder, name))
with requests.Session() as session:
    for address, etag in zip(asked[::2], asked[1::2]):
        answer = session.get(address, headers={"If-None-Match": etag})
        assert answer.status_code == 304, answer.status_code
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One library: seconds and counts."""

    episodes: int
    feeds: int
    first_s: float
    nothing: dict[str, float]
    asked: int  # requests of a sync with nothing to do
    new_s: float
    new_asked: int
    new_embedded: int
    new_written: int


def measure(size: int, root: Path, server: Server, runs: int) -> Measured:
    """Makes a library of ``size`` episodes, and lets ``runs`` new ones appear in it, one by one."""
    growing = Podcast(server, path=f"/{size}/growing.xml", title=f"The Lamp Post of {size}", lines=LINES)
    growing.publish(min(FIRST, size))
    feeds = [growing]
    for number in range(max(0, size - FIRST + EACH - 1) // EACH):
        feed = Podcast(server, path=f"/{size}/{number}.xml", title=f"Lantern {number} of {size}", lines=LINES)
        feed.publish(min(EACH, size - FIRST - number * EACH))
        feeds.append(feed)
    create_library(root, f"{size} episodes").close()
    add_subscriptions(root, [Subscription(url=feed.url, kind="feed", allow_private=True) for feed in feeds])
    first = synced(root)
    if first["taken"]["new"] != size:
        raise SystemExit(f"{first['taken']['new']} of {size} episodes came")
    synced(root)  # the files are then old enough to be trusted by their times
    server.forget()
    if synced(root)["taken"]["index"] is not None:
        raise SystemExit("a sync with nothing to do looked at the index")
    asked = len(server.log)
    etags = [part for feed in feeds for part in (feed.url, etag_of(server, feed))]
    command = [*HARK, "sync", "--library", str(root)]
    nothing = paired([command], [[sys.executable, "-c", ASK, str(root), *etags]], runs)
    print(f"{size} episodes, {len(feeds)} feeds: nothing new, beside stat and ask: {nothing}")
    seconds, last = [], first
    for number in range(runs):
        growing.publish(min(FIRST, size) + number + 1)
        server.forget()
        last = synced(root)
        seconds.append(last["process_s"])
    new_s = statistics.median(seconds)
    print(f"{size} episodes: one new episode {new_s:.2f} s ({', '.join(f'{s:.2f}' for s in seconds)})")
    taken = last["taken"]
    return Measured(
        episodes=size,
        feeds=len(feeds),
        first_s=round(first["process_s"], 2),
        nothing=nothing.as_json(),
        asked=asked,
        new_s=round(new_s, 3),
        new_asked=len(server.log),
        new_embedded=taken["index"]["embedded"],
        new_written=taken["transcripts"] + taken["notes"] + taken["pages"],
    )


def synced(root: Path) -> dict[str, Any]:
    """The report of a `hark sync`, with the seconds that the process took."""
    import time

    began = time.perf_counter()
    ran = subprocess.run([*HARK, "sync", "--json", "--library", str(root)], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"hark sync ended with {ran.returncode}: {ran.stderr[-500:]} {ran.stdout[:3000]}")
    report: dict[str, Any] = json.loads(ran.stdout)
    return report | {"process_s": time.perf_counter() - began}


def etag_of(server: Server, feed: Podcast) -> str:
    import requests

    return requests.get(feed.url, timeout=10).headers["ETag"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 200])
    parser.add_argument("--folder", type=Path, help="where the libraries are made and kept")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, Server() as server:
        folder: Path = options.folder or Path(scratch)
        found = [measure(size, folder / f"library-{size}", server, options.runs) for size in options.sizes]
    for one in found[1:]:
        ratio = one.new_s / found[0].new_s
        print(f"one new episode in {one.episodes:,} beside {found[0].episodes:,} episodes: {ratio:.2f} times the time")
    ratios = {str(one.episodes): round(one.new_s / found[0].new_s, 3) for one in found}
    sizes = [{name: getattr(one, name) for name in Measured.__slots__} for one in found]
    print(json.dumps({"benchmark": "sync", "libraries": sizes, "new_episode_ratio": ratios}))


if __name__ == "__main__":
    main()
