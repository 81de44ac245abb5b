"""A folder of episodes read into a library, without an index: what the stages before it leave."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ingest.files import state_of, stats_below
from ingest.journal import Journal
from ingest.plan import Files, plan_sources
from ingest.report import Transcribed
from ingest.sources.folder import scan_folder
from ingest.transcribing import Transcriber
from kb.library import Library
from kb.ports import no_progress

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)


def put(folder: Path, name: str, show: str, lines: Sequence[str]) -> None:
    """Writes one episode in yt-dlp's layout: each line a cue of a second, and one chapter."""
    folder.mkdir(exist_ok=True)
    info = {"id": name, "title": name.capitalize(), "channel": show, "chapters": [{"start_time": 1, "title": "Two"}]}
    (folder / f"{name}.info.json").write_text(json.dumps(info), encoding="utf-8")
    cues = [f"00:00:{at:02d}.000 --> 00:00:{at + 1:02d}.000\n{line}\n" for at, line in enumerate(lines)]
    path = folder / f"{name}.en.vtt"
    path.write_text("WEBVTT\n\n" + "\n".join(cues), encoding="utf-8")
    changed = path.stat().st_mtime_ns + 10**9 * len(str(lines))  # the length may be the same, and the time too coarse
    os.utime(path, ns=(changed, changed))


def journal_of(library: Library) -> Journal:
    """The journal as of ``NOW``."""
    return Journal(library.store, NOW)


def files_of(library: Library) -> Files:
    """The transcripts, and how each is now."""
    journal = journal_of(library)
    files = Files(journal.made("episode", "transcript"), {}, {}, stats_below(library.root, "transcripts"))
    states = {path: state.sha256 for path in files.to_hash() if (state := state_of(library.root, path))}
    return replace(files, hashes=states)


def take_in(library: Library, folder: Path) -> Transcribed:
    """Reads what is new in ``folder``, with the corrections of the library."""
    journal, files = journal_of(library), files_of(library)
    items = [(str(folder / item.key), item) for item in scan_folder(folder)]
    wheres = frozenset(where for where, _ in items)
    plan = plan_sources(items, journal.sources(wheres), files)
    corrections = library.settings.corrections
    reader = Transcriber(library.root, folder, journal, files, journal.sources(wheres), corrections=corrections)
    return reader.run(plan.reads, wheres, no_progress)


def read(library: Library, path: str) -> str:
    """A file of the library."""
    return (library.root / path).read_bytes().decode()
