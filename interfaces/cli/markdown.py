"""A note laid out in the terminal: rich's Markdown over the tokens of the note format's own parser."""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it.token import Token
from rich.markdown import Markdown

from interfaces.cli.output import many_lines, one_line
from kb.notes.markup import new_parser
from kb.notes.wikisyntax import link_text

_RENAMED = {
    "callout_open": "blockquote_open",
    "callout_close": "blockquote_close",
    "callout_title_open": "paragraph_open",
    "callout_title_close": "paragraph_close",
}
_AS_CODE = {"moment": "code_inline", "math_inline": "code_inline", "math_block": "code_block"}
_DROPPED = frozenset({"front_matter"})


def laid_out(text: str) -> Markdown:
    """The body of a note for ``Console.print``; links are shown, never made into terminal hyperlinks."""
    page = Markdown("", code_theme="ansi_dark", hyperlinks=False)
    page.parsed = list(_plain_tokens(new_parser().parse(many_lines(text))))
    return page


def _plain_tokens(tokens: list[Token]) -> Iterator[Token]:
    """The tokens with those that rich does not know told in those that it does."""
    for token in tokens:
        if token.type in _DROPPED:
            continue
        if token.children is not None:
            token.children = list(_plain_tokens(token.children))
        token.type = _RENAMED.get(token.type, token.type)
        token.content = many_lines(token.content)  # once more: an entity may stand for what was taken out
        if token.type == "wikilink":
            yield from _emphasised(link_text(token.meta["link"]))
        elif token.type in _AS_CODE:
            yield Token(_AS_CODE[token.type], "code", 0, content=token.content)
        elif token.type == "image":
            yield from _emphasised(f"(image: {token.content})")
        elif token.type == "damaged":
            yield Token("text", "", 0, content=token.content)
        else:
            yield token


def _emphasised(text: str) -> Iterator[Token]:
    yield Token("em_open", "em", 1)
    yield Token("text", "", 0, content=one_line(text))
    yield Token("em_close", "em", -1)
