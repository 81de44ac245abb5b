"""What sources say, word for word, beside the transcripts that were corrected or that a person edited.

    data:<episode>   said        the transcript as its source has it, compressed: the base of every later merge
    data:<episode>   corrected   by which corrections: their key -> the key, the show, and the rules that were used
    data:<episode>   merging     what for -> the hash of the file that a merge is about to write
    data:            corrections the key of all corrections, when they were last applied everywhere

They stand in the journal and not in files, so that they change in one step with the row of the transcript. Where they
are gone, transcripts are taken for what their sources said.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.correcting import as_rules, correct
from ingest.files import sha256
from ingest.records import Entry
from kb.settings import Rules

if TYPE_CHECKING:
    from ingest.journal import Journal

_FROM_SOURCE, _FROM_FILE = "s", "f"
_EVERYWHERE = "data:", "corrections"


@dataclass(frozen=True, slots=True)
class Original:
    """A transcript before corrections. ``from_source`` is False where it was made up from a file that was edited."""

    text: str
    from_source: bool = True


@dataclass(frozen=True, slots=True)
class Applied:
    """By which corrections a transcript was made: their ``key``, its ``show``, the rules that were ``used``."""

    key: str = ""
    show: str = ""
    used: Rules = ()


def read_original(journal: Journal, episode_id: str) -> Original | None:
    """What the source of an episode said; None where it was not kept, or the row is damaged."""
    kept = journal.data(episode_id, "said")
    try:
        text = zlib.decompress(base64.b85decode(kept[1:])).decode()
    except (ValueError, zlib.error):
        return None
    return Original(text, kept[0] == _FROM_SOURCE) if kept else None


def original_entry(episode_id: str, original: Original) -> Entry:
    """The row that keeps it."""
    data = original.text.encode("utf-8", "replace")
    packed = base64.b85encode(zlib.compress(data, 6)).decode("ascii")
    mark = _FROM_SOURCE if original.from_source else _FROM_FILE
    return Entry(f"data:{episode_id}", "said", sha256(data), "", mark + packed)


def read_applied(journal: Journal, episode_id: str) -> Applied:
    """By which corrections an episode's transcript was made."""
    return _applied(journal.data(episode_id, "corrected"))


def all_applied(journal: Journal) -> Iterator[tuple[str, Applied]]:
    """The same of all episodes that corrections were ever looked up for, by id."""
    for episode_id, detail in journal.all_data("corrected"):
        yield episode_id, _applied(detail)


def applied_entry(episode_id: str, applied: Applied) -> Entry:
    """The row that keeps it."""
    detail = json.dumps([applied.key, applied.show, applied.used], ensure_ascii=False)
    return Entry(f"data:{episode_id}", "corrected", applied.key, "", detail)


def _applied(detail: str) -> Applied:
    try:
        key, show, used = json.loads(detail)
        return Applied(str(key), str(show), as_rules(used))
    except (ValueError, TypeError):
        return Applied()


def merging_entry(episode_id: str, goal: str, data: bytes) -> Entry:
    """The row that is written before a file with a person's edits in it, for ``goal``: a key or a hash.

    Merging twice could write a line twice; so a run that was killed in between has to be known.
    """
    return Entry(f"data:{episode_id}", "merging", goal, "", f"{goal} {sha256(data)}")


def was_merged(journal: Journal, episode_id: str, goal: str, data: bytes) -> bool:
    """Whether a file is what a killed run wrote for ``goal``."""
    return journal.data(episode_id, "merging") == f"{goal} {sha256(data)}"


def everywhere_key(journal: Journal) -> str:
    """The key of the corrections that were last applied to all transcripts."""
    return journal.data("", _EVERYWHERE[1])


def everywhere_entry(key: str) -> Entry:
    """The row that keeps it."""
    return Entry(*_EVERYWHERE, key, "", key)


def generated(original: str, rules: Rules) -> str:
    """The transcript that Hark makes of what a source said."""
    from kb.transcripts.webvtt import parse_webvtt, render_webvtt

    return render_webvtt(correct(parse_webvtt(original), rules).transcript) if rules else original
