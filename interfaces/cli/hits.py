"""Hits and answers laid out for people: who said what, where, when, and the link that opens there.

On a terminal lines are folded at its width and the words asked for stand out. Elsewhere a line stays a line, so that
`hark search ... | grep` works, and nothing is coloured.
"""

from __future__ import annotations

import re
from textwrap import shorten
from typing import TYPE_CHECKING

from interfaces.cli.output import new_console, one_line, say
from interfaces.rendering import timestamp
from kb.model import Answer, Episode, Hit, SearchResult

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_INDENT = 4
WIDEST = 100  # characters: longer lines are hard to read
_MOST_WORDS = 64
_LONGEST = 400  # characters of a hit's quotation; --json has the whole passage


def print_result(result: SearchResult) -> None:
    """The hits, best first, or one line that there are none."""
    if not result.hits:
        say(f"Nothing found for: {result.query}")
        return
    console = new_console()
    for hit in result.hits:
        _print_hit(console, hit)


def print_answer(answer: Answer) -> None:
    """The quotes by episode; where nothing is close enough, that, and what came nearest."""
    console = new_console()
    if not answer.supported:
        say("The library does not answer this." + (" What comes nearest:" if answer.nearest else ""))
        for hit in answer.nearest:
            _print_hit(console, hit)
        return
    for group in answer.groups:
        print_line(console, _heading(group.episode), indent=0)
        for quote in group.quotes:
            where = quote.url or reference(group.episode, quote.start_s)
            print_line(console, _moment(quote.start_s, quote.speaker))
            print_line(console, _quotation(quote.text, ()))
            _print_link(console, where)
        console.print()


def _print_hit(console: Console, hit: Hit) -> None:
    passage = hit.passage
    where = hit.url or (reference(passage.episode, hit.moment_s) if passage.kind == "quote" else passage.note)
    heading = _heading(passage.episode, passage.note if passage.kind == "note" else "")
    print_line(console, heading, lead=f"{hit.rank:>2}")
    print_line(console, _moment(hit.moment_s, hit.speaker, passage.heading))
    print_line(console, _quotation(shorten(hit.sentence or passage.text, _LONGEST, placeholder=" …"), hit.matched))
    _print_link(console, where)
    console.print()


def reference(episode: Episode, seconds: float | None) -> str:
    """What `hark show` takes for this moment: ``EPISODE@HH:MM:SS``."""
    if not episode.id:
        return ""
    return episode.id if seconds is None else f"{episode.id}@{timestamp(seconds)}"


def _heading(episode: Episode, note: str = "") -> Text:
    """``Show · 2024-03-05 · Title``, a note's path where it belongs to no episode."""
    date = episode.date.isoformat() if episode.date else ""
    line = styled(" · ".join(filter(None, (episode.show, date))))
    if line:
        line.append(" · ")
    return line.append(one_line(episode.title or note), style="bold").append("  (note)" if note else "", style="dim")


def _moment(seconds: float | None, speaker: str, heading: str = "") -> Text:
    line = styled("").append(timestamp(seconds), style="cyan")
    for part in filter(None, (speaker, heading)):
        line.append("  " if line else "").append(one_line(part))
    return line


def _quotation(text: str, matched: tuple[str, ...]) -> Text:
    quotation = styled(f"“{' '.join(text.split())}”")
    words = sorted({one_line(word) for word in matched[:_MOST_WORDS] if word.strip()}, key=len, reverse=True)
    if words:
        quotation.highlight_regex(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", "bold yellow")
    return quotation


def styled(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(one_line(text), style=style)


def print_line(console: Console, line: Text, indent: int = _INDENT, lead: str = "") -> None:
    """One line: folded at the terminal's width, whole where the output is no terminal. Empty ones are left out.

    ``lead`` stands in the indent of the first line.
    """
    if not line.plain.strip():
        return
    if not console.is_terminal:
        print(lead.ljust(indent) + line.plain)  # noqa: T201
        return
    width = min(console.width, WIDEST)
    if not indent:
        console.print(line, width=width)
        return
    from rich.table import Table

    row = Table.grid()
    row.add_column(width=indent, style="bold")
    row.add_column()
    row.add_row(lead, line)
    console.print(row, width=width)


def _print_link(console: Console, link: str) -> None:
    """A link is never folded: it must be copied in one piece."""
    if link:
        console.print(styled(" " * _INDENT + link, "dim"), soft_wrap=True)
