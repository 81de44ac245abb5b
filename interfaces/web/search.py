"""Search: the words, the filters beside them, and what was found, each hit playable from its second."""

from __future__ import annotations

import datetime as dt
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from interfaces.web.frame import draw_first_steps, draw_nothing, set_title
from interfaces.web.hits import hit_cards
from interfaces.web.links import MOST_HITS, SearchForm, address, read_search, read_text
from interfaces.web.markup import count, link
from kb.model import SearchMode

if TYPE_CHECKING:
    from kb.library import Library

_KINDS = {"": "Everything", "quote": "Quotes", "note": "Notes"}
_MODES: dict[SearchMode, str] = {"hybrid": "Both", "semantic": "Meaning", "lexical": "Words"}
_GIVEN = "_search_given"  # the address that the widgets were last filled from
_EARLIEST, _LATEST = dt.date(1900, 1, 1), dt.date(2100, 1, 1)


def draw(library: Library) -> None:
    episodes = library.episodes()
    if not episodes and not library.notes():
        draw_first_steps(library)
        return
    form = read_search(st.query_params)
    set_title(form.q or "Search")
    missing = read_text(st.query_params, "missing")
    if missing:
        st.html(
            f'<p class="notice" role="status">There is no note called <strong>{escape(missing)}</strong> yet. '
            f"This is what the library says about it.</p>"
        )
    shows = {show.slug: show.name for show in library.shows()}
    speakers = sorted({name for entry in episodes for name in entry.episode.speakers}, key=str.casefold)
    st.html('<h1 class="unseen">Search</h1>')
    _draw_form(form, shows, speakers)
    if not form.q:
        draw_nothing(
            "Words, an \u201cexact phrase\u201d, or a question. The address of this page keeps what you asked."
        )
        return
    with st.spinner("Searching"):
        result = library.search(form.text(), mode=form.mode, limit=form.n)
    _draw_result(library, form, result, shows)


def _draw_form(form: SearchForm, shows: dict[str, str], speakers: list[str]) -> None:
    """The widgets stand as the address says; a change goes into the address, and the page is drawn from there."""
    given = form.address()
    if st.session_state.get(_GIVEN) != given:  # a link, the back button, a reload
        st.session_state[_GIVEN] = given
        st.session_state.update(_widget_values(form, shows, speakers))
    st.text_input(
        "Search the library",
        key="find-q",
        type="search",
        placeholder="Search what was said",
        label_visibility="collapsed",
        max_chars=2_000,
        on_change=_apply,
    )
    active = sum(map(bool, (form.show, form.speaker, form.after, form.before, form.kind, form.mode != "hybrid")))
    label = f"Filters ({active})" if active else "Filters"
    with st.expander(label, expanded=bool(active), key=f"filters-{bool(active)}"):
        _draw_filters(shows, speakers)


def _draw_filters(shows: dict[str, str], speakers: list[str]) -> None:
    names, everybody = {"": "All shows"} | shows, {"": "Everybody"} | {name: name for name in speakers}
    bounds: dict[str, Any] = {"min_value": _EARLIEST, "max_value": _LATEST, "format": "YYYY-MM-DD"}
    left, right = st.columns(2)
    left.selectbox("Show", list(names), key="find-show", format_func=names.__getitem__, on_change=_apply)
    right.selectbox("Speaker", list(everybody), key="find-speaker", format_func=everybody.__getitem__, on_change=_apply)
    left, right = st.columns(2)
    left.date_input("From", value=None, key="find-after", on_change=_apply, **bounds)
    right.date_input("Before", value=None, key="find-before", on_change=_apply, **bounds)
    left, right = st.columns(2)
    left.segmented_control(
        "Search in", list(_KINDS), key="find-kind", format_func=_KINDS.__getitem__, required=True, on_change=_apply
    )
    right.segmented_control(
        "Match by",
        list(_MODES),
        key="find-mode",
        format_func=lambda mode: _MODES[mode],
        required=True,
        on_change=_apply,
    )


def _widget_values(form: SearchForm, shows: dict[str, str], speakers: list[str]) -> dict[str, Any]:
    return {
        "find-q": form.q,
        "find-show": form.show if form.show in shows else "",
        "find-speaker": form.speaker if form.speaker in speakers else "",
        "find-after": form.after if form.after and _EARLIEST <= form.after <= _LATEST else None,
        "find-before": form.before if form.before and _EARLIEST <= form.before <= _LATEST else None,
        "find-kind": form.kind,
        "find-mode": form.mode,
    }


def _apply() -> None:
    """Puts the widgets' values into the address."""
    state = st.session_state
    days = {name: state.get(f"find-{name}") for name in ("after", "before")}
    parameters = {
        "q": state.get("find-q") or "",
        "show": state.get("find-show") or "",
        "speaker": state.get("find-speaker") or "",
        "kind": state.get("find-kind") or "",
        "mode": "" if state.get("find-mode") in (None, "hybrid") else state["find-mode"],
        **{name: value.isoformat() if isinstance(value, dt.date) else "" for name, value in days.items()},
    }
    kept = {name: value for name, value in parameters.items() if value}
    st.query_params.from_dict(kept)
    state[_GIVEN] = read_search(kept).address()


def _draw_result(library: Library, form: SearchForm, result: Any, shows: dict[str, str]) -> None:
    remarks = "".join(f'<p class="notice" role="status">{escape(remark)}</p>' for remark in result.remarks)
    if not result.hits:
        st.html(remarks or "<p></p>")
        without = form.address(show="", speaker="", after="", before="", kind="", mode="")
        ways = [(without, "Search without the filters")] if without != form.address() else []
        ways.append((address("ask", question=form.q), "Ask instead"))
        draw_nothing("Nothing was found. Other words may help; so may fewer.", *ways)
        return
    found = count(len(result.hits), "passage")
    more = ""
    if len(result.hits) >= form.n < MOST_HITS:
        more = f'<p class="more">{link(form.address(n=str(min(form.n + 20, MOST_HITS))), "More", "way")}</p>'
    st.html(
        f'{remarks}<p class="meta found" role="status">{found} in {result.took_ms:,.0f} ms</p>'
        f"{hit_cards(library, result.hits)}{more}"
    )
