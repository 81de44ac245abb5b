"""The store against a dict, and two refreshes in a row."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from fakes.embedder import HashEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kb.index.catalogue import StoredFile, link_key, page_names
from kb.index.refresh import plan_refresh
from kb.index.snapshot import current_snapshot
from kb.index.store import open_store
from kb.index.vectors import ExactIndex
from kb.model import Chunk, Episode, FrontMatter, Note, Segment, Transcript
from kb.notes.wikilinks import LinkTable, NamedPage, fold

NAMES = st.sampled_from(["a", "b", "c", "d"])
WORDS = st.sampled_from(["wax", "mill", "river", "tape"])
TEXTS = st.lists(WORDS, max_size=4)

Claims = dict[str, tuple[str, tuple[str, ...]]]  # path: (episode, texts)


class StoreModel(RuleBasedStateMachine):
    """Files come, change, claim one another's episodes and go; passages, vectors and indexes follow."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.derived = Path(self.folder.name)
        self.store = open_store(self.derived / "library.db")
        self.embedder = HashEmbedder(8)
        self.transcripts: Claims = {}
        self.notes: dict[str, tuple[str, ...]] = {}
        self.highest = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(name=NAMES, episode=NAMES, words=TEXTS)
    def put_transcript(self, name: str, episode: str, words: list[str]) -> None:
        path = f"transcripts/{name}.vtt"
        chunks = tuple(Chunk(word, at * 30.0, at * 30.0 + 30) for at, word in enumerate(words))
        segments = tuple(Segment(c.start_s or 0, c.end_s or 0, c.text) for c in chunks)
        file = StoredFile(path, 1, 2, "ab", "transcript", 3)
        self.store.put_transcript(file, Transcript(Episode(id=episode, title="t"), segments), chunks)
        self.transcripts[path] = (episode, tuple(words))

    @rule(name=NAMES, words=TEXTS)
    def put_note(self, name: str, words: list[str]) -> None:
        note = Note(f"{name}.md", "", FrontMatter(title=name))
        chunks = tuple(Chunk(word, None, None) for word in words)
        self.store.put_note(StoredFile(f"notes/{name}.md", 1, 2, "ab", "note", 3), note, chunks)
        self.notes[f"notes/{name}.md"] = tuple(words)

    @rule(path=st.sampled_from([f"{folder}/{name}" for name in "abcd" for folder in ("notes", "transcripts")]))
    def remove(self, path: str) -> None:
        full = f"{path}.md" if path.startswith("notes") else f"{path}.vtt"
        self.store.remove_files([full])
        self.transcripts.pop(full, None)
        self.notes.pop(full, None)

    @rule()
    def fail_in_the_middle(self) -> None:
        generation = self.store.generation
        try:
            with self.store.transaction():
                self.store.remove_files(list(self.store.files()))
                raise InterruptedError
        except InterruptedError:
            assert self.store.generation == generation

    @rule()
    def index(self) -> None:
        missing = self.store.texts_without_vector("hash-1")
        if missing:
            self.store.put_vectors("hash-1", [k for k, _ in missing], self.embedder.encode([t for _, t in missing]))
        opened = current_snapshot(self.derived, self.store, self.embedder, "en")
        passages = self.store.passages(self.store.passage_ids())
        for word in ("wax", "mill"):
            expected = {key for key, passage in passages.items() if passage.text.startswith(word)}
            assert set(opened.lexical.passages([word], k=100)) == expected
        exact = ExactIndex(8)
        if passages:
            exact.add(*self.store.passage_vectors("hash-1"))
        query = self.embedder.encode_query("wax river")
        found = opened.vectors.search(query, 100) if opened.vectors else (np.empty(0), np.empty(0))
        np.testing.assert_allclose(np.sort(found[1]), np.sort(exact.search(query, 100)[1]), atol=1e-3)
        assert sorted(found[0].tolist()) == sorted(passages)

    @invariant()
    def passages_are_those_of_the_files_that_lead(self) -> None:
        leading = {episode: path for path, (episode, _) in sorted(self.transcripts.items(), reverse=True)}
        expected = []
        for path, (episode, words) in self.transcripts.items():
            if leading[episode] == path:
                expected += [(path, " ".join(words[at : at + 2])) for at in range(len(words))]
        expected += [(path, word) for path, words in self.notes.items() for word in words]
        passages = self.store.passages(self.store.passage_ids())
        assert sorted((p.file, p.text) for p in passages.values()) == sorted(expected)
        assert {entry.episode.id: entry.transcript for entry in self.store.episodes()} == leading
        assert len(self.store.findings()) == len(self.transcripts) - len(leading)

    @invariant()
    def ids_only_grow(self) -> None:
        (row,) = self.store.rows("SELECT seq FROM sqlite_sequence WHERE name = 'passages'") or [(0,)]
        assert row[0] >= self.highest
        self.highest = row[0]

    @invariant()
    def totals_are_what_counting_gives(self) -> None:
        for table in ("chunks", "passages", "vectors"):
            ((count,),) = self.store.rows(f"SELECT count(*) FROM {table}")
            assert self.store.total(table) == count  # type: ignore[arg-type]

    @invariant()
    def what_has_no_vector_is_found_among_what_is_fresh(self) -> None:
        rows = self.store.rows("SELECT text_hash FROM chunks WHERE text_hash NOT IN (SELECT text_hash FROM vectors)")
        assert {key for key, _ in self.store.texts_without_vector("hash-1")} == {key for (key,) in rows}

    @rule()
    def prune(self) -> None:
        self.store.prune_vectors("hash-1")

    @rule()
    def settle(self) -> None:
        assert self.store.settle_vectors("hash-1") == (not self.store.texts_without_vector("hash-1"))


TestStoreModel = StoreModel.TestCase
TestStoreModel.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)


PATHS = st.sampled_from(["notes/a.md", "notes/b.md", "transcripts/a.vtt", "transcripts/b.vtt"])
STATS = st.tuples(st.integers(0, 3), st.integers(0, 3))


@given(st.dictionaries(PATHS, STATS), st.dictionaries(PATHS, STATS), st.booleans())
def test_every_file_is_planned_once_and_a_plan_done_leaves_nothing_to_do(
    on_disk: dict[str, tuple[int, int]], known: dict[str, tuple[int, int]], forget: bool
) -> None:
    plan = plan_refresh(on_disk, known, forget=forget)
    planned = [*plan.added, *plan.suspect, *plan.removed, *plan.withheld]
    assert len(planned) == len(set(planned))
    assert len(planned) + plan.unchanged == len(on_disk.keys() | known.keys())
    after = on_disk | {path: stat for path, stat in known.items() if path in plan.withheld}
    again = plan_refresh(on_disk, after, forget=forget)
    assert (again.added, again.suspect, again.removed) == ((), (), ())


@given(st.text(max_size=20), st.text(max_size=20), st.lists(st.text(max_size=12), max_size=2), st.text(max_size=20))
@settings(max_examples=300)
def test_a_page_that_a_link_means_is_found_by_its_key(title: str, alias: str, folders: list[str], other: str) -> None:
    path = "/".join([*(name.replace("/", "") or "x" for name in folders), f"{other.replace('/', '') or 'y'}.md"])
    table = LinkTable([NamedPage(path, title, (alias,))])
    keys = page_names(path, title, (alias,))
    for target in (title, alias, path, path[:-3], other):
        # What a page answers to by its folded name must be among its keys.
        if target.strip() and fold(target) and table.resolve(target) == path and not target.endswith("/"):
            assert link_key(target) in keys, (target, keys)
