"""Serves the library's recordings to the player, with ranges, and nothing else.

``listen?episode=ID``: the episode's id goes in, never a path; the library says which file that is. The file is
streamed from where it lies (Streamlit's own media store would read it into memory whole).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from interfaces.web.opened import library
from kb.errors import HarkError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from kb.model import Episode

MEDIA_TYPES = {
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".m4b": "audio/mp4",
    ".m4v": "video/mp4",
    ".mka": "audio/x-matroska",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".mpga": "audio/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "video/webm",
}


def recording_address(episode: Episode, path: Path | None) -> str:
    """Where the player finds the episode's recording, or an empty string where there is none to play."""
    if path is None or path.suffix.lower() not in MEDIA_TYPES:
        return ""
    return "listen?" + urlencode({"episode": episode.id})


def routes() -> list[BaseRoute]:
    """What the server answers besides Streamlit's own paths."""
    from starlette.routing import Route

    return [Route("/listen", listen, methods=["GET"])]


def listen(request: Request) -> Response:
    """The recording of one episode: 200, 206 for a range, 404 where there is none, 421 for a foreign host name."""
    from starlette.responses import FileResponse, PlainTextResponse

    if not host_allowed(request.headers.get("host", "")):
        return PlainTextResponse("This address is not served here.", status_code=421)
    try:
        path = _recording(request.query_params.get("episode", ""))
    except HarkError:
        path = None
    if path is None:
        return PlainTextResponse("No recording here.", status_code=404)
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": "sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix.lower()], headers=headers)


def _recording(episode_id: str) -> Path | None:
    opened = library()
    path = opened.media_path(opened.episode(episode_id).episode)
    return path if path is not None and path.suffix.lower() in MEDIA_TYPES else None


def host_allowed(host: str) -> bool:
    """Whether ``server.allowedHosts`` names the host: a page elsewhere cannot reach in by rebinding its own name."""
    import streamlit as st

    allowed = st.get_option("server.allowedHosts") or ["*"]
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return "*" in allowed or any(
        name == entry or (entry.startswith("*.") and name.endswith(entry[1:])) for entry in map(str.lower, allowed)
    )
