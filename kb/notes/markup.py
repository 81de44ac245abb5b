"""The parser of the note format: CommonMark with tables and what DESIGN.md adds, HTML off."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, image, link
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from kb.notes.callouts import callout_plugin
from kb.notes.timestamps import timestamp_plugin
from kb.notes.wikisyntax import wikilink_plugin

MAX_FAILED_LINKS = 4_000
FAILED_LINKS = "failed_links"  # where a parse counts them in its env

_MATH = re.compile(r"\$(?![\s$])(?P<formula>[^$\n]{1,400}?)(?<![\s\\])\$(?![\d$])|\$\$(?P<display>[^$]{1,2000})\$\$")
_FORMULA_MARK = re.compile(r"[\\^_{}=+<>]|^[A-Za-z]'?$")


def new_parser() -> MarkdownIt:
    """A parser of notes. It keeps nothing between texts; ``shared_parser`` saves making another."""
    md = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 20})
    md.enable(["table", "strikethrough"])
    md.use(front_matter_plugin).use(timestamp_plugin).use(wikilink_plugin).use(callout_plugin)
    return md.use(math_plugin).use(patience_plugin)


@cache
def shared_parser() -> MarkdownIt:
    """The one parser of this process; parsing changes nothing in it."""
    return new_parser()


def patience_plugin(md: MarkdownIt) -> None:
    """Stops looking for links and images after MAX_FAILED_LINKS brackets that were none.

    Each costs markdown-it a look at what follows, up to the end of the paragraph.
    """
    md.inline.ruler.at("link", partial(_patient, link))
    md.inline.ruler.at("image", partial(_patient, image))


def _patient(rule: Callable[[StateInline, bool], bool], state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "![" or state.env.get(FAILED_LINKS, 0) >= MAX_FAILED_LINKS:
        return False
    if rule(state, silent):
        return True
    state.env[FAILED_LINKS] = state.env.get(FAILED_LINKS, 0) + 1
    return False


def math_plugin(md: MarkdownIt) -> None:
    """``$x_1$`` and ``$$...$$`` as ``math_inline`` and ``math_block``, so that emphasis leaves formulas alone.

    Stricter than the plugin it is made from: ``from US$5M to A$7M`` is money, and no link or time is swallowed.
    """
    dollarmath_plugin(md, allow_labels=False, allow_digits=False)
    md.inline.ruler.at("math_inline", _formula)


def _formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$":
        return False
    match = _MATH.match(state.src, state.pos, state.posMax)
    if not match:
        return False
    formula = match["formula"] or match["display"]
    if "[[" in formula or "<a " in formula or (match["formula"] and not _FORMULA_MARK.search(formula)):
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.markup, token.content = ("$", formula) if match["formula"] else ("$$", formula)
    state.pos = match.end()
    return True
