from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes.embedder import HashEmbedder
from filelock import FileLock

from kb.errors import DiskFullError, LibraryReadOnlyError
from kb.index import generations, snapshot
from kb.index.generations import current_folder, current_manifest, is_sound, read_manifest
from kb.index.snapshot import current_snapshot, write_snapshot
from kb.index.store import Store, StoredFile, open_store
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


def test_the_generation_before_stays_and_older_ones_go(derived: Path, store: Store, embedder: HashEmbedder) -> None:
    for _ in range(4):
        write_snapshot(derived, store, embedder)
    assert sorted(path.name for path in (derived / "index").iterdir()) == ["CURRENT", "gen-3", "gen-4"]
    assert (derived / "index" / "CURRENT").read_text() == "gen-4\n"


@pytest.mark.parametrize(
    "name", ["vectors.faiss", "ids.npy", "lexical/passages/meta.json", "manifest.json", "a segment"]
)
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_snapshot_is_made_again_without_embedding(
    derived: Path, store: Store, embedder: HashEmbedder, name: str, damage: str
) -> None:
    folder = write_snapshot(derived, store, embedder)
    expected = answers(current_snapshot(derived, store, embedder, "en"))
    path = next((folder / "lexical").rglob("*.idx")) if name == "a segment" else folder / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if damage == "cut" else data)
    assert answers(current_snapshot(derived, store, embedder, "en")) == expected
    if not (name == "manifest.json" and damage == "flip"):  # where the flip hits a name, JSON is still JSON
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
    assert np.load(folder / "ids.npy").tolist() == store.passage_ids().tolist()
    assert {"vectors.faiss", "ids.npy", "lexical/passages/meta.json"} <= table["files"].keys()
