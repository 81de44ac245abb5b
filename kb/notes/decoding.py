"""The bytes of a note to text, and back."""

from __future__ import annotations

import codecs
import re

from kb.errors import NoteError
from kb.model import Finding

LOSSY = "utf-8-lossy"  # read with replacements: such a text cannot be written back as it was

_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def decode_note(data: bytes) -> tuple[str, str, tuple[Finding, ...]]:
    """Text, the name of its encoding for ``encode_note``, and what was wrong with it. Never raises.

    A byte order mark and the newlines stay in the text, so that ``encode_note(text, encoding) == data`` for every
    encoding but LOSSY.
    """
    encoding = _encoding_of(data)
    if encoding == "utf-8":
        text = data.decode()
        return text, encoding, _zero_bytes(text)
    if encoding != LOSSY:
        return data.decode(encoding), encoding, (Finding("encoding", f"not UTF-8 but {_NAMES[encoding]}"),)
    codec = "utf-16-le" if data.startswith(codecs.BOM_UTF16_LE) else "utf-8"
    codec = "utf-16-be" if data.startswith(codecs.BOM_UTF16_BE) else codec
    return data.decode(codec, "replace"), LOSSY, (Finding("encoding", "bytes that are no text were replaced"),)


def encode_note(text: str, encoding: str = "utf-8") -> bytes:
    """The bytes of a note. Raises NoteError where ``encoding`` cannot hold the text or did not hold it whole."""
    if encoding == LOSSY:
        raise NoteError("the note was not valid text and cannot be written back", remedy="save it as UTF-8 first")
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        remedy = "save the note as UTF-8 first"
        raise NoteError(f"{error.object[error.start]!a} cannot be written as {encoding}", remedy=remedy) from error


_NAMES = {"utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252"}


def _encoding_of(data: bytes) -> str:
    if _decodes(data, "utf-8"):
        return _utf16_without_mark(data)
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return encoding if _decodes(data, encoding) else LOSSY
    # Single bytes above ASCII and nothing that looks like UTF-8: an old Western file, not a damaged new one.
    if b"\0" not in data and not _MULTIBYTE.search(data) and _decodes(data, "cp1252"):
        return "cp1252"
    return LOSSY


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        return data.decode(encoding).encode(encoding) == data
    except UnicodeError:
        return False


def _utf16_without_mark(data: bytes) -> str:
    """ASCII text in UTF-16 is valid UTF-8 as well, every second byte being zero."""
    if len(data) >= 4 and len(data) % 2 == 0 and data.count(0) * 5 > len(data) * 2:
        if data[1::2].count(0) * 5 > len(data) * 2 and _decodes(data, "utf-16-le"):
            return "utf-16-le"
        if data[0::2].count(0) * 5 > len(data) * 2 and _decodes(data, "utf-16-be"):
            return "utf-16-be"
    return "utf-8"


def _zero_bytes(text: str) -> tuple[Finding, ...]:
    at = text.find("\0")
    return () if at < 0 else (Finding("encoding", "zero bytes in the text", text.count("\n", 0, at) + 1),)
