"""The script that Streamlit runs for each reader: which page, its frame, the page, the player. Nothing else."""

from urllib.parse import urlencode

import streamlit as st

from interfaces.web import ask, episode, home, note, notes, player, proposals, search, show
from interfaces.web.frame import draw_head, guarded

page = st.navigation(
    [
        st.Page(guarded(home.draw), title="Library", default=True),
        st.Page(guarded(search.draw), title="Search", url_path="search"),
        st.Page(guarded(ask.draw), title="Ask", url_path="ask"),
        st.Page(guarded(notes.draw), title="Notes", url_path="notes"),
        st.Page(guarded(proposals.draw), title="Review", url_path="review"),
        st.Page(guarded(show.draw), title="Show", url_path="show"),
        st.Page(guarded(episode.draw), title="Episode", url_path="episode"),
        st.Page(guarded(note.draw), title="Note", url_path="note"),
    ],
    position="hidden",
)
draw_head(page.url_path)
behind = st.container()
try:
    page.run()
finally:
    with behind:
        player.mount(f"{page.url_path}?{urlencode(st.query_params.to_dict())}")
