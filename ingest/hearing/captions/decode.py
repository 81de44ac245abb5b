"""Bytes to text: byte order mark, UTF-16 by where its zeros stand, UTF-8, and Windows-1252 as the last guess."""

from __future__ import annotations

import codecs
import re

from ingest.hearing.captions.cues import Tally
from kb.errors import CaptionError

_MARKS = (  # the longer mark first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SAMPLE = 65_536  # bytes looked at to tell UTF-16


def decode(data: bytes, *, name: str, tally: Tally) -> str:
    """The text of ``data`` with line feeds only. Raises CaptionError where it is no text."""
    text = _decode(data, tally).replace("\r\n", "\n").replace("\r", "\n")
    if len(_CONTROL.findall(text, 0, _SAMPLE)) > len(text[:_SAMPLE]) // 100:
        raise CaptionError("is not text", where=name, remedy="captions are text: WebVTT, SRT, JSON, HTML or plain")
    return text


def _decode(data: bytes, tally: Tally) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _lenient(data[len(mark) :], encoding, tally)
    if encoding := _utf16(data[:_SAMPLE]):
        return _lenient(data, encoding, tally)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 3:  # cut within its last character
            return _lenient(data, "utf-8", tally)
    tally.note(
        "encoding-guessed", "is not UTF-8: read as Windows-1252; save it as UTF-8 where letters are wrong", count=0
    )
    return data.decode("cp1252", errors="replace")


def _lenient(data: bytes, encoding: str, tally: Tally) -> str:
    text = data.decode(encoding, errors="replace")
    if lost := text.count("\ufffd") - data.count("\ufffd".encode(encoding)):
        line = text[: text.index("\ufffd")].count("\n") + 1
        tally.note("bad-characters", f"characters that are not {encoding.upper()}", line, count=lost)
    return text


def _utf16(sample: bytes) -> str:
    """The digits, spaces and arrows of captions have a zero beside each byte in any language's UTF-16."""
    pairs = len(sample) // 2
    low, high = sample[0::2].count(0), sample[1::2].count(0)
    if high > pairs // 8 and high > 8 * low:
        return "utf-16-le"
    if low > pairs // 8 and low > 8 * high:
        return "utf-16-be"
    return ""
