"""Episodes and notes laid out for people."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from interfaces.cli.hits import WIDEST, print_line, styled
from interfaces.cli.output import many_lines, new_console, one_line, say
from interfaces.rendering import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from kb.library import Backlink, EpisodeEntry
    from kb.model import Episode, Note, Segment

_SPEAKER_WIDTH = 24
_LONGEST_LAID_OUT = 200_000  # characters of Markdown; a longer note is printed as it is


def print_episode(entry: EpisodeEntry, segments: Sequence[Segment], at_s: float | None = None) -> None:
    """What is known of the episode, then who said what; the segment at ``at_s`` stands out."""
    console = new_console()
    _print_head(console, entry.episode, entry.notes)
    if not console.is_terminal:
        for segment in segments:
            who = f"{segment.speaker}: " if segment.speaker else ""
            say(f"{timestamp(segment.start_s)}  {who}{segment.text}")
        return
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(max_width=_SPEAKER_WIDTH, style="bold")
    table.add_column(ratio=1)
    before = None
    for segment in segments:
        there = at_s is not None and segment.start_s <= at_s < segment.end_s
        who = "" if segment.speaker == before else segment.speaker
        table.add_row(timestamp(segment.start_s), styled(who), styled(segment.text, "bold yellow" if there else ""))
        before = segment.speaker
    console.print(table, width=min(console.width, WIDEST))


def _print_head(console: Console, episode: Episode, notes: Sequence[str]) -> None:
    print_line(console, styled(episode.title or episode.id, "bold"), indent=0)
    date = episode.date.isoformat() if episode.date else ""
    facts = (episode.show, date, timestamp(episode.duration_s), ", ".join(episode.speakers))
    print_line(console, styled(" · ".join(filter(None, facts))), indent=0)
    for label, values in (("id", [episode.id]), ("plays at", [episode.url]), ("note", notes)):
        for value in filter(None, values):
            console.print(styled(f"{label}: {value}", "dim"), soft_wrap=True)
    console.print()


def print_note(note: Note, backlinks: Sequence[Backlink]) -> None:
    """The note laid out on a terminal with what links to it; its own text, unchanged, where it goes elsewhere."""
    console = new_console()
    if not console.is_terminal or len(note.text) > _LONGEST_LAID_OUT:
        print(many_lines(note.text), end="" if note.text.endswith("\n") else "\n")  # noqa: T201
        return
    from interfaces.cli.markdown import laid_out

    print_line(console, styled(note.title, "bold"), indent=0)
    print_line(console, styled(f"notes/{note.path}", "dim"), indent=0)
    console.print()
    console.print(laid_out(note.text), width=min(console.width, WIDEST))
    console.print()
    for _, links in itertools.groupby(backlinks, key=lambda link: link.path):
        link = next(links)
        print_line(console, styled(f"linked from {one_line(link.title)}  (notes/{link.path})", "dim"), indent=0)
