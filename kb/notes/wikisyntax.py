"""Wiki-links: ``[[target]]``, ``[[target | label]]``, ``[[target#heading]]``, ``![[target]]``, also in tables.

A markdown-it-py plugin. Each link becomes a token of type ``wikilink``; its ``meta`` holds ``link`` (a WikiLink without
line and context), ``embed`` and ``damage``. An opening ``[[`` that nothing closes becomes a token of type ``damaged``.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import table as plain_table
from markdown_it.rules_inline import StateInline

from kb.model import WikiLink

MAX_LINK = 400  # characters between the brackets; more is not a link but two brackets

_LINK = re.compile(rf"!?\[\[(?P<inside>(?:(?!\[\[|\]\])[^\n]){{1,{MAX_LINK}}})\]\](?!\])")
_PIPE = re.compile(r"\\?\|")
_DELIMITER_ROW = re.compile(r"[ \t]*[|:-][-|: \t]*")
_HIDDEN = "hidden_pipes"  # where a parse keeps its source with them
_MASKS = "\ue000\ue001\ue002\uf8ff"


def wikilink_plugin(md: MarkdownIt) -> None:
    """Adds the inline rule, and a table rule that leaves the pipe of a link alone."""
    md.inline.ruler.before("escape", "wikilink", _wikilink)
    md.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})


def split_link(inside: str) -> tuple[WikiLink, bool]:
    """The link written between ``[[`` and ``]]``, and whether it has more than one pipe."""
    parts = [part.strip() for part in _PIPE.split(inside)]
    target, _, heading = parts[0].partition("#")
    label = next((part for part in reversed(parts[1:]) if part), "")
    return WikiLink(target.strip(), label, heading.strip()), len(parts) > 2


def link_text(link: WikiLink) -> str:
    """What a reader sees: the label, or the target with its underscores as spaces."""
    return link.label or (link.target or link.heading).rsplit("/", 1)[-1].replace("_", " ").strip()


def _wikilink(state: StateInline, silent: bool) -> bool:
    start = state.pos + 1 if state.src[state.pos] == "!" else state.pos
    if not state.src.startswith("[[", start, state.posMax):
        return False
    match = _LINK.match(state.src, state.pos, state.posMax)
    if not match:
        return start == state.pos and _unclosed(state, silent)
    link, extra_pipe = split_link(match["inside"])
    if not (link.target or link.heading) or "[" in link.target or "]" in link.target:
        return False
    if not silent:
        token = state.push("wikilink", "", 0)
        token.content = match[0]
        damage = (("wikilink-extra-pipe", f"a link with more than one pipe: {match[0]}"),) if extra_pipe else ()
        token.meta = {"link": link, "embed": start > state.pos, "damage": damage, "offset": state.pos}
    state.pos = match.end()
    return True


def _unclosed(state: StateInline, silent: bool) -> bool:
    """Takes the ``[[`` as text where its line has no ``]]`` for it."""
    line_end = state.src.find("\n", state.pos)
    rest = state.src[
        state.pos + 2 : min(state.posMax, line_end if line_end >= 0 else state.posMax, state.pos + MAX_LINK)
    ]
    closing, opening = rest.find("]]"), rest.find("[[")
    if closing >= 0 and not 0 <= opening < closing:
        return False
    if not silent:
        token = state.push("damaged", "", 0)
        token.content = "[["
        message = f"a link that is not closed: [[{rest[:40]}"
        token.meta = {"damage": (("wikilink-unclosed", message),), "offset": state.pos}
    state.pos += 2
    return True


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """markdown-it's table rule, run while the pipes inside ``[[...]]`` are hidden from it."""
    if start + 1 >= end or not _DELIMITER_ROW.fullmatch(state.src, state.bMarks[start + 1], state.eMarks[start + 1]):
        return plain_table(state, start, end, silent)
    source, tokens_before = state.src, len(state.tokens)
    if _HIDDEN not in state.env:  # once for a text: a text of many tables takes no longer than its length
        mask = next((mark for mark in _MASKS if mark not in source), "|")
        state.env[_HIDDEN] = mask, _LINK.sub(lambda link: _hide_pipes(link[0], mask), source)
    mask, state.src = state.env[_HIDDEN]
    try:
        found = plain_table(state, start, end, silent)
    finally:
        state.src = source
    for token in state.tokens[tokens_before:]:
        token.content = token.content.replace(mask, "|")
    return found


def _hide_pipes(link: str, mask: str) -> str:
    """The link with its pipes masked. Its length stays the same: the lines of a block are offsets into the source."""
    return _PIPE.sub(lambda pipe: mask.rjust(len(pipe[0])), link)
