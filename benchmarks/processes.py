"""Whole commands, timed from outside in pairs, so that a machine that drifts drifts under both."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

HARK = (sys.executable, "-m", "interfaces.cli")


@dataclass(frozen=True, slots=True)
class Pair:
    """Medians in seconds of two commands run in turn, and the median of the ratios pair by pair."""

    ours_s: float
    theirs_s: float
    ratio: float

    def __str__(self) -> str:
        return f"{self.ours_s:.3f} s beside {self.theirs_s:.3f} s: {self.ratio:.3f}"

    def as_json(self) -> dict[str, float]:
        return {"seconds": round(self.ours_s, 4), "baseline_s": round(self.theirs_s, 4), "ratio": round(self.ratio, 4)}


def seconds(command: Sequence[str], *, check: bool = True) -> float:
    """The wall time of a command. Raises CalledProcessError where it fails."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        sys.stderr.write(done.stderr)
        raise subprocess.CalledProcessError(done.returncode, list(command))
    return time.perf_counter() - started


def paired(ours: Sequence[Sequence[str]], theirs: Sequence[Sequence[str]], runs: int) -> Pair:
    """Runs the commands of both sides in turn, after one turn that is not counted."""
    times = [(sum(map(seconds, ours)), sum(map(seconds, theirs))) for _ in range(runs + 1)][1:]
    ours_s, theirs_s, ratio = map(statistics.median, zip(*((a, b, a / b) for a, b in times), strict=True))
    return Pair(ours_s, theirs_s, ratio)


def peak_mb_of_children() -> float:
    """The most memory that any finished child process held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
