"""Addresses of the app's own views, and the (untrusted) parameters in them.

Addresses are relative, so that they also hold behind a proxy's path: every view lies one level deep.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from kb.model import SearchMode
from kb.timecode import parse_clock

PageName = Literal["", "search", "ask", "show", "episode", "notes", "note", "review"]
LONGEST_PARAMETER = 2_000  # characters
LATEST_SECOND = 1_000_000.0  # eleven days: no recording is longer
MOST_HITS = 100


def address(page: PageName, **parameters: str) -> str:
    """``page?name=value``; empty values are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    path = page or "."
    return f"{path}?{query}" if query else path


def seconds_text(seconds: float | None) -> str:
    """A second as it stands in an address: ``754`` or ``754.12``; empty for None."""
    return "" if seconds is None else f"{max(seconds, 0.0):.3f}".rstrip("0").rstrip(".")


def episode_address(episode_id: str, t: float | None = None) -> str:
    return address("episode", id=episode_id, t=seconds_text(t))


def note_address(path: str, t: float | None = None, heading: str = "") -> str:
    return address("note", path=path, t=seconds_text(t), heading=heading)


def show_address(show: str) -> str:
    return address("show", show=show)


def read_text(parameters: Mapping[str, str], name: str) -> str:
    """A parameter as one line of printable text, cut to a bounded length."""
    value = parameters.get(name, "")[:LONGEST_PARAMETER]
    return "".join(c if c.isprintable() else " " for c in value).strip()


def read_seconds(parameters: Mapping[str, str], name: str = "t") -> float | None:
    """A parameter as a second, ``754``, ``754.5`` or ``12:34``; None where it is none."""
    text = read_text(parameters, name)
    clock = parse_clock(text)
    if clock is not None:
        return clock
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= LATEST_SECOND else None


def read_day(parameters: Mapping[str, str], name: str) -> dt.date | None:
    """A parameter as a day, or None."""
    try:
        return dt.date.fromisoformat(read_text(parameters, name))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchForm:
    """What the search page was asked: the words as typed and the filters beside them."""

    q: str = ""
    show: str = ""
    speaker: str = ""
    after: dt.date | None = None
    before: dt.date | None = None
    kind: str = ""  # quote, note or empty for both
    mode: SearchMode = "hybrid"
    n: int = 10

    def address(self, **changed: str) -> str:
        """The view's own link, with some parameters changed."""
        parameters = {
            "q": self.q,
            "show": self.show,
            "speaker": self.speaker,
            "after": self.after.isoformat() if self.after else "",
            "before": self.before.isoformat() if self.before else "",
            "kind": self.kind,
            "mode": "" if self.mode == "hybrid" else self.mode,
            "n": "" if self.n == 10 else str(self.n),
        }
        return address("search", **(parameters | changed))

    def text(self) -> str:
        """The query in Hark's syntax: the words, then the filters."""
        filters = [
            _filter("show", self.show),
            _filter("speaker", self.speaker),
            f"after:{self.after.isoformat()}" if self.after else "",
            f"before:{self.before.isoformat()}" if self.before else "",
            f"kind:{self.kind}" if self.kind else "",
        ]
        return " ".join(part for part in (self.q, *filters) if part)


def _filter(key: str, value: str) -> str:
    plain = value.replace('"', " ").strip()
    return f'{key}:"{plain}"' if plain else ""


def read_search(parameters: Mapping[str, str]) -> SearchForm:
    """The form in an address; what cannot be understood is left at its default."""
    kind, mode, n = (read_text(parameters, name) for name in ("kind", "mode", "n"))
    return SearchForm(
        q=read_text(parameters, "q"),
        show=read_text(parameters, "show"),
        speaker=read_text(parameters, "speaker"),
        after=read_day(parameters, "after"),
        before=read_day(parameters, "before"),
        kind=kind if kind in ("quote", "note") else "",
        mode="semantic" if mode == "semantic" else "lexical" if mode == "lexical" else "hybrid",
        n=min(int(n), MOST_HITS) if n.isascii() and n.isdigit() and len(n) < 4 and int(n) > 0 else 10,
    )
