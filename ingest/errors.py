"""The errors of getting episodes, by what there is to do about them.

    HarkError
    └── IngestError
        ├── TemporaryError           may pass by itself: try again later
        └── PermanentError           stays until somebody changes something
            ├── NoTranscriptError    nobody has written down yet what is said
            └── NotAnEpisodeError    (a CaptionError too) a README, a playlist: passed over with its reason, no failure

``scan_folder`` raises what concerns the source as a whole, ``read_item`` what concerns one episode.
"""

from __future__ import annotations

from kb.errors import CaptionError, HarkError


class IngestError(HarkError):
    """An episode or its source cannot be had."""


class TemporaryError(IngestError):
    """It may pass by itself: try again later, after ``retry_after_s`` seconds where the other side said so."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.retry_after_s = retry_after_s


class PermanentError(IngestError):
    """It stays until somebody changes something."""


class NoTranscriptError(PermanentError):
    """There is an episode, and no transcript of it."""


class NotAnEpisodeError(PermanentError, CaptionError):
    """What was found is no episode and was hardly meant as one."""
