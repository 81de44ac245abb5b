"""What a source lists: its episodes as they are announced, before anything of them was fetched."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said of the version it sent, for the next request to ask whether there is a newer one."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class TranscriptLink:
    """A transcript that a source offers; ``type`` is its media type in lower case without parameters."""

    url: str
    type: str = ""
    language: str = ""
    captions: bool = False  # said to carry times


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEpisode:
    """An episode as its source announces it. ``key`` is the source's own identity of it, ``id`` the library's.

    Empty strings stand for what is not known. Addresses are http or https.
    """

    key: str
    id: str
    title: str
    show: str = ""  # where it is another than the source's
    published: dt.datetime | None = None  # with a time zone
    url: str = ""  # its page
    media: str = ""  # its recording
    media_type: str = ""
    media_bytes: int = 0
    duration_s: float | None = None
    language: str = ""
    description: str = ""
    people: tuple[str, ...] = ()
    transcripts: tuple[TranscriptLink, ...] = ()
    chapters: str = ""  # where they are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a source lists now, newest first; nothing where it is ``not_modified`` since last time.

    ``complete`` is False where older episodes may exist that are not listed. ``moved_to`` is the source's new address,
    where it says that it has moved for good.
    """

    show: str = ""
    episodes: tuple[ListedEpisode, ...] = ()
    validators: Validators = Validators()
    not_modified: bool = False
    complete: bool = True
    moved_to: str = ""
    remarks: tuple[str, ...] = ()


class Source(Protocol):
    """Where episodes come from. Threads may call one at the same time."""

    def listing(self, known: Validators) -> Listing:
        """What the source lists. Raises TemporaryError, PermanentError."""

    def fetch(self, episode: ListedEpisode, folder: Path) -> tuple[str, ...]:
        """Fills an empty folder with one episode in yt-dlp's layout, and returns remarks, one line each.

        ``episode.info.json`` always, ``episode.<language>.<ending>`` for the best transcript, and the recording as
        ``episode.<ending>`` where the source is to keep it. Raises NoTranscriptError where there is none,
        TemporaryError, PermanentError; then the folder may hold anything.
        """
