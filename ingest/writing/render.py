"""A digest -> the text of a note. Links and times are set here, by the program alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from ingest.writing.concepts import identity
from ingest.writing.digest import WRITER, WRITER_VERSION, Concept, Digest, Mention, Moment
from ingest.writing.extractive import is_a_name
from ingest.writing.reading import phrases
from ingest.writing.words import words
from kb.model import FrontMatter
from kb.notes.compose import compose_note, escape_text, timestamp_anchor, wiki_link

CONCEPTS = "concepts"
NOTHING = "Nothing that was said in it can be quoted by itself; the transcript has all of it."
MOST_NAMES = 6  # at the top of a note; the front matter has them all
MOST_SPEAKERS = 40


def render_note(digest: Digest, show_folder: str, aliases: Sequence[str] = ()) -> str:
    """The whole text of an episode's note; ``aliases`` are the titles that it had before."""
    blocks = [_from(digest, show_folder)]
    if line := _with(digest):
        blocks.append(line)
    unlinked = {mention.concept.identity: mention.concept for mention in digest.concepts}
    blocks += [_callout(digest)] if digest.about else []
    if digest.concepts:
        blocks.append("Concepts: " + ", ".join(concept_link(m.concept, named(m)) for m in digest.concepts))
    if not digest.about and not digest.sections:
        blocks.append(NOTHING)
    for section in digest.sections:
        blocks.append(heading_line(section.heading))
        left = dict(unlinked)
        blocks += [quote_line(quote, left) for quote in section.quotes]
    return compose_note(_front(digest, aliases), "\n\n".join(blocks))


def _front(digest: Digest, aliases: Sequence[str]) -> FrontMatter:
    episode = digest.episode
    return FrontMatter(
        title=episode.title,
        id=episode.id,
        video_id=episode.video_id,
        show=episode.show,
        date=episode.date,
        duration_s=None if episode.duration_s is None else float(int(episode.duration_s)),
        url=episode.url,
        speakers=digest.speakers[:MOST_SPEAKERS],
        aliases=tuple(aliases),
        kind="episode",
        generated=(
            ("writer", WRITER),
            ("version", str(WRITER_VERSION)),
            ("transcript", f"sha256:{digest.transcript}"),
        ),
    )


def _from(digest: Digest, show_folder: str) -> str:
    return f"From: {wiki_link(show_folder, digest.episode.show)} <br/>"


def _with(digest: Digest) -> str:
    names = [f"**{escape_text(name)}**" for name in digest.speakers[:MOST_NAMES]]
    if not names:
        return ""
    if len(digest.speakers) > MOST_NAMES:
        return f"With {', '.join(names)} and others."
    return f"With {_listed(names)}."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _callout(digest: Digest) -> str:
    lines = "\n>\n".join(f"> {quote_line(quote, {})}" for quote in digest.about)
    return f"> [!QUOTE] What it is about\n{lines}"


def named(mention: Mention) -> str:
    """How a list names a concept: by its title."""
    return mention.concept.title


@lru_cache(maxsize=8192)  # a show's page names the same concepts again and again
def concept_link(concept: Concept, label: str) -> str:
    """A link to a concept's page, by its path: an episode may well have the same name."""
    return wiki_link(f"{CONCEPTS}/{concept.slug}", label)


def heading_line(text: str) -> str:
    """A heading that reads as ``text``: number signs at its end are its own, and do not close it."""
    return "## " + re.sub(r"(?<=\s)(#+)$", r"\\\1", escape_text(text))


def quote_line(quote: Moment, unlinked: dict[str, Concept]) -> str:
    """``**Speaker**: what was said [time]``; the first mention of a concept is a link, and leaves ``unlinked``."""
    who = f"**{escape_text(quote.speaker)}**: " if is_a_name(quote.speaker) else ""
    return f"{who}{linked(quote.text, unlinked)} {timestamp_anchor(quote.start_s)}"


def linked(text: str, unlinked: dict[str, Concept]) -> str:
    """``text`` as it was said, with links on whole words where a concept is first named."""
    found = words(text)
    spans: list[tuple[int, int, Concept]] = []
    for phrase, first, last in sorted(phrases(found), key=lambda p: (p[1], -p[2])) if unlinked else ():
        concept = unlinked.get(identity(phrase))
        if concept and (not spans or found[first].start >= spans[-1][1]):
            spans.append((found[first].start, found[last].end, concept))
            del unlinked[concept.identity]
    parts, at = [], 0
    for start, end, concept in spans:
        parts += [text[at:start], concept_link(concept, text[start:end])]
        at = end
    return _escaped([*parts, text[at:]])


def _escaped(parts: Sequence[str]) -> str:
    """Escapes every other part, keeping the white space at its edges, which a link must not swallow."""
    done = []
    for number, part in enumerate(parts):
        if number % 2:
            done.append(part)
            continue
        inner = part.strip()
        left = " " if part[:1].isspace() and number else ""
        right = " " if part[-1:].isspace() and inner and number + 1 < len(parts) else ""
        done.append(f"{left}{escape_text(inner)}{right}" if inner else left)
    return "".join(done)
