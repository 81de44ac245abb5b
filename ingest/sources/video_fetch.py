"""What is taken of a video, once yt-dlp knows it wholly: captions, perhaps the recording, and its description."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.errors import NoTranscriptError, PermanentError, TemporaryError
from ingest.hearing.captions import read_captions
from ingest.sources.folder import scan_folder
from ingest.sources.info import Info, label
from ingest.sources.listing import ListedEpisode
from ingest.sources.video_captions import Track, ranked_tracks
from ingest.sources.video_list import CLOSED, LIVE, episode_id
from ingest.sources.ytdlp_errors import HOUR_S, understood_text
from kb.errors import CaptionError, HarkError

if TYPE_CHECKING:
    from ingest.sources.ytdlp import Visit

_NAME = "episode"
_MAX_TRIED = 4  # captions of one video
_MAX_WAIT_S = 7 * 24 * HOUR_S
_KEPT = (
    *("id", "title", "channel", "uploader", "series", "extractor_key", "extractor", "webpage_url", "upload_date"),
    *("release_date", "duration", "language", "description", "chapters"),
)


class Taking:
    """One fetch: called by a Visit with what it found. ``error`` is why nothing was taken, if it is ours to say."""

    def __init__(
        self,
        episode: ListedEpisode,
        folder: Path,
        *,
        languages: Sequence[str],
        audio: bool,
        where: str,
        now: Callable[[], float],
    ) -> None:
        self.remarks: list[str] = []
        self.done = False
        self.error: HarkError | None = None
        self._episode = episode
        self._folder = folder
        self._languages = languages
        self._audio = audio
        self._where = where
        self._now = now

    def __call__(self, visit: Visit, info: dict[str, Any]) -> None:
        """Raises nothing of ours: between here and the caller stands yt-dlp, which would understand it its own way."""
        try:
            self._refuse_live(info)
            track = self._captions(visit, info)
            if self._audio:
                self._recording(visit, info)
            description = described(info, self._episode, track)
            (self._folder / f"{_NAME}.info.json").write_text(description, encoding="utf-8")
            self.done = True
        except HarkError as error:
            self.error = error

    def _refuse_live(self, info: Mapping[str, Any]) -> None:
        state = "is_live" if info.get("is_live") is True else info.get("live_status")
        if state not in LIVE:
            return
        wait_s, begins = HOUR_S, info.get("release_timestamp")
        if state == "is_upcoming" and isinstance(begins, int | float):
            wait_s = min(max(begins - self._now(), 0) + HOUR_S, _MAX_WAIT_S)
        raise TemporaryError(
            LIVE[state], where=self._where, remedy="it comes when it is over", retry_after_s=wait_s, alone=True
        )

    def _captions(self, visit: Visit, info: Mapping[str, Any]) -> Track:
        """The best that can be had and read; what may come later is waited for rather than the next best taken."""
        tracks = ranked_tracks(info, self._languages)[:_MAX_TRIED]
        errors: list[HarkError] = []
        for track in tracks:
            path = self._folder / f"{_NAME}.{track.language}.{track.ending}"
            error = self._load(visit, info, track, path)
            if error is None:
                if not track.wanted:
                    self.remarks.append(f"has captions in {track.language} only")
                return track
            path.unlink(missing_ok=True)
            if not isinstance(error, CaptionError | PermanentError):
                raise error
            errors.append(error)
            self.remarks.append(f"captions in {track.language} are passed over: {error.what}")
        raise self._none(info, visit.warnings, errors)

    def _load(self, visit: Visit, info: Mapping[str, Any], track: Track, path: Path) -> HarkError | None:
        data = track.source.get("data")
        if isinstance(data, str):
            path.write_text(data, encoding="utf-8")
        else:
            source = {"http_headers": info.get("http_headers"), "id": info.get("id"), **track.source}
            error = visit.load({**source, "ext": track.ending}, path, where=self._where, captions=True)
            if error is not None:
                return error
        try:
            read_captions(path)
        except CaptionError as error:
            return error
        return None

    def _none(self, info: Mapping[str, Any], warnings: Sequence[str], errors: Sequence[HarkError]) -> HarkError:
        """Why there are none: what yt-dlp said of the video, else that nobody has written any."""
        if errors:
            what = f"has no captions that can be read: {errors[0].what}"
            return NoTranscriptError(what, where=self._where, may_come=True)
        closed = CLOSED.get(label(info.get("availability")))
        known = next(filter(None, (understood_text(text, where=self._where) for text in warnings)), None)
        if known is not None and (closed or not info.get("formats")):
            return known
        if closed:
            return PermanentError(closed, where=self._where)
        return NoTranscriptError("has no captions", where=self._where, may_come=True)

    def _recording(self, visit: Visit, info: dict[str, Any]) -> None:
        """Raises TemporaryError where it may come later; otherwise the episode goes without, with a remark."""
        ending = label(info.get("ext"))
        if not (info.get("url") and re.fullmatch(r"[a-z0-9]{2,5}", ending)):
            self.remarks.append("comes without its recording: none is offered")
            return
        path = self._folder / f"{_NAME}.{ending}"
        error = visit.load(info, path, where=self._where)
        if isinstance(error, TemporaryError):
            raise error
        if error is None and not any(item.media for item in scan_folder(self._folder)):
            error = PermanentError(f"{ending} is no form of a recording")
        if error is not None:
            for left in (path, *self._folder.glob(f"{path.name}.part*"), path.with_name(f"{path.name}.ytdl")):
                left.unlink(missing_ok=True)
            self.remarks.append(f"comes without its recording: {error.what}")


def described(info: Mapping[str, Any], episode: ListedEpisode, track: Track) -> str:
    """The info.json: what Hark reads of it, under the identity that the episode was listed with.

    The rest holds addresses that are signed for this computer.
    """
    kept = {key: info[key] for key in _KEPT if isinstance(info.get(key), str | int | float)}
    chapters = info.get("chapters")
    if isinstance(chapters, list):
        wanted = ("start_time", "end_time", "title")
        kept["chapters"] = [{key: one.get(key) for key in wanted} for one in chapters if isinstance(one, dict)]
    kept.setdefault("webpage_url", episode.url)
    kept["subtitles" if track.uploaded else "automatic_captions"] = {track.language: []}
    if episode_id(Info.model_validate(kept)) != episode.id:  # lists and pages of some sites count differently
        kind, _, number = episode.id.partition(":")
        kept |= (
            {"extractor_key": "Youtube", "id": number}
            if kind == "yt"
            else {"extractor_key": "Generic", "id": episode.id}
        )
    return json.dumps(kept, ensure_ascii=False, default=str)
