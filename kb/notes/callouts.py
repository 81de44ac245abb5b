"""Callouts: a quotation that opens with ``[!NOTE] title``, as Obsidian, Quartz and GitHub write them.

A markdown-it-py plugin: such a ``blockquote`` becomes ``callout_open`` ... ``callout_close``, with ``meta`` holding
``kind`` (one of KINDS), ``fold`` (``""``, ``"-"`` closed, ``"+"`` open) and ``written``, the kind as it stands there.
The title stands between ``callout_title_open`` and ``callout_title_close``.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

# https://help.obsidian.md/callouts, and GitHub's five alerts.
KINDS = {
    "note": ("note", ""),
    "abstract": ("abstract", "summary", "tldr", "overview", "keytakeaway", "keytakeaways", "takeaway"),
    "info": ("info", "information", "definition", "background", "context", "fact", "facts"),
    "todo": ("todo",),
    "tip": ("tip", "tips", "hint", "important", "advice", "insight", "keyinsight"),
    "success": ("success", "check", "done"),
    "question": ("question", "help", "faq"),
    "warning": ("warning", "caution", "attention", "alert"),
    "failure": ("failure", "fail", "missing"),
    "danger": ("danger", "error"),
    "bug": ("bug",),
    "example": ("example", "examples", "casestudy"),
    "quote": ("quote", "cite", "quotes"),
}
_KIND_OF = {spelling: kind for kind, spellings in KINDS.items() for spelling in spellings}
_HEAD = re.compile(r"\[!(?P<kind>[^\]\n\[]{1,40})\](?P<fold>[-+]?)[ \t]*(?P<title>[^\n]*)(?:\n|$)")


def callout_plugin(md: MarkdownIt) -> None:
    """Adds the core rule; it runs before inline markup is read, so that a title may hold links and times."""
    md.core.ruler.before("inline", "callout", _callouts)


def callout_kind(written: str) -> str:
    """One of KINDS: without regard to case and punctuation; what is not known is a ``note``."""
    return _KIND_OF.get(re.sub(r"[\W_]", "", written.split("|", maxsplit=1)[0]).casefold(), "note")


def _callouts(state: StateCore) -> None:
    if "[!" not in state.src:
        return
    tokens: list[Token] = []
    source = iter(state.tokens)
    open_quotes: list[bool] = []
    for token in source:
        tokens.append(token)
        if token.type == "blockquote_open":
            open_quotes.append(False)
        elif token.type == "blockquote_close" and open_quotes.pop():
            token.type, token.tag = "callout_close", "div"
        elif token.type == "inline" and len(tokens) > 2 and tokens[-3].type == "blockquote_open":
            open_quotes[-1] = _open_callout(tokens, token)
            if open_quotes[-1] and not token.content:
                del tokens[-2:]  # a title and nothing else: the paragraph around it goes
                next(source)
    state.tokens = tokens


def _open_callout(tokens: list[Token], inline: Token) -> bool:
    """Rewrites the end of ``tokens`` (quote, paragraph, inline) where it is the head of a callout."""
    head = _HEAD.match(inline.content)
    if not head:
        return False
    quote, paragraph = tokens[-3], tokens[-2]
    quote.type, quote.tag = "callout_open", "div"
    quote.meta = {"kind": callout_kind(head["kind"]), "fold": head["fold"], "written": head["kind"].strip()}
    first_line = inline.map[0] if inline.map else 0
    title = Token("inline", "", 0, content=head["title"].strip(), map=[first_line, first_line + 1], children=[])
    title.level, title.block = inline.level, True
    inline.content = inline.content[head.end() :]
    inline.map = [first_line + 1, inline.map[1] if inline.map else first_line + 1]
    paragraph.map = inline.map
    tokens[-2:-2] = [Token("callout_title_open", "div", 1, block=True), title, Token("callout_title_close", "div", -1)]
    return True
