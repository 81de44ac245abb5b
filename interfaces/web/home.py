"""The first page: a search, the shows, what is newest; or what to do first where there is nothing yet."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from interfaces.web.frame import draw_first_steps, set_title
from interfaces.web.links import show_address
from interfaces.web.lists import episode_list
from interfaces.web.markup import count, dotted, link

if TYPE_CHECKING:
    from kb.library import Library, Show

NEWEST = 8
_SEARCH = """<form class="find" role="search" action="search" method="get" data-inside>
<input type="search" name="q" aria-label="Search the library" placeholder="Search what was said" maxlength="2000">
<button type="submit">Search</button></form>"""


def draw(library: Library) -> None:
    shows = library.shows()
    if not shows and not library.notes():
        draw_first_steps(library)
        return
    set_title(library.settings.name)
    hours = sum(show.hours for show in shows)
    episodes = sum(show.episodes for show in shows)
    facts = dotted([count(episodes, "episode"), count(len(shows), "show"), f"{hours:,.1f} hours" if hours else ""])
    st.html(f'<header class="title"><h1>{escape(library.settings.name)}</h1><p class="meta">{facts}</p></header>')
    st.html(_SEARCH)
    if shows:
        st.html(f'<section><h2>Shows</h2><div class="shows">{"".join(map(_show_card, shows))}</div></section>')
    newest = library.episodes()[:NEWEST]
    if newest:
        st.html(f"<section><h2>Newest</h2>{episode_list(newest, with_show=True)}</section>")


def _show_card(show: Show) -> str:
    years = " to ".join(dict.fromkeys(str(date.year) for date in (show.first, show.last) if date))
    facts = dotted([count(show.episodes, "episode"), f"{show.hours:,.1f} h" if show.hours else "", years])
    return (
        f'<article class="card">{link(show_address(show.slug), show.name, "name")}<p class="meta">{facts}</p></article>'
    )
