"""Captions of one word a cue, put together to sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ingest.hearing.captions.cues import Cue

LONGEST_S = 12.0
GAP_S = 1.5
_CLOSERS = "\"'”’»)]"
_ENDS = tuple(".?!…。？！")


def is_word_level(cues: Sequence[Cue]) -> bool:
    """Whether most cues hold a single word."""
    single = sum(len(cue.text.split()) == 1 for cue in cues)
    return len(cues) > 3 and single * 5 >= len(cues) * 4


def join_words(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Words of one speaker as one cue, up to the end of a sentence, a pause of 1.5 s or 12 s."""
    group: list[Cue] = []
    glued = sum(cue.text[:1] == " " for cue in cues) * 3 > len(cues)  # Whisper's words bring their space along
    for cue in cues:
        if group and not _continues(group, cue):
            yield _joined(group, glued)
            group = []
        group.append(cue)
    if group:
        yield _joined(group, glued)


def _continues(group: Sequence[Cue], cue: Cue) -> bool:
    first, last = group[0], group[-1]
    if cue.speaker != last.speaker or last.text.rstrip().rstrip(_CLOSERS).endswith(_ENDS):
        return False
    if cue.start_s is None or last.start_s is None or first.start_s is None:
        return False
    before = last.end_s if last.end_s is not None else last.start_s
    return last.start_s <= cue.start_s <= before + GAP_S and cue.start_s - first.start_s <= LONGEST_S


def _joined(group: Sequence[Cue], glued: bool) -> Cue:
    first, last = group[0], group[-1]
    texts = [cue.text for cue in group]
    return Cue(first.start_s, last.end_s, "".join(texts) if glued else _spaced(texts), first.speaker, first.line)


def _spaced(texts: Iterable[str]) -> str:
    """Words with spaces between them, but for scripts that write none."""
    joined = ""
    for text in texts:
        spaceless = bool(joined and text) and _is_spaceless(joined[-1]) and _is_spaceless(text[0])
        joined += text if not joined or spaceless else f" {text}"
    return joined


def _is_spaceless(char: str) -> bool:
    return "\u3000" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or "\uff00" <= char <= "\uffef"
