"""What every reader of captions gives and what it notes on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kb.errors import CaptionError
from kb.model import Episode, Finding, Segment

MAX_BYTES = 50_000_000
MAX_CUES = 200_000


@dataclass(frozen=True, slots=True)
class Captions:
    """Segments in order, what the file says of its episode, and what was wrong with it."""

    segments: tuple[Segment, ...]
    episode: Episode | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue as a format's reader found it: seconds as written, None where the file gives none. ``line`` is 1-based."""

    start_s: float | None
    end_s: float | None
    text: str
    speaker: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """The cues of a file in file order.

    ``names_settled``: who speaks is not to be looked for in the text. ``is_ours``: each cue stays as it is.
    """

    cues: tuple[Cue, ...]
    episode: Episode | None = None
    names_settled: bool = False
    is_ours: bool = False


class Tally:
    """Counts what was found, one kind at a time, with the first line of each kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[str, int, int]] = {}

    def note(self, rule: str, message: str, line: int = 0, count: int = 1) -> None:
        """``message`` speaks of many; that of the first call stays."""
        first, seen, at = self._kinds.get(rule, (message, 0, line))
        self._kinds[rule] = (first, seen + count, at)

    def findings(self) -> tuple[Finding, ...]:
        return tuple(
            Finding(rule, f"{message} ({n})" if n else message, line)
            for rule, (message, n, line) in self._kinds.items()
        )


def bounded(cues: Iterable[Cue], name: str) -> tuple[Cue, ...]:
    """``cues`` as a tuple. Raises CaptionError where there are more than ``MAX_CUES``."""
    kept = []
    for cue in cues:
        kept.append(cue)
        if len(kept) > MAX_CUES:
            raise CaptionError(f"has more than {MAX_CUES:,} cues", where=name, remedy="split it into episodes")
    return tuple(kept)
