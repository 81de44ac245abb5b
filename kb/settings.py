"""What a person sets in ``hark.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kb.errors import ConfigError, NotALibraryError

SETTINGS_FILE = "hark.toml"
DEFAULT_MODEL = "all-MiniLM-L6-v2"

TEMPLATE = """\
# A Hark library. Everything here can be changed at any time; `hark index` then takes it up.

name = {name}
language = "en"                      # of most episodes: stems and stop words

[embedding]
model = "all-MiniLM-L6-v2"           # or a sentence-transformers model's folder
"""


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Settings:
    """``name`` of the library, ``language`` (BCP 47), the embedding ``model``'s name or folder."""

    name: str
    language: str = "en"
    model: str = DEFAULT_MODEL


def load_settings(root: Path) -> Settings:
    """Reads ``root/hark.toml``. Raises NotALibraryError where there is none, ConfigError where it is not right."""
    path = root / SETTINGS_FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise NotALibraryError(
            "no Hark library here", where=str(root), remedy="make one with: hark init, or name one with --library PATH"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=str(path), remedy="mend that line") from None
    embedding = _value(table, "embedding", {}, dict, path)
    return Settings(
        name=_value(table, "name", root.resolve().name, str, path),
        language=_value(table, "language", "en", str, path),
        model=_value(embedding, "model", DEFAULT_MODEL, str, path),
    )


def _value(table: dict[str, Any], key: str, default: _T, kind: type[_T], path: Path) -> _T:
    value = table.get(key, default)
    if not isinstance(value, kind):
        raise ConfigError(f"{key} must be a {kind.__name__}, not {value!r:.60}", where=str(path), remedy="mend it")
    return value
