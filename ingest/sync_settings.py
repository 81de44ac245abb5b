"""How a library fetches, as ``[sync]`` and ``[ytdlp]`` in its ``hark.toml``.

    [sync]
    languages = ["en", "de"]                # of captions, the most wanted first; the library's own where left out
    contact = "me@example.org"              # told to the servers that are asked

    [ytdlp]                                 # options of yt-dlp's Python API, by its own names; no others
    cookiefile = "cookies.txt"              # relative to the library, or not
    cookiesfrombrowser = "firefox:work"     # BROWSER[+KEYRING][:PROFILE][::CONTAINER], as on yt-dlp's command line
    ratelimit = "500K"                      # bytes a second
    sleep_interval = 2                      # seconds before a download; at random up to max_sleep_interval
    max_sleep_interval = 6
    sleep_interval_requests = 1             # ... between requests
    sleep_interval_subtitles = 1            # ... before captions

Whatever would run a program, write elsewhere, read another file or go round the guarded client is not on the list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.tomlfile import read_table
from kb.errors import ConfigError
from kb.settings import SETTINGS_FILE

_SYNC = ("languages", "contact")
_SECONDS = ("sleep_interval", "max_sleep_interval", "sleep_interval_requests", "sleep_interval_subtitles")
_YTDLP = ("cookiefile", "cookiesfrombrowser", "ratelimit", *_SECONDS)
_MOST_SECONDS = 3600
_MOST_LANGUAGES = 20
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}")
_CONTACT = re.compile(r"[!-'*-\[\]-~]{0,200}")  # stands in a header, in parentheses
_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([KMG]?)", re.IGNORECASE)
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_BROWSER = re.compile(
    r"(?P<name>[a-z]{1,20})(?:\+(?P<keyring>[A-Za-z0-9]{1,20}))?(?::(?!:)(?P<profile>[^\x00-\x1f]+?))?"
    r"(?:::(?P<container>[^\x00-\x1f]+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """``languages`` of captions, the most wanted first; ``contact`` for the User-Agent; options for yt-dlp."""

    languages: tuple[str, ...] = ("en",)
    contact: str = ""
    ytdlp: Mapping[str, object] = field(default_factory=dict)


def load_sync_settings(root: Path) -> SyncSettings:
    """Reads ``root/hark.toml``. Raises NotALibraryError, and ConfigError that names the key."""
    table = read_table(root)
    path = str(root / SETTINGS_FILE)
    sync, ytdlp = _section(table, "sync", _SYNC, path), _section(table, "ytdlp", _YTDLP, path)
    own = str(table.get("language"))
    return SyncSettings(
        languages=_languages(sync.get("languages", [own if _LANGUAGE.fullmatch(own) else "en"]), path),
        contact=_contact(sync.get("contact", ""), path),
        ytdlp=_options(ytdlp, root, path),
    )


def _section(table: Mapping[str, Any], name: str, known: tuple[str, ...], path: str) -> dict[str, Any]:
    section = table.get(name, {})
    if not isinstance(section, dict):
        raise ConfigError(f"{name} must be a table", where=path, remedy=f"write [{name}]")
    for key in section:
        if key not in known:
            raise ConfigError(
                f"{key!r:.60} is not known in [{name}]", where=path, remedy=f"known are {', '.join(known)}"
            )
    return section


def _languages(value: object, path: str) -> tuple[str, ...]:
    codes = value if isinstance(value, list) else []
    if not 0 < len(codes) <= _MOST_LANGUAGES or not all(isinstance(c, str) and _LANGUAGE.fullmatch(c) for c in codes):
        raise ConfigError(
            f'[sync] languages must be a list such as ["en", "de"], not {value!r:.60}', where=path, remedy="mend it"
        )
    return tuple(dict.fromkeys(codes))


def _contact(value: object, path: str) -> str:
    if not isinstance(value, str) or not _CONTACT.fullmatch(value):
        raise ConfigError(
            "[sync] contact must be an e-mail or web address: up to 200 ASCII characters, no spaces or parentheses",
            where=path,
            remedy="mend it",
        )
    return value


def _options(given: Mapping[str, Any], root: Path, path: str) -> dict[str, object]:
    """The options as yt-dlp's API takes them."""
    options: dict[str, object] = {}
    for key, value in given.items():
        if key in _SECONDS:
            options[key] = _seconds(key, value, path)
        elif key == "ratelimit":
            options[key] = _rate(value, path)
        elif key == "cookiefile":
            options[key] = _file(key, value, root, path)
        else:
            options[key] = _browser(key, value, path)
    least, most = given.get("sleep_interval", 0), given.get("max_sleep_interval")
    if most is not None and not 0 < least <= most:
        raise ConfigError(
            "[ytdlp] max_sleep_interval needs a sleep_interval that is not longer", where=path, remedy="mend it"
        )
    return options


def _seconds(key: str, value: object, path: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _MOST_SECONDS:
        raise _wrong(key, f"must be 0 to {_MOST_SECONDS} seconds", value, path)
    return value


def _rate(value: object, path: str) -> float:
    number = _RATE.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    rate = float(number[1]) * _FACTORS[number[2].upper()] if number and not isinstance(value, bool) else 0.0
    if rate < 1:
        raise _wrong("ratelimit", 'must be bytes a second, such as 50000 or "500K"', value, path)
    return rate


def _file(key: str, value: object, root: Path, path: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise _wrong(key, "must be the path of a file", value, path)
    try:
        return str(root / Path(value).expanduser())
    except RuntimeError:
        raise _wrong(key, "names the home of nobody", value, path) from None


def _browser(key: str, value: object, path: str) -> tuple[str, str | None, str | None, str | None]:
    parts = _BROWSER.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        raise _wrong(key, 'must be BROWSER[+KEYRING][:PROFILE][::CONTAINER], such as "firefox"', value, path)
    keyring = parts["keyring"]
    return parts["name"].lower(), parts["profile"], keyring.upper() if keyring else None, parts["container"]


def _wrong(key: str, what: str, value: object, path: str) -> ConfigError:
    return ConfigError(f"[ytdlp] {key} {what}, not {value!r:.60}", where=path, remedy="mend it")
