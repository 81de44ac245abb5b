"""Captions in, segments out. What a file is, its content says; its name is only for messages."""

from __future__ import annotations

from pathlib import Path

from ingest.hearing.captions.cues import MAX_BYTES, Captions, Cue, Reading, Tally
from ingest.hearing.captions.decode import decode
from ingest.hearing.captions.html_form import is_html, read_html
from ingest.hearing.captions.json_forms import is_json, read_json
from ingest.hearing.captions.names import name_speakers
from ingest.hearing.captions.srt import is_srt, read_srt
from ingest.hearing.captions.text import read_text
from ingest.hearing.captions.tidy import to_segments
from ingest.hearing.captions.vtt import is_webvtt, read_webvtt
from ingest.hearing.captions.words import is_word_level, join_words
from kb.errors import CaptionError

_FORMS = ((is_webvtt, read_webvtt), (is_json, read_json), (is_html, read_html), (is_srt, read_srt))


def read_captions(path: Path) -> Captions:
    """The captions in the file ``path``. Raises CaptionError where they cannot be used."""
    try:
        size = path.stat().st_size
        data = b"" if size > MAX_BYTES else path.read_bytes()
    except OSError as error:
        raise CaptionError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    if size > MAX_BYTES:
        raise _too_large(str(path))
    return parse_captions(data, name=str(path))


def parse_captions(data: bytes, *, name: str) -> Captions:
    """The captions in ``data``, from whatever form and encoding; ``name`` stands in messages.

    What can be used is kept and what was wrong is told, one finding a kind. Raises CaptionError where nothing can be:
    no text, no times, too large (50 MB, 200,000 cues), or something else than a transcript.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(name)
    if not data.strip():
        raise CaptionError("is empty", where=name, remedy="get the file again")
    tally = Tally()
    text = decode(data, name=name, tally=tally)
    read = next((read for fits, read in _FORMS if fits(text)), read_text)
    reading = read(text, name, tally)
    if not reading.cues:
        raise CaptionError("holds no cues", where=name, remedy="get the file again")
    segments = to_segments(_understood(reading), tally, name)
    if not segments:
        raise CaptionError("holds no words", where=name, remedy="get the file again")
    return Captions(segments, reading.episode, tally.findings())


def _too_large(name: str) -> CaptionError:
    return CaptionError(f"is larger than {MAX_BYTES // 1_000_000} MB", where=name, remedy="split it into episodes")


def _understood(reading: Reading) -> tuple[Cue, ...]:
    """Whole sentences with their speakers, where the file has words or names in the text."""
    if reading.is_ours:
        return reading.cues
    cues = tuple(join_words(reading.cues)) if is_word_level(reading.cues) else reading.cues
    return cues if reading.names_settled or any(cue.speaker for cue in cues) else name_speakers(cues)
