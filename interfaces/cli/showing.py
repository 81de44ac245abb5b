"""`hark show`: an episode with its transcript, what was said around a second, or a note."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.output import say_json
from interfaces.cli.where import JsonOption, LibraryOption, library_root
from kb.errors import NotFoundError
from kb.timecode import parse_clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kb.library import EpisodeEntry, Library
    from kb.model import Segment

AROUND_S = 30.0  # seconds shown before and after a moment
_SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)s?", re.ASCII)


def show(
    ctx: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="EPISODE, EPISODE@HH:MM:SS, or a note's path or title.")
    ],
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Show an episode, what was said around a second, or a note.

    --json prints, for an episode, {"kind": "episode", "episode_id", "episode_title", "show", "date", "duration_s",
    "url", "language", "speakers", "transcript", "notes": [paths], "segments": [{"start_s", "end_s", "timestamp",
    "speaker", "text"}]}; for a moment the same with "kind": "moment", "at_s", and only the segments around it; for a
    note {"kind": "note", "path", "title", "note_kind", "show", "episode_id", "text", "links": [{"target", "label",
    "path"}], "backlinks": [{"path", "title", "label", "context"}], "findings": [{"rule", "message", "line"}]}.
    """
    root = library_root(ctx, library)

    from kb.library import open_library

    with open_library(root) as opened:
        episode, at_s = find_episode(opened, target)
        if episode is not None:
            _show_episode(opened, episode, at_s, json)
            return
        path = find_note(opened, target)
        if path is None:
            raise NotFoundError(
                "no such episode or note", where=target, remedy=f"look for it with: hark search {target}"
            )
        _show_note(opened, path, json)


def find_episode(library: Library, target: str) -> tuple[EpisodeEntry | None, float | None]:
    """The episode that ``ID`` or ``ID@TIME`` names, and the second; (None, None) where it names none."""
    entry = _episode(library, target)
    if entry is not None:
        return entry, None
    name, mark, moment = target.rpartition("@")
    at_s = moment_seconds(moment)
    if mark and at_s is not None:
        entry = _episode(library, name)
        if entry is not None:
            return entry, at_s
    return None, None


def moment_seconds(text: str) -> float | None:
    """Seconds of ``HH:MM:SS``, ``MM:SS``, ``190`` or ``190s``, or None."""
    match = _SECONDS.fullmatch(text)
    return float(match[1]) if match else parse_clock(text)


def find_note(library: Library, target: str) -> str | None:
    """The path, relative to ``notes/``, of the note that a path, a title or a wiki-link's target names."""
    path = target.replace("\\", "/").removeprefix("./").removeprefix("notes/")
    try:
        return library.note(path).path
    except NotFoundError:
        return library.resolve(target.removeprefix("[[").removesuffix("]]"))


def around(segments: Sequence[Segment], at_s: float) -> tuple[Segment, ...]:
    """The segments that touch the seconds around ``at_s``."""
    return tuple(one for one in segments if one.end_s >= at_s - AROUND_S and one.start_s <= at_s + AROUND_S)


def _episode(library: Library, name: str) -> EpisodeEntry | None:
    try:
        return library.episode(name)
    except NotFoundError:
        return None


def _show_episode(library: Library, entry: EpisodeEntry, at_s: float | None, json: bool) -> None:
    segments = library.transcript(entry.episode.id).segments
    if at_s is not None:
        segments = around(segments, at_s)
    if json:
        say_json(_episode_document(entry, segments, at_s))
        return
    from interfaces.cli.pages import print_episode

    print_episode(entry, segments, at_s)


def _episode_document(entry: EpisodeEntry, segments: Sequence[Segment], at_s: float | None) -> dict[str, object]:
    from interfaces.rendering import episode_document, segment_document

    moment = {} if at_s is None else {"at_s": at_s}
    return {
        "kind": "episode" if at_s is None else "moment",
        **episode_document(entry.episode),
        **moment,
        "transcript": entry.transcript,
        "notes": list(entry.notes),
        "segments": [segment_document(segment) for segment in segments],
    }


def _show_note(library: Library, path: str, json: bool) -> None:
    note, backlinks = library.note(path), library.backlinks(path)
    if json:
        say_json(
            {
                "kind": "note",
                "path": note.path,
                "title": note.title,
                "note_kind": note.front.kind,
                "show": note.front.show,
                "episode_id": note.front.id if note.front.kind == "episode" else "",
                "text": note.text,
                "links": [
                    {"target": link.target, "label": link.label, "path": library.resolve(link.target, path) or ""}
                    for link in note.links
                ],
                "backlinks": [
                    {"path": link.path, "title": link.title, "label": link.label, "context": link.context}
                    for link in backlinks
                ],
                "findings": [
                    {"rule": finding.rule, "message": finding.message, "line": finding.line}
                    for finding in note.findings
                ],
            }
        )
        return
    from interfaces.cli.pages import print_note

    print_note(note, backlinks)
