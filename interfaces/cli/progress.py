"""Progress on standard error: a bar with the time left on a terminal, a line now and then elsewhere.

Nothing is shown in the first two seconds, and no line of a stage that is shorter: what is quick stays quiet.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from interfaces.cli.output import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

QUIET_S = 2.0
LINE_EVERY_S = 30.0


class ShownProgress:
    """A ``kb.ports.Progress`` for people; as a context manager it takes its bar away at the end."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        stream = stream or sys.stderr
        self._display = _Bar(stream) if stream.isatty() else _Lines(stream, clock)

    def __enter__(self) -> ShownProgress:
        self._display.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._display.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        self._display.show(one_line(what), done, total)


class _Lines:
    """Every half minute how far the stage is, and how long it still takes at the pace so far."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._stage = ""
        self._stage_began = 0.0
        self._stage_from = 0
        self._next_line = 0.0

    def start(self) -> None:
        """Nothing to do: the first stage starts the clock."""

    def stop(self) -> None:
        """Nothing to take away: the lines stay."""

    def show(self, what: str, done: int, total: int) -> None:
        now = self._clock()
        if what != self._stage:
            self._stage, self._stage_began, self._stage_from, self._next_line = what, now, done, now + QUIET_S
        elif now >= self._next_line and done < total:
            self._next_line = now + LINE_EVERY_S
            left = self._left_s(done, total, now)
            end = "" if left is None else f", {duration(left)} left"
            print(f"hark: {what}, {done:,} of {total:,}{end}", file=self._stream, flush=True)

    def _left_s(self, done: int, total: int, now: float) -> float | None:
        """Seconds, None where nothing moved yet."""
        moved = done - self._stage_from
        return (now - self._stage_began) / moved * (total - done) if moved > 0 else None


class _Bar:
    """One bar, shown by a timer: a long step that reports nothing must not look like a hang."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = Lock()
        self._latest = ("starting", 0, 0)
        self._shown = ""
        self._bars: Bars | None = None
        self._over = False
        self._timer = Timer(QUIET_S, self._begin)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._bars is not None:
                self._bars.stop()

    def show(self, what: str, done: int, total: int) -> None:
        with self._lock:
            self._latest = (what, done, total)
            if self._bars is not None:
                self._move(self._bars)

    def _begin(self) -> None:
        bars = _new_bars(self._stream)
        with self._lock:
            if not self._over:
                self._bars = bars
                bars.start()
                self._move(bars)

    def _move(self, bars: Bars) -> None:
        what, done, total = self._latest
        if what != self._shown:
            self._shown = what
            for task in bars.task_ids:
                bars.remove_task(task)
            bars.add_task(what, completed=done, total=total or None)
        bars.update(bars.task_ids[0], completed=done, total=total or None)


def duration(seconds: float) -> str:
    """``40 s``, ``3 min``, ``2 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _new_bars(stream: TextIO) -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=Console(file=stream, markup=False),
        transient=True,
    )
