"""Ask: the sentences that answer best, word for word, each with who said it and its second."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from interfaces.web.frame import draw_first_steps, draw_nothing, set_title
from interfaces.web.hits import hit_cards, quote_cards
from interfaces.web.links import SearchForm, read_text

if TYPE_CHECKING:
    from kb.library import Library


def draw(library: Library) -> None:
    if not library.episodes() and not library.notes():
        draw_first_steps(library)
        return
    question = read_text(st.query_params, "question")
    set_title(question or "Ask")
    if st.session_state.get("_asked") != question:
        st.session_state["_asked"] = st.session_state["ask-question"] = question
    st.html('<h1 class="unseen">Ask</h1>')
    st.text_input(
        "Ask the library",
        key="ask-question",
        placeholder="Ask a question",
        label_visibility="collapsed",
        max_chars=2_000,
        on_change=_apply,
    )
    if not question:
        draw_nothing("The answer is made of sentences that were said, word for word, each with its second.")
        return
    with st.spinner("Looking for what was said"):
        answer = library.answer(question)
    remarks = "".join(f'<p class="notice" role="status">{escape(remark)}</p>' for remark in answer.remarks)
    if answer.supported:
        st.html(f"{remarks}{quote_cards(library, answer.groups)}")
        return
    search = SearchForm(q=question).address()
    if remarks:
        st.html(remarks)
    draw_nothing("Nobody in this library says enough about that to answer it.", (search, "Search for it"))
    if answer.nearest:
        st.html(f"<h2>What comes closest</h2>{hit_cards(library, answer.nearest)}")


def _apply() -> None:
    question = (st.session_state.get("ask-question") or "").strip()
    st.query_params.from_dict({"question": question} if question else {})
    st.session_state["_asked"] = read_text({"question": question}, "question")
