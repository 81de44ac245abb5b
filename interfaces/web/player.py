"""Mounts the player: its script owns one media element outside the page, and follows clicks within the app."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from interfaces.web.links import LONGEST_PARAMETER, PAGES, PageName
from interfaces.web.markup import Source

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_KEY = "player"
_PLACE, _CLICKED = "_place", "_clicked"
_MOST_PARAMETERS = 16


@dataclass(frozen=True, slots=True)
class Click:
    """A link within the app that the reader followed."""

    page: PageName
    parameters: dict[str, str]


def arrive(source: Source | None, t: float | None = None, heading: str = "") -> None:
    """Tells the player where the reader arrived: it stands at ``t`` of the source, and the page scrolls there.

    ``heading`` is the id of an element to scroll to.
    """
    if source is None and not heading:
        return
    told = {"episode": "", "title": "", "media": "", "video": ""}
    if source is not None:
        told = {"episode": source.episode_id, "title": source.title, "media": source.media, "video": source.video_id}
    st.session_state[_PLACE] = {"source": told, "t": t, "heading": heading}


def mount() -> None:
    """Draws the (invisible) component; the page has run by then and said where the reader arrived."""
    _component()(
        key=_KEY,
        data={"place": st.session_state.pop(_PLACE, None)},
        on_go_change=_remember_click,
    )


def follow(page: PageName, parameters: dict[str, str]) -> None:
    """For a widget's callback: as if the reader had followed a link there."""
    st.session_state[_CLICKED] = {"page": page, "parameters": parameters}


def clicked() -> Click | None:
    """The link that the reader followed since the last run, checked, once."""
    return read_click(st.session_state.pop(_CLICKED, None))


def read_click(told: object) -> Click | None:
    """What the browser told, or None where it is no page of ours: a browser may say anything."""
    if not isinstance(told, dict):
        return None
    parameters = told.get("parameters")
    page = next((name for name in PAGES if name == told.get("page")), None)
    if page is None or not isinstance(parameters, dict):
        return None
    pairs = list(parameters.items())[:_MOST_PARAMETERS]
    kept = {str(name)[:64]: value[:LONGEST_PARAMETER] for name, value in pairs if isinstance(value, str)}
    return Click(page, kept)


def _remember_click() -> None:
    state: Any = st.session_state.get(_KEY)
    st.session_state[_CLICKED] = getattr(state, "go", None)


@cache
def _component() -> ComponentRenderer:
    script = Path(__file__).with_name("assets") / "player.js"
    return st.components.v2.component("hark_player", js=script.read_text(encoding="utf-8"), isolate_styles=False)
