"""What a folder holds: an episode's files by their names, and an episode as read from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kb.model import Chapter, Episode, Finding, Segment

# ISO 639-1, and what else is common in file names: any two letters would make "Mr.Bo.vtt" and "Mr.Al.vtt" one talk.
_CODE_LIST = """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo
    es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu iw ja jv ka
    kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl
    nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw
    ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    ara ceb chi deu eng fil fra fre ger haw hin ita jpn kor nld pol por rus spa tur ukr yue zho
"""
_CODES = frozenset(_CODE_LIST.split())
_LANGUAGE = re.compile(r"([a-z]{2,3})(-[A-Z]{2}|-[A-Z][a-z]{3})?(?:-[A-Za-z0-9_-]{1,20})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceItem:
    """One episode's files. ``key`` is the path of their common name within the source, with forward slashes.

    ``stats`` holds (name, size in bytes, time of change in ns) of each: equal stats, nothing to do. ``likely`` is False
    where the names do not say that it is an episode (a README.md alone).
    """

    key: str
    info: Path | None = None
    captions: tuple[Path, ...] = ()
    media: Path | None = None
    stats: tuple[tuple[str, int, int], ...] = ()
    likely: bool = True


@dataclass(frozen=True, slots=True)
class SourceEpisode:
    """An item as read: the episode, what was said, what was wrong with the files, and the publisher's chapters."""

    episode: Episode
    segments: tuple[Segment, ...]
    findings: tuple[Finding, ...] = ()
    chapters: tuple[Chapter, ...] = ()


def language_in(part: str) -> str:
    """The language that a part of a file name stands for: ``en`` of ``en-orig``, ``pt-BR``, or an empty string."""
    match = _LANGUAGE.fullmatch(part)
    return match[1] + (match[2] or "") if match and match[1] in _CODES else ""
