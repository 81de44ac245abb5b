from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.embedder import HashEmbedder
from filelock import FileLock

from kb.errors import DiskFullError, LibraryReadOnlyError
from kb.index import generations, snapshot
from kb.index.encoders import file_sha256
from kb.index.generations import current_folder, current_manifest, is_sound, read_manifest
from kb.index.snapshot import current_snapshot, write_snapshot
from kb.index.store import Store, StoredFile, open_store, set_aside
from kb.model import Chunk, Episode, Segment, Transcript

WORDS = ["wax", "mill", "river", "tape", "groove", "needle", "water", "coast", "storm", "moon"]


@pytest.fixture
def derived(tmp_path: Path) -> Path:
    folder = tmp_path / ".hark"
    folder.mkdir()
    return folder


@pytest.fixture
def store(derived: Path) -> Iterator[Store]:
    with open_store(derived / "library.db") as opened:
        for number in range(6):
            put(opened, number)
        embed(opened)
        yield opened


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


def put(store: Store, number: int, *said: str) -> None:
    said = said or tuple(f"{WORDS[(number + at) % 10]} number {number} at {at}" for at in range(12))
    segments = tuple(Segment(at * 30.0, at * 30.0 + 30, text) for at, text in enumerate(said))
    chunks = tuple(Chunk(s.text, s.start_s, s.end_s) for s in segments)
    path = f"transcripts/s/{number}.vtt"
    file = StoredFile(path, 1, 2, "ab", "transcript", 3)
    store.put_transcript(file, Transcript(Episode(id=str(number), title=f"T{number}"), segments), chunks)


def embed(store: Store) -> None:
    fake = HashEmbedder()
    missing = store.texts_without_vector(fake.model_id)
    store.put_vectors(fake.model_id, [key for key, _ in missing], fake.encode([text for _, text in missing]))


def answers(opened: snapshot.Snapshot) -> tuple[object, ...]:
    assert opened.vectors is not None
    ids, scores = opened.vectors.search(HashEmbedder().encode_query("wax river"), 20)
    words = opened.lexical.passages(["wax", "river"], k=20)
    return ids.tolist(), scores.round(5).tolist(), sorted(words), len(opened.lexical), len(opened.vectors)


def flip(path: Path, at: int) -> None:
    """Flips a bit where it is: tantivy may have the file mapped, and cut to nothing it would take the process along."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 16]))


def test_a_snapshot_holds_all_passages_and_is_read_again(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    made = current_snapshot(derived, store, embedder, "en")
    assert made.generation == store.generation
    assert len(made.lexical) == 72
    folder = current_folder(derived)
    assert folder is not None
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    again = current_snapshot(derived, store, embedder, "en")
    assert answers(again) == answers(made)
    assert current_folder(derived) == folder
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert embedder.encoded == []


def test_a_snapshot_carried_on_answers_as_one_made_afresh(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    write_snapshot(derived, store, embedder)
    put(store, 2, "a wax river", "no longer what it was")
    put(store, 9, "new wax")
    store.remove_files(["transcripts/s/4.vtt"])
    embed(store)
    carried = answers(current_snapshot(derived, store, embedder, "en"))
    write_snapshot(derived, store, embedder, afresh=True)
    assert carried == answers(current_snapshot(derived, store, embedder, "en"))


def test_carrying_on_shares_the_files_that_stay_and_leaves_the_old_generation_whole(
    derived: Path, store: Store, embedder: HashEmbedder
) -> None:
    first = write_snapshot(derived, store, embedder)
    manifest = read_manifest(first)
    put(store, 9, "new wax")
    embed(store)
    second = write_snapshot(derived, store, embedder)
    shared = [p for p in second.rglob("*") if p.is_file() and p.stat().st_nlink == 2]
    assert any(path.suffix == ".idx" for path in shared)
    assert is_sound(first, manifest)
    assert is_sound(second, read_manifest(second))


def test_where_there_are_no_links_files_are_copied(
    derived: Path, store: Store, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    write_snapshot(derived, store, embedder)
    put(store, 9, "new wax")
    embed(store)
    opened = current_snapshot(derived, store, embedder, "en")
    assert len(opened.lexical) == 73
    folder = current_folder(derived)
    assert folder is not None
    rot(max((folder / "lexical" / "passages").glob("*.term"), key=lambda path: path.stat().st_size))
    put(store, 10, "newer wax")
    embed(store)
    copied = write_snapshot(derived, store, embedder)
    assert not is_sound(copied, read_manifest(copied))
    assert len(current_snapshot(derived, store, embedder, "en").lexical) == 74


def test_the_generation_before_stays_and_older_ones_go(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    for _ in range(4):
        write_snapshot(derived, store, embedder)
    assert sorted(path.name for path in (derived / "index").iterdir()) == ["CURRENT", "gen-3", "gen-4"]
    assert (derived / "index" / "CURRENT").read_text() == "gen-4\n"


@pytest.mark.parametrize(
    "name",
    [
        *("vectors/000001.faiss", "vectors/000001.gone.npy", "vectors/000002.faiss"),
        *("lexical/passages/meta.json", "manifest.json", "a segment"),
    ],
)
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_snapshot_is_made_again_without_embedding(
    derived: Path, store: Store, embedder: HashEmbedder, name: str, damage: str
) -> None:
    write_snapshot(derived, store, embedder)
    store.remove_files(["transcripts/s/4.vtt"])
    put(store, 9, "new wax")
    embed(store)
    folder = write_snapshot(derived, store, embedder)
    expected = answers(current_snapshot(derived, store, embedder, "en"))
    path = next((folder / "lexical").rglob("*.idx")) if name == "a segment" else folder / name
    data = path.read_bytes()
    if damage == "flip":
        flip(path, len(data) // 2)
    else:
        path.unlink()
        if damage == "cut":
            path.write_bytes(data[:-1])
    assert answers(current_snapshot(derived, store, embedder, "en")) == expected
    assert current_folder(derived) != folder
    assert embedder.encoded == []


@pytest.mark.parametrize("content", ["", "gen-99\n", "../../etc\n", "gen-1/../..\n", "\x00", "ü"])
def test_a_pointer_to_nothing_is_not_followed(
    derived: Path, store: Store, embedder: HashEmbedder, content: str
) -> None:
    write_snapshot(derived, store, embedder)
    (derived / "index" / "CURRENT").write_text(content, encoding="utf-8")
    assert len(current_snapshot(derived, store, embedder, "en").lexical) == 72
    assert current_folder(derived) == derived / "index" / "gen-2"


def test_an_unlisted_file_makes_a_snapshot_unsound(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    folder = write_snapshot(derived, store, embedder)
    (folder / "lexical" / "passages" / "foreign.idx").write_bytes(b"")
    assert not is_sound(folder, read_manifest(folder))


def test_another_model_dimension_or_language_is_not_read(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    write_snapshot(derived, store, embedder)
    other = current_snapshot(derived, store, HashEmbedder(32, "hash-2"), "en")
    assert other.vectors is None
    assert len(other.lexical) == 72
    manifest = current_manifest(derived)
    assert manifest is not None
    assert (manifest.model_id, manifest.vectors) == ("hash-2", 0)
    assert current_snapshot(derived, store, embedder, "en").vectors is not None
    german = current_snapshot(derived, store, embedder, "de")
    assert german.lexical.stem("Mühlen") == "muhl"


def test_what_has_changed_since_is_taken_up(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    write_snapshot(derived, store, embedder)
    put(store, 9, "a zeppelin")
    opened = current_snapshot(derived, store, embedder, "en")  # not embedded yet: found by its words alone
    assert list(opened.lexical.passages(["zeppelin"])) == [int(store.passage_ids()[-1])]
    assert opened.vectors is not None
    assert len(opened.vectors) == 72
    embed(store)
    opened = current_snapshot(derived, store, embedder, "en")
    assert opened.vectors is not None
    assert len(opened.vectors) == 73


def test_while_another_writes_its_last_generation_is_used(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    write_snapshot(derived, store, embedder)
    put(store, 9, "a zeppelin")
    with FileLock(derived / "lock"):
        old = current_snapshot(derived, store, embedder, "en")
        assert len(old.lexical) == 72
        (derived / "index" / "CURRENT").unlink()
        assert len(current_snapshot(derived, store, embedder, "en").lexical) == 73
    assert not (derived / "index" / "CURRENT").exists()


def test_a_library_that_cannot_be_written_is_indexed_elsewhere(
    derived: Path, store: Store, embedder: HashEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with open_store(derived / "library.db", read_only=True) as readable:
        opened = current_snapshot(derived, readable, embedder, "en")
        assert len(opened.lexical) == 72
        assert not (derived / "index").exists()
        assert len(list(tmp_path.glob("hark-index-*"))) == 1
        del opened
        assert list(tmp_path.glob("hark-index-*")) == []


def test_an_empty_library_has_a_snapshot(derived: Path, embedder: HashEmbedder) -> None:
    with open_store(derived / "library.db") as empty:
        opened = current_snapshot(derived, empty, embedder, "en")
        assert (len(opened.lexical), opened.vectors) == (0, None)
        assert opened.lexical.passages(["wax"]) == {}
        put(empty, 1)
        embed(empty)
        assert len(current_snapshot(derived, empty, embedder, "en").lexical) == 12


def test_what_an_interrupted_attempt_left_goes(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    left = derived / "index" / ".new-left"
    left.mkdir(parents=True)
    (left / "vectors.faiss").write_bytes(b"half")
    write_snapshot(derived, store, embedder)
    assert not left.exists()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, DiskFullError), (errno.EDQUOT, DiskFullError), (errno.EROFS, LibraryReadOnlyError)],
)
def test_what_the_disk_says_is_understood(
    derived: Path, store: Store, monkeypatch: pytest.MonkeyPatch, number: int, expected: type
) -> None:
    embedder = HashEmbedder()
    before = write_snapshot(derived, store, embedder)

    def refuse(path: Path) -> None:
        raise OSError(number, "said by the system")

    monkeypatch.setattr(generations, "_sync", refuse)
    with pytest.raises(expected):
        write_snapshot(derived, store, embedder)
    assert current_folder(derived) == before


def test_the_manifest_says_what_it_holds(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    folder = write_snapshot(derived, store, embedder)
    table = json.loads((folder / "manifest.json").read_text())
    assert table["generation"] == store.generation
    assert (table["passages"], table["vectors"], table["dimension"], table["language"]) == (72, 72, 32, "en")
    assert (table["last_passage"], table["departures"]) == (72, 0)
    assert table["segments"] == [{"number": 1, "last": 72, "vectors": 72, "gone": 0}]
    assert {"vectors/000001.faiss", "lexical/passages/meta.json"} <= table["files"].keys()


# --- what the next generation takes over --------------------------------------------------------------------------


def many(store: Store, numbers: range) -> None:
    for number in numbers:
        put(store, number)
    embed(store)


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are hashed from now on, by name."""
    names: list[str] = []

    def watched(path: Path) -> str:
        names.append(path.name)
        return file_sha256(path)

    monkeypatch.setattr(generations, "file_sha256", watched)
    return names


def test_what_is_written_and_hashed_follows_what_came_and_went(
    derived: Path, store: Store, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(store, range(10, 60))
    first = write_snapshot(derived, store, embedder)
    put(store, 3, "a wax river", "changed")
    embed(store)
    names = hashed(monkeypatch)
    second = write_snapshot(derived, store, embedder)
    manifest = read_manifest(second)
    assert [(one.number, one.vectors, one.gone) for one in manifest.segments] == [(1, 672, 12), (2, 2, 0)]
    assert "000001.faiss" not in names
    assert (second / "vectors/000001.faiss").samefile(first / "vectors/000001.faiss")
    known = read_manifest(first).files
    linked = {name for name, part in manifest.files.items() if (second / name).stat().st_nlink > 1}
    assert {name for name in linked if name.startswith("lexical/")}
    assert all(manifest.files[name] == known[name] for name in linked)
    assert is_sound(second, manifest)


def test_a_generation_carried_on_often_answers_as_one_made_afresh(
    derived: Path, store: Store, embedder: HashEmbedder
) -> None:
    for number in range(6, 26):
        put(store, number)
        if number % 3 == 0:
            store.remove_files([f"transcripts/s/{number - 6}.vtt"])
        if number % 5 == 0:
            put(store, number - 1, "changed wax", "and changed river")
        embed(store)
        write_snapshot(derived, store, embedder)
        manifest = current_manifest(derived)
        assert manifest is not None
        assert manifest.passages == manifest.vectors == store.passage_count()
        assert len(manifest.segments) <= 5
        assert manifest.removed * 4 <= manifest.passages + 100
    carried = contents(current_snapshot(derived, store, embedder, "en"))
    vectors = current_snapshot(derived, store, embedder, "en").vectors
    write_snapshot(derived, store, embedder, afresh=True)
    again = current_snapshot(derived, store, embedder, "en").vectors
    assert carried == contents(current_snapshot(derived, store, embedder, "en"))
    assert vectors is not None
    assert again is not None
    for text in ("wax river", "mill number 7", "changed"):
        query = embedder.encode_query(text)
        for found, expected in zip(vectors.search(query, 500), again.search(query, 500), strict=True):
            assert found.tobytes() == expected.tobytes()


def contents(opened: snapshot.Snapshot) -> tuple[object, ...]:
    """What each word finds in all, without its score: documents that are gone count in that for a while."""
    assert opened.vectors is not None
    ids, scores = opened.vectors.search(HashEmbedder().encode_query("wax river"), 1000)
    return [sorted(opened.lexical.passages([word], k=1000)) for word in WORDS], ids.tolist(), scores.tobytes()


def rot(path: Path) -> None:
    """Flips a bit without a trace in the file's size and time, as a failing disk would."""
    stat = path.stat()
    flip(path, stat.st_size // 3)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


ENDINGS = ["faiss", "idx", "term", "store", "fast", "pos", "fieldnorm", "npy", "json"]


@pytest.mark.parametrize(("ending", "rounds"), [*((ending, 1) for ending in ENDINGS), ("idx", 8), ("term", 8)])
def test_a_file_that_rotted_is_never_the_source_of_a_generation_that_is_searched(
    derived: Path, store: Store, embedder: HashEmbedder, ending: str, rounds: int
) -> None:
    write_snapshot(derived, store, embedder)
    put(store, 2, "a wax river")
    embed(store)
    folder = write_snapshot(derived, store, embedder)
    place = folder / "vectors" if ending in {"faiss", "npy"} else folder / "lexical" / "passages"
    rot(max(place.glob(f"*.{ending}"), key=lambda path: path.stat().st_size))
    for number in range(rounds):  # tantivy merges after eight
        put(store, 100 + number, f"wax number {number}")
        embed(store)
        write_snapshot(derived, store, embedder)
    carried = contents(current_snapshot(derived, store, embedder, "en"))
    now = current_folder(derived)
    assert now is not None
    assert is_sound(now, read_manifest(now))
    write_snapshot(derived, store, embedder, afresh=True)
    assert carried == contents(current_snapshot(derived, store, embedder, "en"))
    assert embedder.encoded == []


def test_the_index_of_another_database_is_not_taken_for_its_own(
    derived: Path, store: Store, embedder: HashEmbedder
) -> None:
    write_snapshot(derived, store, embedder)
    generation = store.generation
    store.close()
    set_aside(derived / "library.db")
    with open_store(derived / "library.db") as other:
        for number in range(6):
            put(other, number, *(f"zeppelin {number} {at}" for at in range(12)))
        embed(other)
        assert other.generation == generation
        opened = current_snapshot(derived, other, embedder, "en")
        assert len(opened.lexical.passages(["zeppelin"], k=100)) == 72


def test_the_index_of_a_later_time_is_not_taken_for_one_of_before(
    derived: Path, store: Store, embedder: HashEmbedder
) -> None:
    write_snapshot(derived, store, embedder)
    store.close()
    kept = (derived / "library.db").read_bytes()
    with open_store(derived / "library.db") as later:
        many(later, range(10, 13))
        write_snapshot(derived, later, embedder)
    (derived / "library.db").write_bytes(kept)
    with open_store(derived / "library.db") as taken_back:
        for number in range(10, 13):
            put(taken_back, number, *(f"zeppelin {number} {at}" for at in range(12)))
        embed(taken_back)
        opened = current_snapshot(derived, taken_back, embedder, "en")
        assert len(opened.lexical.passages(["zeppelin"], k=100)) == 36
        assert opened.vectors is not None
        assert len(opened.vectors) == 108


def test_cut_short_before_it_is_current_the_one_before_is_still_carried_on(
    derived: Path, store: Store, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(store, range(10, 40))
    first = write_snapshot(derived, store, embedder)
    for number in range(3):
        store.remove_files([f"transcripts/s/{number}.vtt"])
        with monkeypatch.context() as patch:
            patch.setattr(snapshot, "finish", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                write_snapshot(derived, store, embedder)
        assert current_folder(derived) == first
    names = hashed(monkeypatch)
    opened = current_snapshot(derived, store, embedder, "en")
    assert opened.vectors is not None
    assert len(opened.lexical) == len(opened.vectors) == 33 * 12
    assert names.count("000001.faiss") == 1  # to search in it, not to write it
    assert store.rows("SELECT count(*) FROM gone_passages") == [(36,)]
    put(store, 2, "one more")
    embed(store)
    write_snapshot(derived, store, embedder)
    assert store.rows("SELECT count(*) FROM gone_passages") == [(0,)]


def test_a_passage_that_got_its_vector_later_is_there(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    put(store, 9, "a zeppelin")
    write_snapshot(derived, store, embedder)
    put(store, 10, "a biplane")
    embed(store)
    opened = current_snapshot(derived, store, embedder, "en")
    assert opened.vectors is not None
    assert len(opened.vectors) == 74
