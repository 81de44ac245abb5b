from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes.embedder import HashEmbedder

from kb.errors import LibraryReadOnlyError
from kb.index import refresh as refresh_module
from kb.index.catalogue import RACY_NS, StoredFile
from kb.index.generations import current_folder, is_sound, read_manifest
from kb.index.refresh import RefreshPlan, RefreshReport, is_stale, plan_refresh, refresh
from kb.index.scan import Scan, scan_library
from kb.index.store import Store, open_store
from kb.model import Episode, Finding, Segment, Transcript
from kb.ports import no_progress
from kb.transcripts.webvtt import render_webvtt

LONG_AGO = 1_500_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("notes/s", "transcripts/s", ".hark"):
        (tmp_path / folder).mkdir(parents=True)
    write_transcript(tmp_path, "s/a", "The wax cylinder keeps what was said.", "It is warm to the touch.")
    write_transcript(tmp_path, "s/b", "Rivers bend where the ground is soft.")
    write(tmp_path, "notes/s/a.md", "---\ntitle: A\nid: s/a\n---\n\n# Wax\n\nWax keeps what was said.\n")
    return tmp_path


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    with open_store(root / ".hark" / "library.db") as opened:
        yield opened


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


def write(root: Path, path: str, text: str | bytes, *, at: float = LONG_AGO) -> Path:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(place, (at, at))
    return place


def write_transcript(root: Path, name: str, *said: str, at: float = LONG_AGO) -> Path:
    segments = tuple(Segment(n * 40.0, n * 40.0 + 39, text, "Ada Moor") for n, text in enumerate(said))
    transcript = Transcript(Episode(id=name, title=f"Episode {name}", show="S"), segments)
    return write(root, f"transcripts/{name}.vtt", render_webvtt(transcript), at=at)


def run(root: Path, store: Store, embedder: object, **options: object) -> RefreshReport:
    return refresh(root, store, embedder, progress=no_progress, **options)  # type: ignore[arg-type]


def counted(report: RefreshReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.removed, report.unchanged


def no_embedder() -> HashEmbedder:
    raise AssertionError("the model was asked for")


# --- the plan -----------------------------------------------------------------------------------------------------


def test_the_plan_compares_size_and_time() -> None:
    on_disk = {"notes/new.md": (1, 5), "notes/same.md": (1, 5), "notes/larger.md": (2, 5), "notes/later.md": (1, 6)}
    known = {f"notes/{name}.md": (1, 5) for name in ("same", "larger", "later", "gone")}
    assert plan_refresh(on_disk, known) == RefreshPlan(
        added=("notes/new.md",),
        suspect=("notes/larger.md", "notes/later.md"),
        removed=("notes/gone.md",),
        unchanged=1,
    )


@pytest.mark.parametrize(("age_ns", "racy"), [(0, True), (1_999_999_999, True), (2_000_000_000, False), (-5, True)])
def test_a_file_stored_right_after_it_changed_is_suspect(store: Store, age_ns: int, racy: bool) -> None:
    file = StoredFile("notes/a.md", 1, 10**18, "ab", "note", 10**18 + age_ns)
    store.put_damaged(file, Finding("rule", "message"))
    assert store.racy_files() == ({"notes/a.md"} if racy else set())
    stats = {"notes/a.md": (1, 10**18), "notes/b.md": (1, 1)}
    plan = plan_refresh(stats, stats, store.racy_files())
    assert (plan.suspect, plan.unchanged) == ((("notes/a.md",), 1) if racy else ((), 2))


def test_the_bound_of_the_index_of_racy_files_is_the_one_that_is_meant(store: Store) -> None:
    (statement,) = store.row("SELECT sql FROM sqlite_master WHERE name = 'files_racy'") or ("",)
    assert statement.endswith(f"stored_ns - mtime_ns < {RACY_NS}")


def test_a_kind_of_files_that_vanishes_at_once_is_withheld() -> None:
    known = dict.fromkeys(("notes/a.md", "notes/b.md", "transcripts/a.vtt", "transcripts/b.vtt"), (1, 5))
    on_disk = {"transcripts/a.vtt": (1, 5)}
    plan = plan_refresh(on_disk, known)
    assert (plan.removed, plan.withheld) == (("transcripts/b.vtt",), ("notes/a.md", "notes/b.md"))
    plan = plan_refresh(on_disk, known, forget=True)
    assert (plan.removed, plan.withheld) == (("notes/a.md", "notes/b.md", "transcripts/b.vtt"), ())


# --- files --------------------------------------------------------------------------------------------------------


def test_everything_is_read_and_embedded_once(root: Path, store: Store, embedder: HashEmbedder) -> None:
    report = run(root, store, embedder)
    assert (counted(report), report.findings) == ((3, 0, 0, 0), ())
    assert report.passages == store.passage_count() > 3
    assert report.embedded == len(embedder.encoded) == len(set(embedder.encoded))
    assert current_folder(root / ".hark") is not None
    assert not is_stale(root, store)


def test_a_second_time_nothing_is_opened_embedded_or_written(
    root: Path, store: Store, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(root, store, embedder)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    monkeypatch.setattr(Path, "read_bytes", _only_manifests(Path.read_bytes))
    report = run(root, store, no_embedder)
    assert (counted(report), report.embedded) == ((0, 0, 0, 3), 0)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def _only_manifests(read: object) -> object:
    def guarded(path: Path) -> bytes:
        assert path.name == "manifest.json", f"{path} was opened"
        return read(path)  # type: ignore[operator,no-any-return]

    return guarded


def test_only_what_changed_is_read_and_only_new_texts_are_embedded(
    root: Path, store: Store, embedder: HashEmbedder
) -> None:
    run(root, store, embedder)
    embedder.encoded.clear()
    write_transcript(root, "s/a", "The wax cylinder keeps what was said.", "It has grown cold.", at=LONG_AGO + 9)
    assert is_stale(root, store)
    report = run(root, store, embedder)
    assert (counted(report), embedder.encoded) == ((0, 1, 0, 2), ["It has grown cold."])


def test_a_touched_file_is_hashed_once_and_not_read_again(root: Path, store: Store) -> None:
    run(root, store, HashEmbedder())
    generation = store.generation
    os.utime(root / "notes/s/a.md", (LONG_AGO + 50, LONG_AGO + 50))
    assert counted(run(root, store, no_embedder)) == (0, 0, 0, 3)
    assert store.generation == generation
    assert store.files()["notes/s/a.md"].mtime_ns == (LONG_AGO + 50) * 10**9
    assert not is_stale(root, store)


def test_a_change_within_the_resolution_of_the_clock_is_seen(root: Path, store: Store, embedder: HashEmbedder) -> None:
    now = time.time()
    write_transcript(root, "s/b", "The first said this.", at=now)
    run(root, store, embedder)
    write_transcript(root, "s/b", "Another said that..", at=now)  # as long as before
    assert run(root, store, embedder).changed == 1
    texts = {passage.text for passage in store.passages(store.passage_ids()).values()}
    assert "Another said that.." in texts


def test_removed_and_renamed_files(root: Path, store: Store, embedder: HashEmbedder) -> None:
    run(root, store, embedder)
    embedder.encoded.clear()
    (root / "transcripts/s/a.vtt").rename(root / "transcripts/s/z.vtt")
    (root / "transcripts/s/b.vtt").unlink()
    report = run(root, store, embedder)
    assert (counted(report), embedder.encoded) == ((1, 0, 2, 1), [])
    assert store.episode("s/a").transcript == "transcripts/s/z.vtt"


def test_a_folder_that_vanished_keeps_its_rows_until_a_rebuild(
    root: Path, store: Store, embedder: HashEmbedder
) -> None:
    run(root, store, embedder)
    (root / "transcripts").rename(root / "elsewhere")
    for _ in range(2):
        report = run(root, store, embedder)
        assert counted(report) == (0, 0, 0, 1)
        assert [(path, finding.rule) for path, finding in report.findings] == [("transcripts/", "folder-emptied")]
        assert "rebuild" in report.findings[0][1].message
    assert len(store.episodes()) == 2
    assert run(root, store, embedder, rebuild=True).removed == 2
    assert store.episodes() == ()


# --- looking once, looking at a part ------------------------------------------------------------------------------


def test_a_scan_that_was_made_already_spares_another(
    root: Path, store: Store, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = scan_library(root)
    monkeypatch.setattr(refresh_module, "scan_library", lambda root: 1 / 0)
    assert counted(run(root, store, embedder, scan=scan)) == (3, 0, 0, 0)
    assert not is_stale(root, store, scan)
    assert counted(run(root, store, no_embedder, scan=scan)) == (0, 0, 0, 3)
    assert counted(run(root, store, embedder, scan=Scan({"notes/s/a.md": scan.files["notes/s/a.md"]}))) == (0, 0, 0, 1)


def test_only_the_files_that_are_named_are_looked_at(
    root: Path, store: Store, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(root, store, embedder)
    write_transcript(root, "s/c", "Something new was said.")
    write_transcript(root, "s/b", "This one is not named, and stays as it was read.", at=LONG_AGO + 9)
    (root / "transcripts/s/a.vtt").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(refresh_module, "scan_library", lambda root: 1 / 0)
        named = ["transcripts/s/c.vtt", "transcripts/s/a.vtt", "notes/s/a.md", "notes/s/never.md"]
        report = run(root, store, embedder, paths=named)
        assert counted(report) == (1, 0, 1, 1)
        assert store.files().keys() == {"transcripts/s/b.vtt", "transcripts/s/c.vtt", "notes/s/a.md"}
        assert is_sound_now(root)
        assert counted(run(root, store, no_embedder, paths=[])) == (0, 0, 0, 0)
    assert counted(run(root, store, embedder)) == (0, 1, 0, 2)


def steps_of_one_more(root: Path, episodes: int) -> int:
    """How many steps SQLite takes for a new episode beside so many."""
    for number in range(episodes):
        write_transcript(root, f"s/{number}", f"Episode number {number}.")
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    (root / ".hark").mkdir()
    with open_store(root / ".hark/library.db") as store:
        run(root, store, HashEmbedder())
        write_transcript(root, "s/new", "Something new was said.")
        store._connection.set_progress_handler(count, 1)
        report = run(root, store, HashEmbedder(), paths=["transcripts/s/new.vtt"])
        store._connection.set_progress_handler(None, 0)
        assert (counted(report), report.embedded, report.passages) == ((1, 0, 0, 0), 1, episodes + 1)
    return steps


def test_a_new_episode_takes_the_same_steps_beside_few_and_beside_many(tmp_path: Path) -> None:
    few, many = steps_of_one_more(tmp_path / "few", 4), steps_of_one_more(tmp_path / "many", 120)
    assert many <= few * 1.1, (few, many)


def is_sound_now(root: Path) -> bool:
    folder = current_folder(root / ".hark")
    return folder is not None and is_sound(folder, read_manifest(folder))


def test_named_files_that_are_none_of_ours_are_passed_over(
    root: Path, store: Store, embedder: HashEmbedder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run(root, store, embedder)
    outside = write(tmp_path_factory.mktemp("outside"), "secret.md", "# Secret\n")
    (root / "notes/link.md").symlink_to(outside)
    (root / "notes/loop.md").symlink_to(root / "notes/loop.md")
    (root / "notes/folder.md").mkdir()
    write(root, "notes/.hidden/a.md", "# Hidden\n")
    write(root, "hark.md", "# Elsewhere\n")
    foreign = ["notes/link.md", "notes/loop.md", "notes/folder.md", "notes/.hidden/a.md", "hark.md", "notes/../hark.md"]
    assert counted(run(root, store, no_embedder, paths=[*foreign, "", "notes/s/a.vtt", str(outside)])) == (0, 0, 0, 0)
    (root / "notes").rename(root / "elsewhere")
    assert counted(run(root, store, no_embedder, paths=["notes/s/a.md"])) == (0, 0, 0, 0)
    assert store.knows("notes/s/a.md")


# --- damage -------------------------------------------------------------------------------------------------------


def test_a_damaged_transcript_keeps_its_last_good_words_and_is_reported_until_it_is_mended(
    root: Path, store: Store, embedder: HashEmbedder
) -> None:
    run(root, store, embedder)
    write(root, "transcripts/s/a.vtt", b"\x00\x01\x02 not WebVTT", at=LONG_AGO + 1)
    for _ in range(2):
        report = run(root, store, embedder)
        assert [(path, finding.rule) for path, finding in report.findings] == [
            ("transcripts/s/a.vtt", "unreadable-file")
        ]
        assert "is kept" in report.findings[0][1].message
    assert store.episode("s/a").episode.title == "Episode s/a"
    write_transcript(root, "s/a", "Mended.", at=LONG_AGO + 2)
    assert run(root, store, embedder).findings == ()


def test_one_damaged_file_does_not_stop_the_others(root: Path, store: Store, embedder: HashEmbedder) -> None:
    write(root, "transcripts/s/0.vtt", b"\xff\xfe rubbish")
    write(root, "transcripts/s/latin.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nCafé\n".encode("latin-1"))
    write(root, "notes/s/bomb.md", "---\na: &a [x, x]\nb: &b [*a, *a]\n---\n" + "[" * 3000)
    report = run(root, store, embedder)
    assert report.added == 6
    rules = {path: finding.rule for path, finding in report.findings}
    assert rules["transcripts/s/0.vtt"] == "unreadable-file"
    assert rules["transcripts/s/latin.vtt"] == "no-utf8"
    assert len(store.episodes()) == 3


def test_a_file_too_large_is_not_read(root: Path, store: Store, embedder: HashEmbedder) -> None:
    with (root / "transcripts/s/huge.vtt").open("wb") as file:
        file.truncate(65_000_000)
    report = run(root, store, embedder)
    assert [(path, "larger than" in finding.message) for path, finding in report.findings] == [
        ("transcripts/s/huge.vtt", True)
    ]


def test_captions_without_our_head_take_their_names_from_their_path(root: Path, store: Store) -> None:
    write(root, "transcripts/other show/a_talk.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n")
    write(root, "transcripts/loose.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n")
    run(root, store, HashEmbedder())
    talk = store.episode("file:other show/a_talk").episode
    assert (talk.title, talk.show) == ("a talk", "other show")
    assert store.episode("file:loose").episode.show == ""


def test_hidden_unfinished_and_foreign_files_are_not_listed(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    write(outside, "secret.vtt", "WEBVTT\n")
    for name in (".hidden.vtt", "a.vtt.tmp", "b.vtt~", ".git/c.vtt", "~$d.vtt", "d.txt"):
        write(root, f"transcripts/s/{name}", "WEBVTT\n")
    (root / "transcripts/s/link.vtt").symlink_to(outside / "secret.vtt")
    (root / "transcripts/folder").symlink_to(outside)
    (root / "transcripts/s/loop.vtt").symlink_to(root / "transcripts/s/loop.vtt")
    (root / "transcripts/s/inside.vtt").symlink_to(root / "transcripts/s/a.vtt")
    scan = scan_library(root)
    listed = [path for path in scan.files if path.startswith("transcripts/")]
    assert listed == ["transcripts/s/a.vtt", "transcripts/s/b.vtt", "transcripts/s/inside.vtt"]
    assert {path for path, _ in scan.findings} == {"transcripts/s/link.vtt", "transcripts/s/loop.vtt"}


def test_a_name_that_is_no_text_is_a_finding(root: Path, store: Store, embedder: HashEmbedder) -> None:
    try:
        (root / "transcripts/s" / os.fsdecode(b"\xff.vtt")).write_text("WEBVTT\n")
    except OSError:
        pytest.skip("this file system keeps only names that are Unicode")
    report = run(root, store, embedder)
    assert [finding.rule for _, finding in report.findings] == ["unreadable-file"]
    assert report.added == 3


# --- embedding ----------------------------------------------------------------------------------------------------


def test_an_index_that_was_cut_short_goes_on_where_it_stopped(
    root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(HashEmbedder):
        def encode(self, texts: object) -> np.ndarray:
            if len(self.encoded) >= 2:
                raise KeyboardInterrupt
            return super().encode(texts)  # type: ignore[arg-type]

    monkeypatch.setattr(refresh_module, "TEXTS_A_COMMIT", 1)
    cut, whole = Cut(), HashEmbedder()
    with pytest.raises(KeyboardInterrupt):
        run(root, store, cut)
    report = run(root, store, whole)
    assert (counted(report), report.embedded) == ((0, 0, 0, 3), len(whole.encoded))
    assert not set(cut.encoded) & set(whole.encoded)
    assert store.texts_without_vector("hash-1") == []


def test_progress_is_told_with_what_done_and_total(root: Path, store: Store, embedder: HashEmbedder) -> None:
    told: list[tuple[str, int, int]] = []
    refresh(root, store, embedder, progress=lambda *step: told.append(step))
    assert [step for step in told if step[0] == "reading"] == [("reading", 0, 3), ("reading", 3, 3)]
    assert told[-1] == ("writing the index", 1, 1)
    assert all(0 <= done <= total for _, done, total in told)


def test_another_model_embeds_everything_anew(root: Path, store: Store) -> None:
    first = run(root, store, HashEmbedder(), model="first")
    assert run(root, store, no_embedder, model="first").embedded == 0
    other = run(root, store, HashEmbedder(model_id="hash-2"), model="second")
    assert other.embedded == first.embedded
    assert store.meta("model_id") == "hash-2"


def test_without_a_snapshot_it_is_written_the_next_time(root: Path, store: Store, embedder: HashEmbedder) -> None:
    run(root, store, embedder, snapshot=False)
    assert current_folder(root / ".hark") is None
    assert run(root, store, no_embedder, snapshot=False).embedded == 0
    run(root, store, embedder)
    assert current_folder(root / ".hark") is not None
    run(root, store, no_embedder)
    assert len(embedder.encoded) == len(set(embedder.encoded))


def test_a_rebuild_reads_all_files_and_drops_vectors_nobody_uses(root: Path, store: Store) -> None:
    run(root, store, HashEmbedder())
    write_transcript(root, "s/b", "Quite another river.", at=LONG_AGO + 9)
    run(root, store, HashEmbedder())
    with store.transaction():
        store._write("DELETE FROM passages")
    before = store.counts().vectors
    again = HashEmbedder()
    report = run(root, store, again, rebuild=True)
    assert (report.embedded, again.encoded) == (0, [])
    assert report.passages == store.passage_count() > 3
    assert store.counts().vectors == before - 1


def test_files_are_read_again_when_they_would_give_other_rows(
    root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(root, store, HashEmbedder())
    generation = store.generation
    monkeypatch.setattr(refresh_module, "DERIVATION", "a later one")
    assert run(root, store, HashEmbedder()).embedded == 0
    assert store.generation > generation
    run(root, store, no_embedder)


def test_a_read_only_library_is_not_refreshed(root: Path, store: Store) -> None:
    with (
        open_store(root / ".hark" / "library.db", read_only=True) as readable,
        pytest.raises(LibraryReadOnlyError),
    ):
        run(root, readable, no_embedder)


def test_an_empty_library_and_one_without_folders(tmp_path: Path) -> None:
    (tmp_path / ".hark").mkdir()
    with open_store(tmp_path / ".hark" / "library.db") as empty:
        report = run(tmp_path, empty, HashEmbedder())
        assert (counted(report), report.passages, report.findings) == ((0, 0, 0, 0), 0, ())


NOTHING_TO_DO = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from kb.index.refresh import is_stale, refresh
from kb.index.store import open_store
root = Path({root!r})
with open_store(root / ".hark" / "library.db") as store:
    report = refresh(root, store, lambda: 1 / 0, progress=lambda *step: None)
    assert report.unchanged == 3, report
    assert not is_stale(root, store)
    store.counts()
print(sorted({{"faiss", "numpy", "onnxruntime", "sentencex", "tantivy", "torch", "yaml"}} & set(sys.modules)))
"""


def test_with_nothing_to_do_nothing_heavy_is_imported(root: Path, store: Store, embedder: HashEmbedder) -> None:
    run(root, store, embedder)
    script = NOTHING_TO_DO.format(path=sys.path, root=str(root))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
