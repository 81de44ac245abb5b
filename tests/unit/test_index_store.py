from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from kb.errors import (
    DiskFullError,
    LibraryBusyError,
    LibraryDamagedError,
    LibraryError,
    LibraryReadOnlyError,
    LibraryTooNewError,
    NotALibraryError,
    NotFoundError,
)
from kb.index import database
from kb.index.schema import APPLICATION_ID, MIGRATIONS
from kb.index.store import Filters, JournalEntry, Store, StoredFile, open_store, set_aside
from kb.model import Chunk, Episode, Finding, FrontMatter, Note, Segment, Sentence, Transcript, WikiLink


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "library.db") as opened:
        yield opened


def a_file(path: str) -> StoredFile:
    return StoredFile(path, 10, 20, "ab" * 32, "note" if path.startswith("notes/") else "transcript", 30)


def a_transcript(
    key: str, *said: str, speakers: Sequence[str] = ("Ada Moor", "Bo Lind"), **fields: object
) -> Transcript:
    segments = tuple(
        Segment(at * 30.0, at * 30.0 + 30, text, speakers[at % len(speakers)] if speakers else "")
        for at, text in enumerate(said)
    )
    return Transcript(Episode(**{"id": key, "title": f"About {key}", **fields}), segments)  # type: ignore[arg-type]


def chunks_of(transcript: Transcript) -> tuple[Chunk, ...]:
    return tuple(
        Chunk(s.text, s.start_s, s.end_s, (Sentence(s.start_s, s.end_s, s.text, s.speaker),))
        for s in transcript.segments
    )


def put(store: Store, path: str, transcript: Transcript) -> None:
    store.put_transcript(a_file(path), transcript, chunks_of(transcript))


def put_note(store: Store, path: str, *texts: str, links: Sequence[WikiLink] = (), **front: object) -> None:
    note = Note(path, "", FrontMatter(**front), links=tuple(links))  # type: ignore[arg-type]
    store.put_note(a_file(f"notes/{path}"), note, tuple(Chunk(text, 3.0, 4.0, (), "Head") for text in texts))


def texts(store: Store) -> list[str]:
    return [passage.text for passage in store.passages(store.passage_ids()).values()]


# --- transcripts ------------------------------------------------------------------------------------------------


def test_every_chunk_begins_a_passage_with_the_next_one(store: Store) -> None:
    put(store, "transcripts/s/a.vtt", a_transcript("a", "one", "two", "three"))
    passages = list(store.passages(store.passage_ids()).values())
    assert [p.text for p in passages] == ["one two", "two three", "three"]
    assert [(p.start_s, p.end_s) for p in passages] == [(0, 60), (30, 90), (60, 90)]
    assert passages[0].sentences == (Sentence(0, 30, "one", "Ada Moor"), Sentence(30, 60, "two", "Bo Lind"))
    assert passages[0].episode.id == "a"
    assert (passages[0].kind, passages[0].file) == ("quote", "transcripts/s/a.vtt")


def test_an_empty_transcript_is_an_episode_without_passages(store: Store) -> None:
    put(store, "transcripts/s/a.vtt", a_transcript("a"))
    assert store.episode("a").transcript == "transcripts/s/a.vtt"
    assert store.passage_count() == 0


def test_an_episode_comes_back_as_it_was_stored(store: Store) -> None:
    transcript = a_transcript(
        "yt:abc", "x", show="Öl & Salz", date=dt.date(2024, 2, 29), duration_s=61.5, url="https://x.test/",
        language="de", video_id="abcdefghijk", media="media/a.ogg", description="d", speakers=("Ada Moor",),
    )  # fmt: skip
    put(store, "transcripts/s/a.vtt", transcript)
    assert store.episode("yt:abc").episode == transcript.episode
    with pytest.raises(NotFoundError):
        store.episode("yt:other")


def test_storing_a_file_again_replaces_all_it_held_and_uses_no_id_twice(store: Store) -> None:
    put(store, "transcripts/s/a.vtt", a_transcript("a", "one", "two"))
    before = store.passage_ids().tolist()
    put(store, "transcripts/s/a.vtt", a_transcript("a", "three"))
    assert texts(store) == ["three"]
    store.remove_files(["transcripts/s/a.vtt", "transcripts/unknown.vtt"])
    assert (texts(store), store.files(), store.episodes()) == ([], {}, ())
    put(store, "transcripts/s/a.vtt", a_transcript("a", "four"))
    assert store.passage_ids().min() > max(before) + 1


def test_of_two_files_with_one_episode_the_first_by_path_has_it(store: Store) -> None:
    put(store, "transcripts/s/b.vtt", a_transcript("same", "from b"))
    assert store.findings() == ()
    put(store, "transcripts/s/a.vtt", a_transcript("same", "from a"))
    put(store, "transcripts/s/c.vtt", a_transcript("same", "from c"))
    assert texts(store) == ["from a"]
    assert [(path, finding.rule) for path, finding in store.findings()] == [
        ("transcripts/s/b.vtt", "duplicate-episode"),
        ("transcripts/s/c.vtt", "duplicate-episode"),
    ]
    store.remove_files(["transcripts/s/a.vtt"])
    assert texts(store) == ["from b"]
    put(store, "transcripts/s/b.vtt", a_transcript("another", "from b"))
    assert sorted(texts(store)) == ["from b", "from c"]
    assert store.findings() == ()


def test_the_generation_grows_only_with_passages_and_vectors(store: Store) -> None:
    seen = [store.generation]

    def has_grown() -> bool:
        seen.append(store.generation)
        return seen[-1] > seen[-2]

    put(store, "transcripts/s/a.vtt", a_transcript("a", "one"))
    assert has_grown()
    store.touch(StoredFile("transcripts/s/a.vtt", 10, 99, "cd" * 32, "transcript"))
    store.put_damaged(a_file("notes/x.md"), Finding("unreadable-file", "torn"))
    store.set_meta("x", "y")
    store.remove_files(["nothing"])
    assert not has_grown()
    store.put_vectors("m", [key for key, _ in store.texts_without_vector("m")], np.ones((1, 2), np.float32))
    assert has_grown()
    store.remove_files(["transcripts/s/a.vtt"])
    assert has_grown()


def test_a_damaged_file_keeps_what_it_said_and_is_a_finding_until_it_is_mended(store: Store) -> None:
    put(store, "transcripts/s/a.vtt", a_transcript("a", "one"))
    store.put_damaged(
        StoredFile("transcripts/s/a.vtt", 1, 99, "ef", "transcript", 5), Finding("unreadable-file", "torn")
    )
    assert texts(store) == ["one"]
    assert store.findings() == (("transcripts/s/a.vtt", Finding("unreadable-file", "torn")),)
    assert store.files()["transcripts/s/a.vtt"].mtime_ns == 99
    put(store, "transcripts/s/a.vtt", a_transcript("a", "two"))
    assert (texts(store), store.findings()) == (["two"], ())


def test_hostile_text_is_kept_as_far_as_utf8_can(store: Store) -> None:
    hostile = "'); DROP TABLE files; --\x00<script>\ud800"
    put(store, "transcripts/s/a.vtt", a_transcript(hostile, hostile, show=hostile, speakers=(hostile,)))
    put_note(store, f"{'x' * 300}.md", hostile, title=hostile, aliases=(hostile,), links=[WikiLink(hostile, hostile)])
    kept = hostile.replace("\ud800", "?").replace("\x00", "")
    assert texts(store) == [kept, kept]
    assert store.episode(kept).episode.show == kept
    assert store.wanted() == ()


# --- notes ------------------------------------------------------------------------------------------------------


def test_a_note_finds_its_episode_by_id_or_video_whichever_comes_first(store: Store) -> None:
    put_note(store, "s/by_id.md", "claim", id="a", title="By id")
    put_note(store, "s/by_video.md", "claim", video_id="abcdefghijk", title="By video")
    put_note(store, "s/alone.md", "claim", video_id="zzzzzzzzzzz", title="Alone")
    assert {entry.episode_id for entry in store.notes()} == {""}
    put(store, "transcripts/t/a.vtt", a_transcript("a", "one", video_id="abcdefghijk", show="The Show"))
    assert [(e.path, e.episode_id, e.show) for e in store.notes()] == [
        ("s/alone.md", "", "s"),
        ("s/by_id.md", "a", "The Show"),
        ("s/by_video.md", "a", "The Show"),
    ]
    assert store.episode("a").notes == ("s/by_id.md", "s/by_video.md")
    assert store.episodes()[0].notes == ("s/by_id.md", "s/by_video.md")
    by_file = {p.file: p for p in store.passages(store.passage_ids()).values()}
    assert by_file["transcripts/t/a.vtt"].note == "s/by_id.md"
    assert by_file["notes/s/by_video.md"].episode.title == "About a"
    store.remove_files(["transcripts/t/a.vtt"])
    assert {entry.episode_id for entry in store.notes()} == {""}


def test_an_id_of_youtube_is_a_video_id_on_both_sides(store: Store) -> None:
    put_note(store, "s/n.md", "claim", video_id="abcdefghijk")
    put(store, "transcripts/s/a.vtt", a_transcript("yt:abcdefghijk", "one"))
    assert store.episode("yt:abcdefghijk").notes == ("s/n.md",)


def test_a_note_without_a_transcript_can_be_played_on_youtube(store: Store) -> None:
    put_note(
        store, "s/n.md", "claim", video_id="abcdefghijk", title="A talk", date=dt.date(2020, 1, 2), speakers=("Ada",)
    )
    (passage,) = store.passages(store.passage_ids()).values()
    assert passage.episode == Episode(
        id="yt:abcdefghijk",
        title="A talk",
        show="s",
        date=dt.date(2020, 1, 2),
        video_id="abcdefghijk",
        speakers=("Ada",),
    )
    assert (passage.kind, passage.note, passage.heading, passage.start_s) == ("note", "s/n.md", "Head", 3.0)
    assert store.note_entry("s/n.md").title == "A talk"
    with pytest.raises(NotFoundError):
        store.note_entry("../library.db")


def test_a_concept_belongs_to_no_episode_and_no_show(store: Store) -> None:
    put(store, "transcripts/s/a.vtt", a_transcript("a", "one"))
    put_note(store, "concepts/n.md", "claim", kind="concept", id="a", title="Concept")
    (entry,) = store.notes()
    assert (entry.kind, entry.show, entry.episode_id) == ("concept", "", "")
    assert store.episode("a").notes == ()
    assert store.passages(store.passage_ids())[2].episode.id == ""


def test_links_resolve_by_file_name_title_and_alias(store: Store) -> None:
    put_note(store, "s/wax_cylinder.md", title="TCP/IP on wax", aliases=("Walze",))
    put_note(store, "t/other.md", title="Other")
    for target in ("Wax-Cylinder", "s/wax cylinder", "tcp/ip on WAX", "walze", "wax_cylinder.md"):
        assert store.resolve(target, "t/other.md") == "s/wax_cylinder.md", target
    assert store.resolve("nobody wrote this") is None
    assert store.resolve("t/wax_cylinder") is None


def test_backlinks_and_wanted_pages(store: Store) -> None:
    wax = WikiLink("Wax", "the wax", context="Of the wax.")
    put_note(store, "s/wax.md", title="Wax", links=[WikiLink("wax", "itself"), WikiLink("tin_foil", "tin")])
    put_note(store, "s/a.md", title="A", links=[wax, WikiLink("Tin Foil", "foil"), WikiLink("t/wax", "no such path")])
    put_note(store, "t/b.md", title="B", links=[WikiLink("s/wax", "by path"), WikiLink("", "here", "heading")])
    assert [(b.path, b.title, b.label, b.context) for b in store.backlinks("s/wax.md")] == [
        ("s/a.md", "A", "the wax", "Of the wax."),
        ("t/b.md", "B", "by path", ""),
    ]
    assert store.backlinks("s/a.md") == store.backlinks("no.md") == ()
    assert store.wanted() == (("Tin Foil", 2), ("t/wax", 1))
    assert store.wanted(1) == (("Tin Foil", 2),)
    put_note(store, "s/tin-foil.md", title="Foil")
    assert store.wanted() == (("t/wax", 1),)


# --- shows, filters, counts ---------------------------------------------------------------------------------------


@pytest.fixture
def two_shows(store: Store) -> Store:
    put(
        store,
        "transcripts/leader-tape/a.vtt",
        a_transcript("a", "one", "two", show="Leader Tape", date=dt.date(2024, 1, 5), duration_s=1800.0),
    )
    put(
        store, "transcripts/second/b.vtt", a_transcript("b", "three", speakers=("Cleo Ädel",), date=dt.date(2024, 6, 1))
    )
    put_note(store, "leader-tape/a.md", "claim", id="a", title="A")
    put_note(store, "second/undated.md", "claim", title="U")
    put_note(store, "concepts/c.md", "claim", kind="concept", title="C")
    return store  # fmt: skip


def test_shows_count_episodes_hours_and_notes(two_shows: Store) -> None:
    leader, second = two_shows.shows()
    assert (leader.name, leader.slug, leader.episodes, leader.hours, leader.notes) == (
        "Leader Tape",
        "leader-tape",
        1,
        0.5,
        1,
    )
    assert (leader.first, leader.last) == (dt.date(2024, 1, 5), dt.date(2024, 1, 5))
    assert (second.name, second.slug, second.hours) == ("second", "second", 30 / 3600)
    counts = two_shows.counts()
    assert (counts.shows, counts.episodes, counts.notes, counts.concepts, counts.passages) == (2, 2, 3, 1, 6)
    assert [e.episode.id for e in two_shows.episodes()] == ["b", "a"]
    assert [e.episode.id for e in two_shows.episodes("leader tape")] == ["a"]
    assert [n.path for n in two_shows.notes("second")] == ["second/undated.md"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), ["one two", "two", "three", "claim", "claim", "claim"]),
        (Filters(shows=("leader-tape",)), ["one two", "two", "claim"]),
        (Filters(shows=("Leader Tape", "second")), ["one two", "two", "three", "claim", "claim"]),
        (Filters(shows=("nothing",)), []),
        (Filters(kind="quote", shows=("leader-tape",)), ["one two", "two"]),
        (Filters(kind="note"), ["claim", "claim", "claim"]),
        (Filters(speakers=("lind",)), ["one two", "two"]),
        (Filters(speakers=("adel cleo", "nobody")), ["three"]),
        (Filters(speakers=("ada lind",)), []),
        (Filters(after=dt.date(2024, 6, 1)), ["three"]),
        (Filters(before=dt.date(2024, 6, 1)), ["one two", "two", "claim"]),
        (Filters(after=dt.date(2024, 1, 5), before=dt.date(2024, 1, 6), kind="note"), ["claim"]),
    ],
)
def test_filters(two_shows: Store, filters: Filters, expected: list[str]) -> None:
    ids = two_shows.passage_ids(filters)
    assert ids.dtype == np.int64
    assert sorted(ids.tolist()) == ids.tolist()
    assert [p.text for p in two_shows.passages(ids).values()] == expected


def test_passages_that_are_not_there_are_left_out(two_shows: Store) -> None:
    assert list(two_shows.passages([999, 1])) == [1]
    assert two_shows.passages([]) == {}


def test_texts_for_the_words_carry_title_beginning_and_speakers(two_shows: Store) -> None:
    first, *_, last = two_shows.passage_texts()
    assert (first.title, first.beginning, first.text) == ("About a", "one", "one two")
    assert first.speakers == ("Ada Moor", "Bo Lind")
    assert (last.title, last.heading, last.speakers) == ("C", "Head", ())
    assert [p.id for p in two_shows.passage_texts(after=4)] == [5, 6]


# --- vectors ------------------------------------------------------------------------------------------------------


def test_a_text_is_embedded_once_wherever_it_stands(store: Store) -> None:
    put(store, "transcripts/s/a.vtt", a_transcript("a", "same", "other", "same"))
    put(store, "transcripts/s/b.vtt", a_transcript("b", "same"))
    missing = store.texts_without_vector("m")
    assert [text for _, text in missing] == ["same", "other"]
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    store.put_vectors("m", [key for key, _ in missing], vectors)
    assert store.texts_without_vector("m") == []
    assert len(store.texts_without_vector("another")) == 2
    np.testing.assert_array_equal(store.chunk_vectors("transcripts/s/a.vtt", "m"), [[1, 0], [0, 1], [1, 0]])
    ids, found = store.passage_vectors("m")
    assert ids.tolist() == store.passage_ids().tolist()
    np.testing.assert_array_equal(found, [[1, 0], [0, 1], [1, 0], [1, 0]])
    assert store.passage_vectors("m", after=3)[0].tolist() == [4]
    assert store.passage_vectors("another")[0].tolist() == []


def test_chunk_vectors_of_a_text_not_embedded_yet_raise(store: Store) -> None:
    put(store, "transcripts/s/a.vtt", a_transcript("a", "one"))
    with pytest.raises(KeyError, match="not embedded"):
        store.chunk_vectors("transcripts/s/a.vtt", "m")
    assert store.chunk_vectors("transcripts/unknown.vtt", "m").shape == (0, 0)


def test_vectors_nobody_uses_can_be_pruned(store: Store) -> None:
    put(store, "transcripts/s/a.vtt", a_transcript("a", "one", "two"))
    keys = [key for key, _ in store.texts_without_vector("m")]
    store.put_vectors("m", keys, np.ones((2, 2), np.float32))
    store.put_vectors("old", keys, np.ones((2, 2), np.float32))
    put(store, "transcripts/s/a.vtt", a_transcript("a", "two"))
    assert store.prune_vectors("m") == 3
    assert store.texts_without_vector("m") == []
    assert store.counts().vectors == 1


# --- journal ------------------------------------------------------------------------------------------------------


def test_the_journal_keeps_the_last_entry_of_a_stage(store: Store) -> None:
    first = JournalEntry("a", "heard", "in", "out", "", "2024-01-01T00:00:00Z")
    second = JournalEntry("a", "heard", "in2", "out2", "again", "2024-01-02T00:00:00Z")
    other = JournalEntry("b", "noted", "in", "out", "", "2024-01-01T00:00:00Z")
    store.put_journal([first, other])
    store.put_journal([second])
    assert store.journal() == (second, other)
    assert store.journal("a") == (second,)


# --- the database -------------------------------------------------------------------------------------------------


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def break_off() -> None:
        with store.transaction():
            put(store, "transcripts/s/a.vtt", a_transcript("a", "one"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert (store.files(), store.generation) == ({}, 0)
    with store.transaction():
        put(store, "transcripts/s/a.vtt", a_transcript("a", "one"))
        put(store, "transcripts/s/b.vtt", a_transcript("b", "two"))
    assert store.generation == 1


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    open_store(tmp_path / "library.db").close()
    connection = sqlite3.connect(tmp_path / "library.db")
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_library_of_a_newer_hark_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path / "library.db").close()
    with sqlite3.connect(tmp_path / "library.db") as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    for read_only in (False, True):
        with pytest.raises(LibraryTooNewError, match="update Hark"):
            open_store(tmp_path / "library.db", read_only=read_only)


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to look like one" * 99, b"SQLite format 3\0" + b"x" * 9000]
)
def test_what_is_no_database_is_damage_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "library.db").write_bytes(content)
    for read_only in (False, True):
        with pytest.raises(LibraryDamagedError, match="hark index --rebuild") as raised:
            open_store(tmp_path / "library.db", read_only=read_only)
        assert str(tmp_path) in str(raised.value)


def test_a_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "library.db") as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(LibraryDamagedError, match="not a database of Hark"):
        open_store(tmp_path / "library.db")


def test_a_page_overwritten_is_damage_when_it_is_read(tmp_path: Path) -> None:
    db = tmp_path / "library.db"
    with open_store(db) as store:
        put(store, "transcripts/s/a.vtt", a_transcript("a", *["words " * 300] * 40))
    data = bytearray(db.read_bytes())
    data[8192:] = b"\xa5" * (len(data) - 8192)
    db.write_bytes(data)
    with pytest.raises(LibraryDamagedError, match="rebuild"), open_store(db) as store:
        texts(store)


def test_a_damaged_database_can_be_set_aside(tmp_path: Path) -> None:
    (tmp_path / "library.db").write_bytes(b"rubbish" * 1000)
    kept = set_aside(tmp_path / "library.db")
    assert kept is not None
    assert kept.read_bytes() == b"rubbish" * 1000
    open_store(tmp_path / "library.db").close()
    (tmp_path / "other.db").unlink(missing_ok=True)
    assert set_aside(tmp_path / "other.db") is None


def test_reading_where_nothing_is_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotALibraryError):
        open_store(tmp_path / "library.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_store_opened_for_reading_is_not_written(tmp_path: Path) -> None:
    with open_store(tmp_path / "library.db") as writer:
        put(writer, "transcripts/s/a.vtt", a_transcript("a", "one"))
    with open_store(tmp_path / "library.db", read_only=True) as store:
        assert texts(store) == ["one"]
        with pytest.raises(LibraryReadOnlyError):
            store.set_meta("x", "y")


READ_ONLY_FOLDER = """
import os, sys
from pathlib import Path
sys.path[:0] = {path!r}
from kb.errors import LibraryReadOnlyError
from kb.index.store import open_store
os.setgid(65534)
os.setuid(65534)  # root may write everywhere
db = Path({db!r})
with open_store(db, read_only=True) as store:
    print(len(store.files()))
try:
    open_store(db)
except LibraryReadOnlyError as error:
    print("refused")
"""


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become a user without rights"
)
def test_a_library_in_a_read_only_folder_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    with open_store(folder / "library.db") as store:
        put(store, "transcripts/s/a.vtt", a_transcript("a", "one"))
    for path in (*tmp_path.parents, tmp_path):
        if path.stat().st_uid == 0 and str(path).startswith("/tmp/pytest"):
            path.chmod(0o755)
    folder.chmod(0o555)
    (folder / "library.db").chmod(0o444)
    script = READ_ONLY_FOLDER.format(path=sys.path, db=str(folder / "library.db"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["1", "refused"], done.stderr


def test_a_writer_that_waits_too_long_hears_that_the_library_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    with open_store(tmp_path / "library.db") as one, open_store(tmp_path / "library.db") as two, one.transaction():
        with pytest.raises(LibraryBusyError):
            two.set_meta("x", "y")
        assert two.meta("x") == ""


def test_a_full_disk_is_said_to_be_one_and_loses_nothing(store: Store) -> None:
    put(store, "transcripts/s/a.vtt", a_transcript("a", "one"))
    ((pages,),) = store.rows("PRAGMA page_count")
    store.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskFullError, match="no space"):
        put(store, "transcripts/s/b.vtt", a_transcript("b", *["words " * 2000] * 20))
    assert texts(store) == ["one"]
    store.rows("PRAGMA max_page_count = 1000000")
    put(store, "transcripts/s/b.vtt", a_transcript("b", "two"))
    assert texts(store) == ["one", "two"]


def test_every_meaning_of_an_sqlite_error_is_a_library_error() -> None:
    for code, (kind, what, remedy) in database._MEANINGS.items():
        error = sqlite3.OperationalError("said by SQLite")
        error.sqlite_errorcode = code | (3 << 8)  # extended codes keep the primary one in their lowest byte
        ours = database.meaning(error, "library.db")
        assert isinstance(ours, kind)
        assert isinstance(ours, LibraryError)
        assert what
        assert remedy
    assert database.meaning(sqlite3.ProgrammingError("ours"), "library.db") is None


def test_a_bug_keeps_its_traceback(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        store.rows("SELECT * FROM nonsense")
