"""Mounts the player: its script owns one media element outside the page, and follows links within the app."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from interfaces.web.markup import Source

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_PLACE = "_place"


def arrive(source: Source | None, t: float | None = None, heading: str = "") -> None:
    """Tells the player where the reader arrived: it stands at ``t`` of the source, and the page scrolls there.

    ``heading`` is the id of an element to scroll to.
    """
    place = {"source": source.told() if source else {}, "t": t if source else None, "heading": heading}
    st.session_state[_PLACE] = place


def mount(at: str) -> None:
    """Draws the (invisible) component. ``at`` is the address; the page has run, and said where the reader arrived."""
    _component()(key="player", data={"at": at, "place": st.session_state.pop(_PLACE, None)})


@cache
def _component() -> ComponentRenderer:
    script = Path(__file__).with_name("assets") / "player.js"
    return st.components.v2.component("hark_player", js=script.read_text(encoding="utf-8"), isolate_styles=False)
