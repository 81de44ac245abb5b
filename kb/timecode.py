"""Seconds to text and back, and links that open at a second."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,9}))?", re.ASCII)
_YOUTUBE_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "youtu.be"})
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")


def format_clock(seconds: float) -> str:
    """``HH:MM:SS``, rounded down: a moment never starts late. Raises ValueError below zero."""
    if seconds < 0:
        raise ValueError(f"a time before the start: {seconds}")
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def format_cue(seconds: float) -> str:
    """``HH:MM:SS.mmm`` as WebVTT writes it, rounded to the millisecond."""
    if seconds < 0:
        raise ValueError(f"a time before the start: {seconds}")
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def parse_clock(text: str) -> float | None:
    """Seconds of ``[H:]MM:SS[.mmm]`` (comma allowed), or None where it is no time, ``99:99:99`` included."""
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        return None
    hours, minutes, seconds, fraction = match.groups()
    if int(seconds) > 59 or (hours is not None and int(minutes) > 59):
        return None
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + (float(f"0.{fraction}") if fraction else 0.0)


def _split_web_address(url: str) -> SplitResult | None:
    """The parts of an http or https address, None for all else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} and parts.hostname else None


def youtube_id(url: str) -> str:
    """The video id in a YouTube address, or an empty string."""
    parts = _split_web_address(url)
    if parts is None or parts.hostname not in _YOUTUBE_HOSTS:
        return ""
    if parts.hostname == "youtu.be":
        candidate = parts.path.strip("/")
    elif parts.path == "/watch":
        candidate = dict(parse_qsl(parts.query)).get("v", "")
    else:
        head, _, tail = parts.path.strip("/").partition("/")
        candidate = tail if head in {"embed", "shorts", "live", "v"} else ""
    return candidate if _VIDEO_ID.fullmatch(candidate) else ""


def deep_link(url: str, video_id: str, seconds: float | None) -> str:
    """An address that opens at ``seconds``: YouTube's ``t=`` or a media fragment ``#t=``; empty where none is safe.

    Only http and https addresses are let through (https://www.w3.org/TR/media-frags/ for ``#t=``).
    """
    at = int(seconds or 0)
    if not video_id:
        video_id = youtube_id(url)
    if _VIDEO_ID.fullmatch(video_id):
        return f"https://www.youtube.com/watch?v={video_id}" + (f"&t={at}s" if at else "")
    parts = _split_web_address(url)
    if parts is None:
        return ""
    path, query = quote(parts.path, safe="/%:@!$&'()*+,;=~"), urlencode(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit((parts.scheme, parts.netloc, path, query, f"t={at}" if at else ""))
