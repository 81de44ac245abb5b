"""Transcripts and notes -> chunks, the pieces that are embedded; two neighbouring chunks make a passage.

A passage of about a minute, half-overlapping with the next, finds more than one without overlap (4 to 5 points of
hit@10). Embedding every such passage would read every word twice; so half of a passage, the chunk, is embedded, once,
and a passage's vector is the normalised sum of the vectors of its two chunks. An edit then embeds one chunk again.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from kb.model import Chunk, Note, NoteBlock, Sentence, Transcript
from kb.transcripts.sentences import sentences

CHUNK_S = 30.0
LONGEST_CHUNK = 1100  # characters: about what a model of 256 tokens reads
SHORTEST_S = 6.0  # a shorter last chunk joins the one before it
SILENCE_S = 20.0  # a longer one ends a chunk
GATHERED_LINE = 80  # characters; what is longer on a gathered page, names no time and is no list, a person wrote
NOTE_CHUNK = 700  # characters; short blocks under one heading are put together up to this


_CLOCK = re.compile(r"\b\d\d:\d\d:\d\d\b")


def text_hash(text: str) -> str:
    """Names a text by its content: SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def transcript_chunks(transcript: Transcript) -> tuple[Chunk, ...]:
    """Stretches of whole sentences of about half a minute, in order, without overlap."""
    groups = list(_group(sentences(transcript)))
    if len(groups) > 1 and _span(groups[-1]) < SHORTEST_S and _follows(groups[-2], groups[-1][0]):
        groups[-2:] = [groups[-2] + groups[-1]]
    return tuple(
        Chunk(" ".join(s.text for s in group), group[0].start_s, max(s.end_s for s in group), tuple(group))
        for group in groups
    )


def _group(all_sentences: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    group: list[Sentence] = []
    for sentence in all_sentences:
        if group and (_is_full(group, sentence) or not _follows(group, sentence)):
            yield group
            group = []
        group.append(sentence)
    if group:
        yield group


def _is_full(group: Sequence[Sentence], sentence: Sentence) -> bool:
    """Whether a chunk comes nearer to its length without ``sentence`` than with it."""
    without, with_it = _span(group), sentence.end_s - group[0].start_s
    too_long = sum(len(s.text) + 1 for s in group) + len(sentence.text) > LONGEST_CHUNK
    return too_long or (with_it > CHUNK_S and with_it - CHUNK_S > CHUNK_S - without)


def _span(group: Sequence[Sentence]) -> float:
    return group[-1].end_s - group[0].start_s


def _follows(group: Sequence[Sentence], sentence: Sentence) -> bool:
    return sentence.start_s - group[-1].end_s <= SILENCE_S


def note_chunks(note: Note) -> tuple[Chunk, ...]:
    """A note's blocks as chunks: short ones under one heading together, long ones cut between words.

    A page that Hark gathered repeats what is said elsewhere: of a concept's only what a person wrote counts, of a
    show's nothing.
    """
    return tuple(
        _note_chunk(text, group)
        for group in _group_blocks(_own_blocks(note))
        for text in _cut(_joined(group), LONGEST_CHUNK)
    )


def _own_blocks(note: Note) -> Sequence[NoteBlock]:
    if not note.front.generated or note.front.kind == "episode":
        return note.blocks
    if note.front.kind == "show":
        return ()
    linked: Counter[int] = Counter()  # characters of links, by line
    for link in note.links:
        linked[link.line] += len(link.label or link.target)
    long = (block for block in note.blocks if len(block.text) > max(GATHERED_LINE, 2 * linked[block.line]))
    return [block for block in long if not _CLOCK.search(block.text)]


def _group_blocks(blocks: Iterable[NoteBlock]) -> Iterator[list[NoteBlock]]:
    group: list[NoteBlock] = []
    for block in blocks:
        if not block.text.strip():
            continue
        too_long = sum(len(b.text) for b in group) + len(block.text) > NOTE_CHUNK
        if group and (block.heading != group[0].heading or too_long):
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _joined(group: Sequence[NoteBlock]) -> str:
    return "\n".join(block.text.strip() for block in group)


def _note_chunk(text: str, group: Sequence[NoteBlock]) -> Chunk:
    times = [t for block in group for t in block.times_s]
    start, end = (min(times), max(times)) if times else (None, None)
    return Chunk(text, start, end, (), group[0].heading)


def _cut(text: str, longest: int) -> Iterator[str]:
    while len(text) > longest:
        at = text.rfind(" ", longest // 2, longest)
        at = longest if at < 0 else at
        yield text[:at].rstrip()
        text = text[at:].lstrip()
    if text:
        yield text
