"""What Hark would write into notes that a person changed: to look at, take or drop, one by one."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from ingest.proposals import Proposal, count_proposals, drop, list_proposals, take
from interfaces.web.frame import draw_error, draw_heading, draw_nothing, set_title
from interfaces.web.links import address, note_address
from interfaces.web.markup import count, link
from kb.errors import HarkError

if TYPE_CHECKING:
    from kb.library import Library

AT_ONCE = 20  # proposals on the page: the next ones come when these are decided
MOST_LINES = 400  # of one of them
_TAGS = {"+": "ins", "-": "del"}


def draw(library: Library) -> None:
    set_title("Review")
    _draw_failure()
    found = list_proposals(library.root, AT_ONCE)
    if not found:
        draw_heading("Review")
        draw_nothing("Nothing is proposed: the notes have all that is new.", (address("notes"), "All notes"))
        return
    total = count_proposals(library.root) if len(found) == AT_ONCE else len(found)
    draw_heading(
        "Review",
        f"{count(total, 'note')} in which you changed a place that has since been written anew. "
        "Your text stands until you take what is new.",
    )
    for proposal in found:
        _draw(library, proposal)
    if total > len(found):
        st.html(f'<p class="meta">{count(total - len(found), "more note")} when these are decided.</p>')


def _draw(library: Library, proposal: Proposal) -> None:
    places = count(len(proposal.conflicts), "place") if proposal.conflicts else "the whole note"
    st.html(
        f'<section class="proposal"><h2>{link(note_address(proposal.path), proposal.path)}</h2>'
        f'<p class="meta">{places}</p>{diff_html(proposal)}</section>'
    )
    with st.container(horizontal=True):
        for label, decide in (("Take what is new", take), ("Keep mine", drop)):
            st.button(
                label,
                key=f"{label}:{proposal.state}:{proposal.path}",
                on_click=_decide,
                args=(partial(decide, library, proposal.path, seen=proposal.state),),
            )


def _decide(action: partial[Proposal]) -> None:
    """Runs before the page is drawn again; what went wrong is said there."""
    try:
        action()
    except HarkError as error:
        st.session_state["review_failed"] = error


def _draw_failure() -> None:
    failed = st.session_state.pop("review_failed", None)
    if isinstance(failed, HarkError):
        draw_error(failed)


def diff_html(proposal: Proposal) -> str:
    """The lines that change: the person's struck out, the new ones underlined."""
    lines = []
    for number, (sign, line) in enumerate(proposal.diff()):
        if number == MOST_LINES:
            lines.append('<span class="gap">…</span>')
            break
        if sign == "@":
            lines += ['<span class="gap">…</span>'] if number else []
            continue
        tag = _TAGS.get(sign, "span")
        lines.append(f"<{tag}>{escape(line) or ' '}</{tag}>")
    return f'<div class="diff">{"".join(lines)}</div>'
