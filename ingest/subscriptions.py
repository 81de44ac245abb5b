"""The sources that a library follows, as ``[[sources]]`` in its ``hark.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SourceKind = Literal["feed", "video", "folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One of them. ``url`` is its identity: an address, or for a folder its path as the person wrote it."""

    url: str
    kind: SourceKind
    show: str = ""  # what a person calls it; its own title where empty
    folder: str = ""  # where a podcast app had it, "News/Daily"
    newest: int = 0  # take only so many of its newest episodes; 0: all
    audio: bool = False  # keep the recordings in media/
    allow_private: bool = False  # addresses in this network are allowed
