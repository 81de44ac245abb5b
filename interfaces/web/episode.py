"""One episode: where it plays, and its transcript in turns, every sentence with its second."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from interfaces.web.frame import draw_heading, draw_nothing, set_title
from interfaces.web.links import note_address, read_seconds, read_text, seconds_text, show_address
from interfaces.web.markup import (
    Source,
    copy_button,
    day,
    dotted,
    length,
    link,
    moment,
    source_of,
    speaker_name,
)
from interfaces.web.player import arrive
from kb.errors import NotFoundError
from kb.model import Segment, Transcript

if TYPE_CHECKING:
    from kb.library import EpisodeEntry, Library

LONGEST_PARAGRAPH = 700  # characters: a long turn is broken here, with a time of its own


def draw(library: Library) -> None:
    try:
        entry = library.episode(read_text(st.query_params, "id"))
    except NotFoundError:
        draw_nothing("There is no such episode in this library.", (".", "All episodes"))
        return
    episode, source = entry.episode, source_of(library, entry.episode)
    set_title(episode.title)
    draw_heading(episode.title, _facts(entry, source))
    t = read_seconds(st.query_params)
    arrive(source, t)
    if not entry.transcript:
        draw_nothing("There is no transcript of it yet.")
        return
    st.html(transcript_html(library.transcript(episode.id), source))


def _facts(entry: EpisodeEntry, source: Source) -> str:
    episode = entry.episode
    speakers = ", ".join(speaker_name(name, episode.speakers) for name in episode.speakers)
    facts = dotted(
        [
            link(show_address(episode.show), episode.show) if episode.show else "",
            day(episode.date),
            length(episode.duration_s),
            speakers,
        ]
    )
    start = moment(source, 0.0, play_sign=True) if source.plays_here else ""
    notes = "".join(link(note_address(path), "Read the note", "quiet") for path in entry.notes[:3])
    web = link(source.web, "At its source", "quiet") if source.web else ""
    tools = f'<span class="tools"{source.attributes()}>{start}{notes}{web}{copy_button(source.address(0.0))}</span>'
    return f"{facts}{tools}"


def transcript_html(transcript: Transcript, source: Source) -> str:
    """The whole transcript, a block for each turn."""
    speakers = transcript.episode.speakers
    blocks = []
    spoken_by: str | None = None
    for paragraph in _paragraphs(transcript):
        speaker = paragraph[0].speaker
        name = f'<p class="who">{speaker_name(speaker, speakers)}</p>' if speaker and speaker != spoken_by else ""
        spoken_by = speaker
        said = " ".join(
            f'<span class="said" data-t="{seconds_text(part.start_s)}">{escape(part.text)}</span>' for part in paragraph
        )
        blocks.append(f'<div class="turn">{name}{moment(source, paragraph[0].start_s)}<p>{said}</p></div>')
    return f'<article class="transcript"{source.attributes()}>{"".join(blocks)}</article>'


def _paragraphs(transcript: Transcript) -> Iterator[list[Segment]]:
    """The segments of one speaker in a row, broken where they grow long."""
    paragraph: list[Segment] = []
    size = 0
    for segment in transcript.segments:
        if paragraph and (segment.speaker != paragraph[-1].speaker or size > LONGEST_PARAGRAPH):
            yield paragraph
            paragraph, size = [], 0
        paragraph.append(segment)
        size += len(segment.text)
    if paragraph:
        yield paragraph
