"""Hits and quotes as cards: what was said, by whom, where, and the second to play from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from interfaces.web.links import episode_address, note_address, show_address
from interfaces.web.markup import (
    Source,
    copy_button,
    day,
    dotted,
    highlighted,
    link,
    moment,
    source_of,
    speaker_name,
)
from kb.model import EpisodeQuotes, Hit, Passage, Sentence

if TYPE_CHECKING:
    from kb.library import Library

CONTEXT = 420  # characters around the sentence that matched best


def hit_cards(library: Library, hits: Iterable[Hit]) -> str:
    return f'<div class="hits">{"".join(_hit_card(library, hit) for hit in hits)}</div>'


def _hit_card(library: Library, hit: Hit) -> str:
    passage, episode = hit.passage, hit.passage.episode
    source = source_of(library, episode) if episode.id else Source("", "")
    if passage.kind == "note":
        where = note_address(passage.note, hit.moment_s, passage.heading)
    else:
        where = episode_address(episode.id, hit.moment_s)
    title = episode.title or passage.note.rsplit("/", 1)[-1].removesuffix(".md").replace("_", " ") or "Untitled"
    facts = dotted(
        [
            link(show_address(episode.show), episode.show) if episode.show else "",
            day(episode.date),
            f'<span class="kind">note{": " + escape(passage.heading) if passage.heading else ""}</span>'
            if passage.kind == "note"
            else "",
        ]
    )
    return (
        f'<article class="hit"{source.attributes() if episode.id else ""}>'
        f'<h3>{link(where, title)}</h3><p class="meta">{facts}</p>'
        f"{_said(passage, hit)}"
        f'<p class="tools">{_play(source, hit.moment_s)}{copy_button(where)}'
        f"{link(hit.url, 'At its source', 'quiet') if hit.url else ''}</p></article>"
    )


def _play(source: Source, t: float | None) -> str:
    return moment(source, t, play_sign=True) if t is not None and source.episode_id else ""


def _said(passage: Passage, hit: Hit) -> str:
    """The sentences around the best one, a paragraph for each turn; a note's text as it stands."""
    if not passage.sentences:
        text = passage.text if len(passage.text) <= 2 * CONTEXT else passage.text[: 2 * CONTEXT] + "…"
        return f'<p class="said-text">{highlighted(text, hit.matched)}</p>'
    best = _place_of(hit, passage.sentences)
    first, last = _window(passage.sentences, best)
    turns: list[str] = []
    spoken_by = None
    for place in range(first, last):
        sentence = passage.sentences[place]
        text = highlighted(sentence.text, hit.matched)
        text = f'<span class="best">{text}</span>' if place == best else text
        if spoken_by != sentence.speaker or not turns:
            spoken_by = sentence.speaker
            cut = "… " if first and not turns else ""
            turns.append(f"{speaker_name(spoken_by, passage.episode.speakers)} {cut}{text}")
        else:
            turns[-1] += f" {text}"
    turns[-1] += " …" if last < len(passage.sentences) else ""
    return f'<blockquote class="said-text">{"".join(f"<p>{turn}</p>" for turn in turns)}</blockquote>'


def _place_of(hit: Hit, sentences: Sequence[Sentence]) -> int:
    """Which sentence matched best: the one named, else the last that begins at or before the moment."""
    for place, sentence in enumerate(sentences):
        if sentence.text == hit.sentence:
            return place
    at = hit.moment_s or 0.0
    return max((place for place, sentence in enumerate(sentences) if sentence.start_s <= at), default=0)


def _window(sentences: Sequence[Sentence], best: int) -> tuple[int, int]:
    """The sentences to show, widened around the best one while they stay short: [first, last)."""
    first, last, size = best, best + 1, len(sentences[best].text)
    while first > 0 or last < len(sentences):
        options = [place for place in (last, first - 1) if 0 <= place < len(sentences)]
        place = options[0] if (last - best) <= (best - first) + 1 or len(options) == 1 else options[-1]
        size += len(sentences[place].text)
        if size > CONTEXT:
            break
        first, last = min(first, place), max(last, place + 1)
    return first, last


def quote_cards(library: Library, groups: Iterable[EpisodeQuotes]) -> str:
    """An answer: a card for each episode, its sentences numbered throughout."""
    cards, number = [], 0
    for group in groups:
        source, episode = source_of(library, group.episode), group.episode
        lines = []
        for quote in group.quotes:
            number += 1
            lines.append(
                f'<li value="{number}"><blockquote class="said-text"><p>'
                f"{speaker_name(quote.speaker, episode.speakers)} {escape(quote.text)}</p></blockquote>"
                f'<p class="tools">{moment(source, quote.start_s, play_sign=True)}'
                f"{copy_button(episode_address(episode.id, quote.start_s))}</p></li>"
            )
        facts = dotted([link(show_address(episode.show), episode.show) if episode.show else "", day(episode.date)])
        cards.append(
            f'<article class="hit"{source.attributes()}><h3>{link(episode_address(episode.id), episode.title)}</h3>'
            f'<p class="meta">{facts}</p><ol class="quotes">{"".join(lines)}</ol></article>'
        )
    return f'<div class="hits">{"".join(cards)}</div>'
