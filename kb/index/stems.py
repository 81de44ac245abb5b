"""Words as the lexical index knows them: in lower case, stemmed by language, without accents and stop words."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Any

KNOWN_WORDS = 50_000  # whose stems are kept: a search reads a thousand words, most of them again and again
LONGEST_WORD = 40  # bytes; what is longer is no word but an address or a hash

_WORD = re.compile(r"[^\W_]+")

# Languages that tantivy has stems for, and those among them with a list of stop words.
_STEMS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
_STOP_WORDS = frozenset({"da", "de", "en", "es", "fi", "fr", "hu", "it", "nl", "no", "pt", "ru", "sv"})


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text as they stand there, each spelling once, in order."""
    return tuple(dict.fromkeys(_WORD.findall(text)))


class Stems:
    """Cuts texts into words and words to stems. ``language`` is BCP 47; one without stems keeps whole words."""

    def __init__(self, language: str) -> None:
        code = language.replace("_", "-").split("-", maxsplit=1)[0].lower()
        self._code = "no" if code in {"nb", "nn"} else code
        self._known = lru_cache(maxsize=KNOWN_WORDS)(self._stem)

    def stems(self, text: str) -> list[str]:
        """The stems of a text's words in order, without stop words."""
        return list(self.stemming.analyze(text))

    def stem(self, word: str) -> str:
        """The stem of one word; empty for a stop word."""
        return self._known(word)

    def _stem(self, word: str) -> str:
        return next(iter(self.stemming.analyze(word)), "")

    def verbatim_words(self, text: str) -> list[str]:
        """Every word of a text in order, without case and accents."""
        return list(self.verbatim.analyze(text))

    @cached_property
    def stemming(self) -> Any:
        """tantivy's analyzer for stems."""
        from tantivy import Filter

        builder = _lower_case_words()
        if self._code == "en":  # its stems know no accents, and people leave them out as they like
            builder = builder.filter(Filter.ascii_fold())
        if self._code in _STOP_WORDS:
            builder = builder.filter(Filter.stopword(_STEMS[self._code]))
        if self._code in _STEMS:
            builder = builder.filter(Filter.stemmer(_STEMS[self._code]))
        return builder.filter(Filter.ascii_fold()).build()

    @cached_property
    def verbatim(self) -> Any:
        """tantivy's analyzer for words as they stand."""
        from tantivy import Filter

        return _lower_case_words().filter(Filter.ascii_fold()).build()


def _lower_case_words() -> Any:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(LONGEST_WORD)).filter(Filter.lowercase())
