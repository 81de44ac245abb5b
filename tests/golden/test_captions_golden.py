"""The cases in ``captions/``: a file as it comes in, and the segments, findings or error that it gives.

# what it shows
--- input NAME [encoding=utf-16-le] [newlines=crlf]
the file; \\xNN stands for a byte where encoding=bytes
--- segments            start end speaker | text
--- findings            rule, line
--- episode             key = value, of what the file says of itself
--- error               a part of the message
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from ingest.hearing.captions import Captions, parse_captions
from kb.errors import CaptionError

CASES = sorted((Path(__file__).parent / "captions").glob("*.case"))
_SECTION = re.compile(r"^--- (\w+)(.*)\n", re.MULTILINE)


def sections(text: str) -> dict[str, tuple[str, str]]:
    parts = _SECTION.split(text)
    return {
        kind: (words.strip(), body) for kind, words, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    }


def input_bytes(words: str, body: str) -> tuple[str, bytes]:
    name, *options = words.split()
    option = dict(part.split("=") for part in options)
    if option.get("newlines") == "crlf":
        body = body.replace("\n", "\r\n")
    encoding = option.get("encoding", "utf-8")
    if encoding == "bytes":
        return name, body.encode("latin-1").decode("unicode_escape").encode("latin-1")
    return name, body.encode(encoding)


def shown(captions: Captions) -> dict[str, str]:
    lines = [f"{s.start_s:.3f} {s.end_s:.3f} {s.speaker} | {s.text}\n" for s in captions.segments]
    found = {"segments": "".join(lines)}
    if captions.findings:
        found["findings"] = "".join(f"{finding.rule} {finding.line}\n" for finding in captions.findings)
    if episode := captions.episode:
        known = ((field.name, getattr(episode, field.name)) for field in fields(episode))
        found["episode"] = "".join(f"{key} = {value}\n" for key, value in known if value)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case(case: Path) -> None:
    expected = sections(case.read_text(encoding="utf-8"))
    name, data = input_bytes(*expected.pop("input"))
    if "error" in expected:
        with pytest.raises(CaptionError) as raised:
            parse_captions(data, name=name)
        assert expected["error"][1].strip() in str(raised.value)
    else:
        assert shown(parse_captions(data, name=name)) == {kind: body for kind, (_, body) in expected.items()}


def test_there_are_cases() -> None:
    assert len(CASES) > 40
