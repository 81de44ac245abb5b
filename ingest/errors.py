"""The errors of getting episodes, by what there is to do about them.

    HarkError
    └── IngestError
        ├── TemporaryError           may pass by itself: try again later
        └── PermanentError           stays until somebody changes something
            └── NotAnEpisodeError    (a CaptionError too) a README, a playlist: passed over with its reason, no failure

``scan_folder`` raises what concerns the source as a whole, ``read_item`` what concerns one episode.
"""

from __future__ import annotations

from kb.errors import CaptionError, HarkError


class IngestError(HarkError):
    """An episode or its source cannot be had."""


class TemporaryError(IngestError):
    """It may pass by itself: try again later."""


class PermanentError(IngestError):
    """It stays until somebody changes something."""


class NotAnEpisodeError(PermanentError, CaptionError):
    """What was found is no episode and was hardly meant as one."""
