"""The web app: ``streamlit run app.py``.

Nothing but the wiring: ``interfaces/web/navigation.py`` is the script that Streamlit runs for each reader, and
``interfaces/web/recordings.py`` serves the library's recordings to the player.
"""

from pathlib import Path

from streamlit.starlette import App

from interfaces.web import recordings

app = App(Path(recordings.__file__).with_name("navigation.py"), routes=recordings.routes())
