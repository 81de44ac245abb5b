"""A transcript's segments -> whole sentences, each with the time at which it begins and ends.

Captions cut speech where a line is full, not where a sentence ends, and a turn of a minute holds many sentences.
So the segments of one uninterrupted turn are read as one text, cut into sentences by sentencex
(https://github.com/wikimedia/sentencex), and each sentence takes its times from the characters it covers: within a
segment time runs evenly over the characters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import sentencex

from kb.model import Segment, Sentence, Transcript

PAUSE_S = 4.0  # a longer silence ends a turn, and so a sentence
TURN_SEGMENTS = 400  # bounds the text that is cut at once
LONGEST_SENTENCE = 320  # characters; speech without punctuation is cut at segments, then at words


def sentences(transcript: Transcript) -> tuple[Sentence, ...]:
    """The sentences of a transcript, in order, none empty. Times are those of the segments, interpolated within."""
    language = transcript.episode.language.split("-")[0] or "en"
    return tuple(sentence for turn in _turns(transcript.segments) for sentence in _sentences_of_turn(turn, language))


def _turns(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Runs of segments of one speaker without a long pause."""
    turn: list[Segment] = []
    for segment in segments:
        if not segment.text.strip():
            continue
        if turn and (
            segment.speaker != turn[-1].speaker
            or segment.start_s - turn[-1].end_s > PAUSE_S
            or len(turn) >= TURN_SEGMENTS
        ):
            yield turn
            turn = []
        turn.append(segment)
    if turn:
        yield turn


def _sentences_of_turn(turn: list[Segment], language: str) -> Iterator[Sentence]:
    texts = [" ".join(segment.text.split()) for segment in turn]
    starts = [0]  # where each segment's text begins in the text of the turn
    for text in texts:
        starts.append(starts[-1] + len(text) + 1)
    whole = " ".join(texts)

    def time_at(offset: int, *, end: bool) -> float:
        at = bisect_right(starts, offset - 1 if end else offset) - 1
        segment, length = turn[min(at, len(turn) - 1)], max(1, len(texts[min(at, len(turn) - 1)]))
        share = min(1.0, (offset - starts[at]) / length)
        return round(segment.start_s + (segment.end_s - segment.start_s) * share, 3)

    for begin, stop in _spans(whole, starts, language):
        text = whole[begin:stop]
        start = time_at(begin, end=False)
        yield Sentence(start, max(start, time_at(stop, end=True)), text, turn[0].speaker)


def _spans(text: str, breaks: Sequence[int], language: str) -> Iterator[tuple[int, int]]:
    """Begin and end of each sentence in ``text``, without the white space around it."""
    position = 0
    for piece in sentencex.segment(language, text):
        stripped = piece.strip()
        if not stripped:
            continue
        begin = text.index(stripped, position)
        position = begin + len(stripped)
        yield from _shorten(text, begin, position, breaks)


def _shorten(text: str, begin: int, stop: int, breaks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """One sentence as it is, or, where it never ends, in parts: cut at a segment's end, else between words."""
    while stop - begin > LONGEST_SENTENCE:
        at = breaks[bisect_right(breaks, begin + LONGEST_SENTENCE) - 1]
        if at <= begin + LONGEST_SENTENCE // 4:
            at = text.rfind(" ", begin + 1, begin + LONGEST_SENTENCE) + 1 or begin + LONGEST_SENTENCE
        yield begin, begin + len(text[begin:at].rstrip())
        begin = at
    if begin < stop:
        yield begin, stop
