"""What is kept of the whole library: the same as if all were counted anew, and no more is read than was asked."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fakes.embedder import HashEmbedder
from fakes.talks import SUBJECTS, write_source, write_talk
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.digesting import Digester, former_titles, titles_entries
from ingest.journal import Journal
from ingest.lexicon import KeptLexicon
from ingest.pipeline import ingest_folder
from ingest.plan import NoteDue
from ingest.records import Entry
from ingest.writing.concepts import identity
from ingest.writing.digest import Digest, pack_titles, titles_after, unpack_titles
from ingest.writing.render import render_note
from ingest.writing.terms import EpisodeTerms, Lexicon, Term, unpack_terms
from kb.index.schema import MIGRATIONS
from kb.index.store import Store, open_store
from kb.index.tallies import MentionRow, PhraseCounts, Tallies
from kb.library import Library, create_library
from kb.model import Episode
from kb.notes.notefile import parse_note
from kb.ports import no_progress

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
COLUMNS = ("in_episodes", "in_chunks", "nouns", "others", "ends", "around")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_source(tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture
def library(tmp_path: Path, source: Path) -> Iterator[Library]:
    with create_library(tmp_path / "library", "Test", embedder=HashEmbedder()) as made:
        ingest_folder(made, source, now=NOW)
        yield made


@pytest.fixture
def tallies(tmp_path: Path) -> Iterator[Tallies]:
    with open_store(tmp_path / "library.db") as store:
        yield Tallies(store)


def journal_of(library: Library) -> Journal:
    return Journal(library.store, NOW)


def counted(library: Library) -> Lexicon:
    """All episodes of a library added together, from what the journal has of each."""
    lexicon = Lexicon()
    for _, detail in journal_of(library).all_data("terms"):
        terms = unpack_terms(detail)
        assert terms
        lexicon.add(terms)
    return lexicon


def kept(tallies: Tallies, phrases: set[str]) -> Lexicon:
    """The same from the table, as far as it has ``phrases``."""
    totals = tallies.totals()
    assert totals
    lexicon = Lexicon(totals.chunks, totals.episodes)
    for phrase, counts in tallies.lexicon(phrases).items():
        for column, value in zip(COLUMNS, counts, strict=True):
            getattr(lexicon, column).update({phrase: value} if value else {})
    return lexicon


def all_phrases(library: Library) -> set[str]:
    return {phrase for (phrase,) in library.store.rows("SELECT phrase FROM lexicon WHERE phrase <> ''")}


def carriers(library: Library) -> Counter[str]:
    rows = journal_of(library).all_data("phrases")
    return Counter(identity(key) for _, detail in rows for key, _, _ in json.loads(detail))


def assert_counts_are_right(library: Library) -> None:
    tallies = Tallies(library.store)
    assert kept(tallies, all_phrases(library)) == counted(library)
    assert dict(library.store.rows("SELECT identity, episodes FROM carriers")) == carriers(library)


def due(library: Library, episode_id: str) -> NoteDue:
    entry = library.episode(episode_id)
    (sha256,) = library.store.row("SELECT sha256 FROM files WHERE path = ?", (entry.transcript,)) or ("",)
    return NoteDue(episode_id, entry.transcript, sha256)


def digester(library: Library) -> Digester:
    return Digester(library.store, library.embedder().model_id, journal_of(library), no_progress, root=library.root)


# --- the tables are always the sum ---


def test_the_tables_are_the_sum_of_all_episodes_after_one_was_added_and_one_changed(
    library: Library, source: Path
) -> None:
    assert_counts_are_right(library)
    write_talk(source, "well-3", ["clocks"], show="Deep Well", title="Clocks alone")
    write_talk(source, "lamp-1", ["clocks", "bread"])
    ingest_folder(library, source, now=NOW)
    assert_counts_are_right(library)


def test_an_older_library_is_counted_once_from_its_journal(library: Library, source: Path) -> None:
    store = library.store
    before = sorted(store.rows("SELECT * FROM lexicon")), sorted(store.rows("SELECT * FROM carriers"))
    Tallies(store).clear()
    digester(library)
    assert (sorted(store.rows("SELECT * FROM lexicon")), sorted(store.rows("SELECT * FROM carriers"))) == before
    assert source.exists()


def test_a_digest_worked_out_again_is_the_same(library: Library) -> None:
    episodes = [entry.episode.id for entry in library.episodes()]
    for episode_id in episodes:
        again = digester(library)
        again.prepare([due(library, episode_id)])
        first = again.digest(due(library, episode_id))
        once_more = digester(library)
        once_more.prepare([due(library, other) for other in episodes])
        assert once_more.digest(due(library, episode_id)) == first
    assert_counts_are_right(library)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 7, 8])
def test_the_tables_are_the_sum_wherever_a_run_was_killed(
    library: Library, source: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    class KilledError(Exception):
        """As if the process had been killed."""

    left = number

    def counted_down(real: Callable[..., None]) -> Callable[..., None]:
        def call(*args: object, **named: object) -> None:
            nonlocal left
            left -= 1
            real(*args, **named)
            if not left:
                raise KilledError

        return call

    write_talk(source, "well-3", ["clocks"], show="Deep Well", title="Clocks alone")
    write_talk(source, "lamp-1", ["clocks", "bread"])
    with monkeypatch.context() as patch:
        for cls, name in ((Store, "put_journal"), (Tallies, "put_lexicon"), (Tallies, "add_carriers")):
            patch.setattr(cls, name, counted_down(getattr(cls, name)))
        with suppress(KilledError):
            ingest_folder(library, source, now=NOW)
    assert_counts_are_right(library)
    ingest_folder(library, source, now=NOW)
    assert_counts_are_right(library)


class Asked(Counter[str]):
    """Counts that may be asked only for what was read."""

    def __init__(self, known: set[str]) -> None:
        super().__init__()
        self.known = known

    def __missing__(self, phrase: str) -> int:
        assert phrase in self.known, f"asked for {phrase!r}, which was not read"
        return 0


def test_everything_that_is_asked_of_a_lexicon_was_read_before(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = KeptLexicon.__init__

    def watched(self: KeptLexicon, tallies: Tallies) -> None:
        real(self, tallies)
        for column in COLUMNS:
            setattr(self._words, column, Asked(self._known))

    monkeypatch.setattr(KeptLexicon, "__init__", watched)
    for entry in library.episodes():
        one = digester(library)
        one.prepare([due(library, entry.episode.id)])
        assert one.digest(due(library, entry.episode.id)).sections


def test_one_more_episode_reads_and_writes_only_what_it_says(library: Library, source: Path) -> None:
    write_talk(source, "lamp-9", ["bees"], title="Bees alone")
    said = " ".join(SUBJECTS["bees"]).casefold()
    before = {phrase: counts for phrase, *counts in library.store.rows("SELECT * FROM lexicon")}
    ingest_folder(library, source, now=NOW)
    after = {phrase: counts for phrase, *counts in library.store.rows("SELECT * FROM lexicon")}
    changed = {phrase for phrase in after if after[phrase] != before.get(phrase)} - {""}
    assert changed
    assert len(changed) < len(after) / 2
    assert "hive" in changed
    assert "escapement" not in changed
    assert "escapement" not in said


TERMS = st.dictionaries(
    st.sampled_from(["wild", "yeast", "wild yeast", "wild yeast eats", "clock"]),
    st.builds(Term, chunks=st.integers(1, 4), noun=st.integers(0, 3), ends=st.integers(0, 3), around=st.integers(0, 9)),
    max_size=5,
)
EPISODES = st.lists(st.builds(EpisodeTerms, st.integers(1, 60), st.booleans(), TERMS), max_size=6)


@settings(max_examples=40, deadline=None)
@given(EPISODES, st.data())
def test_a_kept_lexicon_is_the_lexicon_whatever_comes_and_goes(
    tmp_path_factory: pytest.TempPathFactory, episodes: list[EpisodeTerms], data: st.DataObject
) -> None:
    whole = Lexicon()
    with open_store(tmp_path_factory.mktemp("kept") / "library.db") as store:
        tallies = Tallies(store)
        lexicon = KeptLexicon(tallies)
        there: list[EpisodeTerms] = []
        for episode in episodes:
            whole.add(episode)
            lexicon.add(episode)
            there.append(episode)
            if data.draw(st.booleans()):
                gone = there.pop(data.draw(st.integers(0, len(there) - 1)))
                whole.add(gone, -1)
                lexicon.add(gone, -1)
            if data.draw(st.booleans()):
                lexicon.save()
                lexicon.saved()
                if data.draw(st.booleans()):
                    lexicon = KeptLexicon(tallies)
        lexicon.save()
        phrases = {phrase for episode in episodes for phrase in episode.terms}
        assert kept(tallies, phrases) == whole
        for episode in episodes:
            about = lexicon.about(episode)
            assert all(about.in_chunks[phrase] == whole.in_chunks[phrase] for phrase in episode.terms)


def test_a_lexicon_with_too_much_in_memory_begins_anew_and_loses_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.lexicon.MOST", 1)
    lexicon = KeptLexicon(Tallies(library.store))
    whole = counted(library)
    for _, detail in journal_of(library).all_data("terms"):
        terms = unpack_terms(detail)
        assert terms
        about = lexicon.about(terms)
        assert all(about.in_chunks[phrase] == whole.in_chunks[phrase] for phrase in terms.terms)
        assert len(lexicon._known) < len(whole.in_chunks) + len(terms.terms)


# --- tables ---


def test_mentions_come_newest_first_and_only_so_many(tallies: Tallies) -> None:
    rows = [
        MentionRow("bee", f"e{at}", f"2024-01-{at:02d}" if at else "", at == 2, at, f"told {at}") for at in range(9)
    ]
    tallies.put_mentions(rows)
    assert tallies.newest_mentions("bee", 3) == ["told 8", "told 7", "told 6"]
    assert tallies.newest_mentions("bee", 99)[-1] == "told 0", "what has no date is last"
    found = tallies.mentioned("bee")
    assert (found.episodes, found.chunks, found.chosen) == (9, 36, True)
    tallies.drop_mentions("e2", ["bee", "wasp"])
    assert not tallies.mentioned("bee").chosen
    assert tallies.mentioned("wasp").episodes == 0


def test_counts_that_come_to_nothing_leave_no_row(tallies: Tallies) -> None:
    assert tallies.totals() is None
    tallies.put_lexicon({"": PhraseCounts(), "bee": PhraseCounts(1, 2)})
    tallies.put_lexicon({"bee": PhraseCounts()})
    assert tallies.lexicon(["bee", "wasp"]) == {}
    assert tallies.totals() == PhraseCounts()
    tallies.add_carriers({"bee": 2, "wasp": 1})
    tallies.add_carriers({"bee": -1, "wasp": -1})
    assert tallies.carriers(["bee", "wasp"]) == {"bee": 1}


def test_what_the_journal_had_of_mentions_is_in_the_table_afterwards(tmp_path: Path) -> None:
    with open_store(tmp_path / "library.db") as store:
        with store.transaction():
            for table in ("lexicon", "carriers", "mentions"):
                store._write(f"DROP TABLE {table}")
            store._write("DROP INDEX journal_slugs")
        journal = Journal(store, NOW)
        told = json.dumps(['["s/t","T","S","2024-03-05",null,[]]', True, 3, []])
        journal.put(
            [
                Entry("mention:bee", "yt:1", "", "s/t", told),
                Entry("mention:bee", "yt:2", ""),
                Entry("data:", "lexicon", "2", "", "blob"),
            ]
        )
        with store.transaction():
            for statement in MIGRATIONS[1]:
                store._write(statement)
        assert Tallies(store).mentioned("bee").episodes == 1
        assert store.rows("SELECT date, chosen, chunks, told FROM mentions") == [("2024-03-05", 1, 3, told)]
        assert store.journal("mention:bee") == store.journal("data:") == ()


# --- former titles ---


def digest_titled(title: str) -> Digest:
    return Digest(Episode(id="x", title=title, show="S"), "0" * 64, True, (), (), (), ())


def test_a_note_answers_to_the_titles_that_its_episode_had(library: Library) -> None:
    journal = journal_of(library)
    for old, new in (("One", "Two"), ("Two", "Two"), ("Two", "Three | [x]"), ("Three | [x]", "Four")):
        journal.put(titles_entries(journal, digest_titled(new), digest_titled(old)))
    assert former_titles(journal, "x") == ("One", "Two", "Three | [x]")
    assert former_titles(journal, "y") == ()
    note = parse_note("s/x.md", render_note(digest_titled("Four"), "s", former_titles(journal, "x")))
    assert note.findings == ()
    assert note.front.aliases == ("One", "Two", "Three | [x]")


def test_a_renamed_episode_keeps_its_file_and_its_links(library: Library, source: Path) -> None:
    path = library.root / "notes/the_lamp_post/bees_and_bread.md"
    write_talk(source, "lamp-1", ["bees", "bread"], title="Quite another title")
    ingest_folder(library, source, now=NOW)
    front = parse_note("the_lamp_post/bees_and_bread.md", path.read_bytes()).front
    assert (front.title, front.aliases) == ("Quite another title", ("Bees and bread",))
    for name in ("Bees and bread", "Quite another title"):
        assert library.resolve(name) == "the_lamp_post/bees_and_bread.md"
    written = path.read_bytes()
    path.unlink()
    ingest_folder(library, source, now=NOW)
    assert path.read_bytes() == written


def test_a_title_that_comes_back_is_no_alias_of_itself() -> None:
    assert titles_after(("One",), "Two", "One") == ("Two",)
    assert titles_after((), "the bees", "The Bees") == (), "a link reads both alike"
    assert titles_after((), " ", "The Bees") == ()
    assert len(titles_after([f"Title {at}" for at in range(99)], "Old", "New")) < 20


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=30)))
def test_titles_are_kept_whatever_they_are_made_of(titles: list[str]) -> None:
    assert unpack_titles(pack_titles(titles)) == tuple(titles)
    assert unpack_titles("damaged") == unpack_titles('{"a": 1}') == ()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_a_hostile_former_title_leaves_the_note_well_formed(old: str, new: str) -> None:
    text = render_note(digest_titled(new), "s", titles_after((), old, new))
    assert [finding.rule for finding in parse_note("s/x.md", text.encode("utf-8", "replace")).findings] == []


# --- the publisher's chapters ---


def test_chapters_are_read_from_the_head_of_the_transcript(library: Library) -> None:
    note = due(library, library.episodes()[0].episode.id)
    path = library.root / note.transcript_path
    text = path.read_text(encoding="utf-8")
    chapters = "chapter: 00:00:00.000 What the bees do\nchapter: 00:02:00.000 What the *baker* [[does]]\n\n00:"
    path.write_text(text.replace("\n\n00:", "\n" + chapters, 1), encoding="utf-8")
    one = digester(library)
    one.prepare([note])
    digest = one.digest(note)
    assert [part.heading for part in digest.sections] == ["What the bees do", "What the *baker* [[does]]"]
    found = parse_note("s/x.md", render_note(digest, "s"))
    assert found.findings == ()
    assert {block.heading for block in found.blocks} >= {"What the bees do", "What the *baker* [[does]]"}


def test_without_its_file_an_episode_has_no_chapters(library: Library) -> None:
    note = due(library, library.episodes()[0].episode.id)
    one = digester(library)
    one.prepare([note])
    before = one.digest(note)
    (library.root / note.transcript_path).unlink()
    assert one.digest(note) == before
