"""Progress on standard error: bars with the time left on a terminal, a line now and then elsewhere.

Nothing is shown in the first two seconds, and no line of a stage that is shorter: what is quick stays quiet.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from interfaces.cli.output import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

QUIET_S = 2.0
LINE_EVERY_S = 30.0


class ShownProgress:
    """A ``kb.ports.Progress`` for people; as a context manager it takes its bar away at the end."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._began = clock()
        self._stage = ""
        self._stage_began = self._began
        self._stage_from = 0
        self._next_line = 0.0
        self._bars: Bars | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ShownProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = self._clock()
        new_stage = what != self._stage
        if new_stage:
            self._stage, self._stage_began, self._stage_from = what, now, done
            self._next_line = now + QUIET_S
        if now - self._began < QUIET_S:
            return
        if self._stream.isatty():
            self._move_bar(new_stage, done, total)
        elif now >= self._next_line and done < total:
            self._next_line = now + LINE_EVERY_S
            print(self._line(done, total, now), file=self._stream, flush=True)

    def _move_bar(self, new_stage: bool, done: int, total: int) -> None:
        if self._bars is None:
            self._bars = _new_bars(self._stream)
            self._bars.start()
        if new_stage or self._task is None:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(one_line(self._stage), total=None)
        self._bars.update(self._task, completed=done, total=total or None)

    def _line(self, done: int, total: int, now: float) -> str:
        line = f"hark: {one_line(self._stage)}, {done:,} of {total:,}"
        moved = done - self._stage_from
        if moved <= 0:
            return line
        return f"{line}, {duration((now - self._stage_began) / moved * (total - done))} left"


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
