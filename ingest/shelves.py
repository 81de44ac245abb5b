"""Where an episode's files go: the folder of its show, and a file name that is its own for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ingest.writing.naming import free_slug
from kb.model import Episode

CONCEPTS = "concepts"  # notes/concepts is no show's
NO_SHOW = "unsorted"


class Shelves:
    """Gives out folders and names, each once. ``used`` are the paths of all files that are there or were."""

    def __init__(self, folders: dict[str, str], used: Callable[[str], Iterable[str]]) -> None:
        self.folders = dict(folders)
        self._used = used
        self._taken: dict[str, set[str]] = {}

    def folder(self, show: str) -> str:
        """The folder of a show, made up at the first call for it."""
        if show not in self.folders:
            taken = {CONCEPTS, *self.folders.values()}
            self.folders[show] = free_slug(show, show or NO_SHOW, taken, otherwise=NO_SHOW)
        return self.folders[show]

    def _names(self, folder: str) -> set[str]:
        """The names that are taken in a folder and those below it."""
        if folder not in self._taken:
            paths = self._used(folder)
            self._taken[folder] = {path.rpartition("/")[2].rpartition(".")[0].casefold() for path in paths}
        return self._taken[folder]

    def transcript(self, episode: Episode) -> str:
        """A path for a new episode's transcript: ``transcripts/show/slug.vtt``. Its note has the same slug."""
        folder = self.folder(episode.show)
        taken = self._names(folder)
        taken.add(folder)  # notes/show/show.md is the show's own page
        name = free_slug(episode.title, episode.id, taken)
        taken.add(name)
        return f"transcripts/{folder}/{name}.vtt"


def note_path(transcript: str) -> str:
    """``notes/show/slug.md`` for ``transcripts/show/slug.vtt``."""
    return f"notes/{transcript.removeprefix('transcripts/').removesuffix('.vtt')}.md"


def note_target(transcript: str) -> str:
    """How a wiki-link names the note: ``show/slug``."""
    return transcript.removeprefix("transcripts/").removesuffix(".vtt")


def show_folder(transcript: str) -> str:
    """The folder of ``transcripts/show/slug.vtt``."""
    return transcript.split("/")[1]
