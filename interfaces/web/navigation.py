"""The script that Streamlit runs for each reader: which page, its frame, the page, the player. Nothing else."""

import streamlit as st

from interfaces.web import ask, episode, home, note, notes, player, search, show
from interfaces.web.frame import draw_head, guarded

PAGES = {
    "home": st.Page(guarded(home.draw), title="Library", default=True),
    "search": st.Page(guarded(search.draw), title="Search", url_path="search"),
    "ask": st.Page(guarded(ask.draw), title="Ask", url_path="ask"),
    "notes": st.Page(guarded(notes.draw), title="Notes", url_path="notes"),
    "show": st.Page(guarded(show.draw), title="Show", url_path="show"),
    "episode": st.Page(guarded(episode.draw), title="Episode", url_path="episode"),
    "note": st.Page(guarded(note.draw), title="Note", url_path="note"),
}

page = st.navigation(list(PAGES.values()), position="hidden")
click = player.clicked()
if click is not None:
    st.switch_page(PAGES[click.page], query_params=click.parameters)
draw_head(page.url_path)
behind = st.container()
try:
    page.run()
finally:
    with behind:
        player.mount()
