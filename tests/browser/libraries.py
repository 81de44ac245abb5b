"""The library that the browser tests look at: the shipped samples, and what tests need beside them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from kb.library import create_library
from kb.model import Episode, Segment, Transcript
from kb.transcripts.webvtt import render_webvtt

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
YOUTUBE = "yt:abcdefghijk"
TRAP = "file:trap"
LONG_NOTE = "leader-tape/reading_list.md"
HACK = "window.hacked=(window.hacked||0)+1"
PAYLOADS = (
    f'<img src=x onerror="{HACK}">',
    f"<script>{HACK}</script>",
    f'"><svg onload={HACK}>',
    f"[x](javascript:{HACK})",
    f"</article></span><iframe srcdoc='<script>parent.{HACK}</script>'></iframe>",
    f'<a href="javascript:{HACK}" class="moment" data-t="1">x</a>',
    f"<details open ontoggle={HACK}>",
    "$5 and $10 :red[y] {{x}} ${x}",
)
HOSTILE = " ".join(PAYLOADS)
LONG = """---
title: A reading list
id: "{id}"
---

It begins <a class="yt-timestamp" data-t="00:00:24">[00:00:24]</a> with [[concepts/lamp oil|lamp oil]] and with
[[A page of nobody]].

{filler}

And ends <a class="yt-timestamp" data-t="00:01:06">[00:01:06]</a>.

{filler}
"""


def make_library(root: Path) -> Path:
    """Makes the library in ``root`` through ingest, as a person would."""
    from ingest.pipeline import ingest_folder

    with create_library(root, "Two shows about sound") as library:
        ingest_folder(library, SAMPLES, now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        heard = next(entry for entry in library.episodes() if library.media_path(entry.episode))
        _write_extras(root, heard.episode)
        with library.lock():
            library.refresh()
    return root


def _write_extras(root: Path, heard: Episode) -> None:
    video = Episode(
        id=YOUTUBE,
        title="A talk about lighthouses",
        show="Harbour Talk",
        video_id="abcdefghijk",
        url="https://www.youtube.com/watch?v=abcdefghijk",
        speakers=("Mara Voss",),
        duration_s=600.0,
    )
    said = tuple(
        Segment(20.0 * n, 20.0 * n + 18, f"Lighthouse number {n} turns its lamp over the bay.", "Mara Voss")
        for n in range(30)
    )
    _write_transcript(root / "transcripts/harbour-talk/lighthouses.vtt", Transcript(video, said))
    trap = Episode(id=TRAP, title=HOSTILE, show=HOSTILE, speakers=(HOSTILE,), url=f"javascript:{HACK}")
    traps = tuple(Segment(10.0 * n, 10.0 * n + 9, f"Quagga {payload}", payload) for n, payload in enumerate(PAYLOADS))
    _write_transcript(root / "transcripts/traps/trap.vtt", Transcript(trap, traps))
    lines = "\n\n".join(f"Quagga {payload} [[{payload}]] [[x|{payload}]]" for payload in PAYLOADS)
    note = f"# {HOSTILE}\n\n{lines}\n\n> [!NOTE] {HOSTILE}\n> {HOSTILE}\n"
    _write(root / "notes/traps/trap.md", f"---\ntitle: 'Trap <script>{HACK}</script>'\n---\n\n{note}")
    filler = "\n\n".join(f"Paragraph {n} stands here so that there is something to scroll." for n in range(60))
    _write(root / "notes" / LONG_NOTE, LONG.format(id=heard.id, filler=filler))
    _write(
        root / "notes/concepts/lamp oil.md", "---\ntitle: Lamp oil\nkind: concept\n---\n\nWhat burned in the lamps.\n"
    )


def _write_transcript(path: Path, transcript: Transcript) -> None:
    _write(path, render_webvtt(transcript))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
