"""What a person sets in ``hark.toml``."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
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

# What is misheard, and what was meant: put right in all transcripts by the next `hark sync`, and taken back by the one
# after its line was removed. Whole words; what is in lower case here matches capitals too, all else only as it stands.
[corrections]
# "lynskey" = "Tolinski"
# "cuber netties" = "kubernetes"
# [corrections."Name of a show"]     # in that show alone
# "al" = "Al Jarreau"
"""
_LONGEST = 200  # characters of what is misheard, and of what was meant


_T = TypeVar("_T")
Rules = tuple[tuple[str, str], ...]  # what is misheard, and what was meant


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is misheard ``everywhere``, and what in the shows that ``by_show`` names."""

    everywhere: Rules = ()
    by_show: tuple[tuple[str, Rules], ...] = ()

    def of(self, show: str) -> Rules:
        """What to correct in a show, whose own corrections go before those for all."""
        named = show.casefold()
        own = dict(rule for name, rules in self.by_show if name.casefold() == named for rule in rules)
        return (*own.items(), *((heard, meant) for heard, meant in self.everywhere if heard not in own))


@dataclass(frozen=True, slots=True)
class Settings:
    """``name`` of the library, ``language`` (BCP 47), the embedding ``model``'s name or folder, and ``corrections``."""

    name: str
    language: str = "en"
    model: str = DEFAULT_MODEL
    corrections: Corrections = Corrections()


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
        corrections=_corrections(_value(table, "corrections", {}, dict, path), path),
    )


def _value(table: dict[str, Any], key: str, default: _T, kind: type[_T], path: Path) -> _T:
    value = table.get(key, default)
    if not isinstance(value, kind):
        raise ConfigError(f"{key} must be a {kind.__name__}, not {value!r:.60}", where=str(path), remedy="mend it")
    return value


def _corrections(table: Mapping[str, Any], path: Path) -> Corrections:
    shows = {key: value for key, value in table.items() if isinstance(value, dict)}
    everywhere = {key: value for key, value in table.items() if key not in shows}
    by_show = ((_one_line(show), tuple(_rules(rules, f"corrections.{show}", path))) for show, rules in shows.items())
    return Corrections(tuple(_rules(everywhere, "corrections", path)), tuple(by_show))


def _rules(table: Mapping[str, Any], key: str, path: Path) -> Iterator[tuple[str, str]]:
    for written, value in table.items():
        heard, meant = _one_line(written), _one_line(value) if isinstance(value, str) else ""
        if not heard or not meant or max(len(heard), len(meant)) > _LONGEST:
            raise ConfigError(
                f"{key}: {written!r:.60} = {value!r:.60} is no correction",
                where=str(path),
                remedy=f'write "misheard" = "meant", at most {_LONGEST} characters each',
            )
        if heard != meant:
            yield heard, meant


def _one_line(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))
