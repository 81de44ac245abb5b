"""A library in memory: eight sentences of our own, two episodes, a few notes, hostile ones among them.

It answers as ``kb.library.Library`` does, with plain word matching in place of retrieval, so that the pages can be
tested without an index.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from pathlib import Path

from kb.errors import NotFoundError
from kb.library import Backlink, EpisodeEntry, NoteEntry, Show
from kb.model import (
    Answer,
    Episode,
    EpisodeQuotes,
    FrontMatter,
    Hit,
    Note,
    Passage,
    Quote,
    SearchMode,
    SearchResult,
    Segment,
    Sentence,
    Transcript,
)
from kb.settings import Settings

HOSTILE = (
    '<img src=x onerror="window.hacked=1"> [x](javascript:alert(1)) $5 and $10 :red[y] </article>'
    "<script>window.hacked=1</script>"
)

TIDES = Episode(
    id="file:tides",
    title="Reading the tide tables",
    show="harbour-talk",
    date=dt.date(2024, 3, 5),
    duration_s=40.0,
    speakers=("Mara Voss", "Ilo Brandt"),
    media="tides.wav",
)
KNOTS = Episode(
    id="yt:abcdefghijk",
    title="Knots that hold",
    show="harbour-talk",
    date=dt.date(2023, 11, 20),
    duration_s=65.0,
    url="https://www.youtube.com/watch?v=abcdefghijk",
    video_id="abcdefghijk",
    speakers=("Mara Voss",),
)
TRAP = Episode(id="file:trap&<x>", title=HOSTILE, show="harbour-talk", speakers=(HOSTILE,), url="javascript:alert(1)")

SAID: dict[str, tuple[Segment, ...]] = {
    TIDES.id: (
        Segment(0.5, 6.0, "Welcome to the harbour, where the tide decides.", "Mara Voss"),
        Segment(6.5, 14.0, "The moon pulls the water, but the coast says when it comes.", "Ilo Brandt"),
        Segment(14.5, 22.25, "A tide table is a promise made by arithmetic.", "Ilo Brandt"),
        Segment(23.0, 30.0, "And a storm breaks that promise in an hour.", "Mara Voss"),
    ),
    KNOTS.id: (
        Segment(0.0, 20.0, "A bowline holds because it can be untied.", "Mara Voss"),
        Segment(20.0, 60.0, "The tide tests every knot twice a day.", "Mara Voss"),
    ),
    TRAP.id: (Segment(0.0, 5.0, f"A storm of tags {HOSTILE}", HOSTILE),),
}

NOTES = {
    "harbour-talk/tides.md": (
        FrontMatter(title="Reading the tide tables", id=TIDES.id, show="harbour-talk", date=TIDES.date),
        "From: [[harbour-talk]] <br/>\n\nThe [[moon_and_coast | moon and the coast]] share the work "
        '<a class="yt-timestamp" data-t="00:00:06">[00:00:06]</a>. Nobody has written about [[Sand bars]] yet.\n\n'
        + "\n\n".join(f"Paragraph {n} stands here so that the page is long enough to scroll." for n in range(1, 40))
        + '\n\nStorms break the promise <a class="yt-timestamp" data-t="00:00:23">[00:00:23]</a>.\n',
    ),
    "concepts/moon_and_coast.md": (
        FrontMatter(title="Moon and coast", kind="concept"),
        "# Moon and coast\n\nWhat pulls, and what delays.\n",
    ),
    "concepts/trap.md": (
        FrontMatter(title=HOSTILE, kind="concept"),
        f"# {HOSTILE}\n\n{HOSTILE}\n\n[[{'x' * 40}|<b>b</b>]]\n",
    ),
}


@dataclass
class FakeLibrary:
    """The methods of ``Library`` that the pages call."""

    root: Path
    episodes_kept: tuple[Episode, ...] = (TIDES, KNOTS, TRAP)
    notes_kept: dict[str, tuple[FrontMatter, str]] = field(default_factory=lambda: dict(NOTES))
    searches: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return Settings(name="Harbour library")

    def shows(self) -> tuple[Show, ...]:
        if not self.episodes_kept:
            return ()
        dates = [episode.date for episode in self.episodes_kept if episode.date]
        return (
            Show(
                name="Harbour Talk",
                slug="harbour-talk",
                episodes=len(self.episodes_kept),
                hours=0.1,
                first=min(dates),
                last=max(dates),
                notes=len(self.notes_kept),
            ),
        )

    def episodes(self, show: str = "") -> tuple[EpisodeEntry, ...]:
        return tuple(self.episode(one.id) for one in self.episodes_kept if show in ("", one.show))

    def episode(self, episode_id: str) -> EpisodeEntry:
        for one in self.episodes_kept:
            if one.id == episode_id:
                notes = tuple(path for path, (front, _) in self.notes_kept.items() if front.id == one.id)
                return EpisodeEntry(episode=one, transcript=f"transcripts/{one.show}/x.vtt", notes=notes)
        raise NotFoundError("no such episode", where=episode_id)

    def transcript(self, episode_id: str) -> Transcript:
        return Transcript(self.episode(episode_id).episode, SAID[episode_id])

    def notes(self, show: str = "") -> tuple[NoteEntry, ...]:
        return tuple(
            NoteEntry(path=path, title=front.title, kind=front.kind, show=front.show, episode_id=front.id)
            for path, (front, _) in self.notes_kept.items()
            if show in ("", front.show)
        )

    def note(self, path: str) -> Note:
        if path not in self.notes_kept:
            raise NotFoundError("no such note", where=path)
        front, text = self.notes_kept[path]
        return Note(path=path, text=text, front=front)

    @property
    def store(self) -> FakeLibrary:
        return self

    def note_entry(self, path: str) -> NoteEntry:
        for entry in self.notes():
            if entry.path == path:
                known = any(entry.episode_id == one.id for one in self.episodes_kept)
                return replace(entry, episode_id=entry.episode_id if known else "")
        raise NotFoundError("no such note", where=path)

    def resolve(self, target: str, from_note: str = "") -> str | None:
        key = target.strip().lower().replace(" ", "_")
        return next((path for path in self.notes_kept if path.endswith(f"/{key}.md")), None)

    def backlinks(self, path: str) -> tuple[Backlink, ...]:
        if path != "concepts/moon_and_coast.md" or "harbour-talk/tides.md" not in self.notes_kept:
            return ()
        return (Backlink("harbour-talk/tides.md", "Reading the tide tables", "moon", f"share the work {HOSTILE}"),)

    def wanted(self, limit: int = 50) -> tuple[tuple[str, int], ...]:
        return (("Sand bars", 1), (HOSTILE, 3))[:limit] if self.notes_kept else ()

    def media_path(self, episode: Episode) -> Path | None:
        path = self.root / episode.media
        return path if episode.media and path.is_file() else None

    def search(self, text: str, *, mode: SearchMode = "hybrid", limit: int = 10) -> SearchResult:
        self.searches.append((text, mode, limit))
        words = [word for word in text.lower().split() if ":" not in word]
        hits: list[Hit] = []
        for episode in self.episodes_kept:
            for segment in SAID[episode.id]:
                if any(word in segment.text.lower() for word in words):
                    hits.append(_hit(len(hits), episode, segment, tuple(words)))
        return SearchResult(query=text, hits=tuple(hits[:limit]), took_ms=1.5, mode=mode, remarks=())

    def answer(self, question: str, *, limit: int = 4) -> Answer:
        hits = self.search(question).hits
        groups = tuple(
            EpisodeQuotes(hit.passage.episode, (Quote(hit.sentence, hit.speaker, hit.moment_s or 0.0, hit.url, 1.0),))
            for hit in hits[:limit]
        )
        return Answer(question=question, supported=bool(groups), groups=groups, took_ms=1.0)


def _hit(place: int, episode: Episode, segment: Segment, words: tuple[str, ...]) -> Hit:
    passage = Passage(
        id=place,
        kind="quote",
        file="transcripts/x.vtt",
        episode=episode,
        note="",
        heading="",
        text=segment.text,
        start_s=segment.start_s,
        end_s=segment.end_s,
        sentences=tuple(Sentence(s.start_s, s.end_s, s.text, s.speaker) for s in SAID[episode.id]),
    )
    return Hit(
        rank=place + 1,
        score=1.0,
        passage=passage,
        moment_s=segment.start_s,
        speaker=segment.speaker,
        sentence=segment.text,
        url="",
        matched=words,
    )
