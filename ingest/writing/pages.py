"""Pages that gather from many episodes: a show's episodes, and what was said about a concept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.writing.concepts import worth_a_page
from ingest.writing.digest import WRITER, WRITER_VERSION, Concept, Digest, Moment
from ingest.writing.extractive import is_a_name
from ingest.writing.headings import capitalised
from ingest.writing.render import concept_link, heading_line, linked
from kb.index.tallies import Mentioned, MentionRow
from kb.model import FrontMatter
from kb.notes.compose import compose_note, escape_text, wiki_link
from kb.timecode import format_clock

NEIGHBOURS = 8
MOST_TOLD = 40  # episodes on a concept's page: what more say than a person reads
GENERATED = (("writer", WRITER), ("version", str(WRITER_VERSION)))


@dataclass(frozen=True, slots=True)
class Listed:
    """An episode as other pages name it: where its note is (``show/slug``), and what it is about."""

    target: str
    title: str
    show: str
    date: str
    duration_s: float | None
    concepts: tuple[Concept, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What an episode says of a concept; ``chosen`` where its note links to it."""

    episode: Listed
    chosen: bool
    chunks: int
    quotes: tuple[Moment, ...]


def listed(digest: Digest, target: str) -> Listed:
    """The line that stands for an episode on other pages."""
    episode = digest.episode
    date = episode.date.isoformat() if episode.date else ""
    concepts = tuple(mention.concept for mention in digest.concepts)
    return Listed(target, episode.title, episode.show, date, episode.duration_s, concepts)


def pack_listed(entry: Listed) -> str:
    """As text for the journal; ``unpack_listed`` reads it."""
    concepts = [[c.identity, c.slug, c.title] for c in entry.concepts]
    row = [entry.target, entry.title, entry.show, entry.date, entry.duration_s, concepts]
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def unpack_listed(text: str) -> Listed:
    """What ``pack_listed`` kept."""
    target, title, show, date, duration, concepts = json.loads(text)
    return Listed(target, title, show, date, duration, tuple(Concept(*c) for c in concepts))


def pack_told(told: Told) -> str:
    """As text for the journal; ``unpack_told`` reads it."""
    quotes = [[q.start_s, q.speaker, q.text] for q in told.quotes]
    return json.dumps(
        [pack_listed(told.episode), told.chosen, told.chunks, quotes], ensure_ascii=False, separators=(",", ":")
    )


def unpack_told(text: str) -> Told:
    """What ``pack_told`` kept."""
    episode, chosen, chunks, quotes = json.loads(text)
    return Told(unpack_listed(episode), bool(chosen), int(chunks), tuple(Moment(*q) for q in quotes))


def newest_first(entries: Iterable[Listed]) -> list[Listed]:
    """By date, the newest first; those without a date at the end; the same day by title."""
    by_title = sorted(entries, key=lambda e: (e.title, e.target))
    return sorted(by_title, key=lambda e: e.date, reverse=True)


def render_show(folder: str, episodes: Iterable[Listed]) -> str:
    """A show's page: its episodes, newest first."""
    ordered = newest_first(episodes)
    title = ordered[0].show or folder
    lines = [_show_line(entry) for entry in ordered]
    front = FrontMatter(title=title, id=f"show:{folder}", show=title, kind="show", generated=GENERATED)
    count = "1 episode" if len(lines) == 1 else f"{len(lines)} episodes"
    return compose_note(front, f"{count}, newest first.\n\n" + "\n".join(lines))


def _show_line(entry: Listed) -> str:
    when = f"{entry.date} " if entry.date else ""
    length = "" if entry.duration_s is None else f" ({format_clock(max(0.0, entry.duration_s))})"
    about = ", ".join(concept_link(concept, concept.title) for concept in entry.concepts)
    return f"- {when}{wiki_link(entry.target, entry.title)}{length}" + (f": {about}" if about else "")


def earns_page(found: Mentioned) -> bool:
    """Whether a concept gets a page: a note links to it, and enough is said about it."""
    return found.chosen and worth_a_page(found.episodes, found.chunks)


def mention_rows(digest: Digest, entry: Listed) -> list[MentionRow]:
    """What the pages of concepts say of an episode: a row a concept."""
    return [
        MentionRow(m.concept.identity, digest.episode.id, entry.date, m.chosen, m.chunks, pack_told(told))
        for m in digest.mentions
        for told in [Told(entry, m.chosen, m.chunks, m.quotes)]
    ]


def render_concept(concept: Concept, told: Sequence[Told], episodes: int = 0) -> str:
    """A concept's page: what was said about it, by whom, in the newest episode first, and its neighbours.

    Where more ``episodes`` speak of it than are ``told``, these are the newest, and the page says so.
    """
    by_target = {one.episode.target: one for one in told}
    ordered = [by_target[entry.target] for entry in newest_first(one.episode for one in told)]
    blocks = [_summary(ordered, episodes)]
    if near := _neighbours(concept, ordered):
        blocks.append("Near it: " + ", ".join(concept_link(c, c.title) for c in near))
    for one in ordered:
        blocks.append(heading_line(one.episode.title))
        blocks.append(f"From: {wiki_link(one.episode.target, _label(one.episode))} <br/>")
        blocks += [_quote(quote, one.episode.target) for quote in one.quotes]
    title = capitalised(concept.title)
    front = FrontMatter(title=title, id=f"concept:{concept.slug}", kind="concept", generated=GENERATED)
    return compose_note(front, "\n\n".join(blocks))


def _label(entry: Listed) -> str:
    return ", ".join(part for part in (entry.show, entry.date) if part) or entry.title


def _summary(told: Sequence[Told], episodes: int) -> str:
    if episodes > len(told):
        return f"What was said about it in {episodes} episodes, of which the newest {len(told)} are here."
    shows = len({one.episode.show for one in told})
    count = "1 episode" if len(told) == 1 else f"{len(told)} episodes"
    return f"What was said about it in {count}" + (f" of {shows} shows." if shows > 1 else ".")


def _neighbours(concept: Concept, told: Sequence[Told]) -> list[Concept]:
    """The concepts that most of these episodes are about as well."""
    together = Counter(c for one in told for c in one.episode.concepts if c.identity != concept.identity)
    ranked = sorted(together, key=lambda c: (-together[c], c.identity))
    return ranked[:NEIGHBOURS]


def _quote(quote: Moment, target: str) -> str:
    """What was said, with a link to that second of the episode's note: the page itself has no recording."""
    who = f"**{escape_text(quote.speaker)}**: " if is_a_name(quote.speaker) else ""
    clock = format_clock(quote.start_s)
    return f"{who}{linked(quote.text, {})} {moment_link(target, clock)}"


def moment_link(target: str, clock: str) -> str:
    """``[[show/slug#00:18:00 | 00:18:00]]``: elsewhere it opens the note, in Hark at that second."""
    return f"[[{target}#{clock} | {clock}]]"
