"""A publisher's chapters as the sections of a note."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from kb.model import Chapter, Chunk
from kb.notes.compose import plain_line

AT_LEAST = 2  # one chapter parts nothing
LONGEST = 200  # characters of a title


def chapter_starts(chapters: Sequence[Chapter], chunks: Sequence[Chunk]) -> dict[int, Chapter]:
    """For each chapter the chunk whose beginning is nearest to its own, ascending; empty where less than two are left.

    Of chapters that begin with the same chunk the last counts: it is what most of that half minute is about. Chapters
    without a title, after the end, or at no time at all are passed over.
    """
    starts = [chunk.start_s or 0.0 for chunk in chunks]
    end = max((chunk.end_s or 0.0 for chunk in chunks), default=0.0)
    found: dict[int, Chapter] = {}
    at = 0
    for chapter in sorted(_usable(chapters, end), key=lambda chapter: chapter.start_s):
        while at + 1 < len(starts) and abs(starts[at + 1] - chapter.start_s) <= abs(starts[at] - chapter.start_s):
            at += 1
        found[at] = chapter
    return found if len(found) >= AT_LEAST else {}


def _usable(chapters: Sequence[Chapter], end: float) -> Iterator[Chapter]:
    for chapter in chapters:
        title = plain_line(chapter.title[: 4 * LONGEST])[:LONGEST].strip()
        if title and isfinite(chapter.start_s) and 0 <= chapter.start_s < end:
            yield Chapter(chapter.start_s, title)
