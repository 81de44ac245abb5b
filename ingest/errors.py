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
    """It may pass by itself: try again later, after ``retry_after_s`` seconds where that is known.

    ``alone`` is whether that is about one episode: else all of its server wants to be left alone.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        remedy: str = "",
        retry_after_s: float | None = None,
        alone: bool = False,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.retry_after_s = retry_after_s
        self.alone = alone


class PermanentError(IngestError):
    """It stays until somebody changes something."""


class NoTranscriptError(PermanentError):
    """There is an episode, and no transcript of it. ``may_come``: one may, without the source listing it otherwise."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "", may_come: bool = False) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.may_come = may_come


class NotAnEpisodeError(PermanentError, CaptionError):
    """What was found is no episode and was hardly meant as one."""
