"""What there is to do, decided without a disk."""

from __future__ import annotations

import pytest

from ingest.files import FileState
from ingest.plan import (
    DUPLICATE,
    SAME_ID,
    Files,
    NoteDue,
    looks,
    made_from,
    plan_sources,
    plan_writing,
    touched,
)
from ingest.records import Made, Page, Source
from ingest.report import PASSED_OVER
from ingest.sources.items import SourceItem
from ingest.versions import WRITING
from ingest.writing.digest import WRITER, WRITER_VERSION

ITEM = SourceItem(key="a", stats=(("a.vtt", 10, 100),))
STATE = FileState("aaaa", 10, 100)
TRANSCRIPT = Made("source-hash", "transcripts/s/a.vtt", STATE)
NOTE = Made(made_from("aaaa", WRITING), "notes/s/a.md", FileState("nnnn", 20, 200))
THERE = {"transcripts/s/a.vtt": (10, 100), "notes/s/a.md": (20, 200)}


def files(
    *,
    stats: dict[str, tuple[int, int]] | None = None,
    hashes: dict[str, str] | None = None,
    note: Made | None = NOTE,
    pages: dict[str, Page] | None = None,
) -> Files:
    return Files(
        transcripts={"id": TRANSCRIPT},
        notes={"id": note} if note else {},
        pages=pages or {},
        stats=THERE if stats is None else stats,
        hashes=hashes or {},
    )


def known(input: str = "", episode_id: str = "id", reason: str = "") -> dict[str, Source]:  # as the row
    return {"/x/a": Source(input or looks(ITEM), episode_id, reason)}


def why(sources: dict[str, Source], there: Files) -> list[str]:
    return [read.why for read in plan_sources([("/x/a", ITEM)], sources, there).reads]


def test_an_unknown_item_is_read() -> None:
    assert why({}, files()) == ["new"]


def test_an_item_that_looks_the_same_is_left() -> None:
    plan = plan_sources([("/x/a", ITEM)], known(), files())
    assert (plan.reads, plan.fails, plan.unchanged) == ((), (), 1)


def test_an_item_that_looks_changed_is_read() -> None:
    assert why(known(input="1;a.vtt:10:99"), files()) == ["changed"]


def test_an_item_whose_transcript_is_gone_is_read() -> None:
    assert why(known(), files(stats={})) == ["transcript missing"]


def test_an_item_that_could_not_be_read_is_not_read_again_but_said_again() -> None:
    plan = plan_sources([("/x/a", ITEM)], known(episode_id="", reason="is damaged"), files())
    assert plan.reads == ()
    assert [fail.reason for fail in plan.fails] == ["is damaged"]


def test_an_item_that_was_passed_over_is_said_again() -> None:
    plan = plan_sources([("/x/a", ITEM)], known(episode_id="", reason=f"{PASSED_OVER}a README"), files())
    assert [fail.reason for fail in plan.fails] == [f"{PASSED_OVER}a README"]


@pytest.mark.parametrize(("owner", "expected"), [("/x/b", []), ("/x/gone", ["again"])])
def test_a_duplicate_is_read_again_only_when_the_other_is_gone(owner: str, expected: list[str]) -> None:
    duplicate = Source(looks(ITEM), "", f"{DUPLICATE}{owner}{SAME_ID}id")
    other = SourceItem(key="b", stats=ITEM.stats)
    items = [("/x/a", ITEM), ("/x/b", other)]
    plan = plan_sources(items, {"/x/a": duplicate, "/x/b": Source(looks(other), "id", "")}, files())
    assert [read.why for read in plan.reads] == expected


def test_nothing_is_written_where_all_is_as_it_was() -> None:
    assert not plan_writing(files(), WRITING)


@pytest.mark.parametrize(
    ("there", "due"),
    [
        (files(note=None), True),
        (files(stats={"transcripts/s/a.vtt": (10, 100)}), True),
        (files(), False),
        (files(stats={}), False),
    ],
    ids=["never written", "deleted", "as it was", "without its transcript"],
)
def test_a_note_is_due(there: Files, due: bool) -> None:
    assert plan_writing(there, WRITING).notes == ((NoteDue("id", "transcripts/s/a.vtt", "aaaa"),) if due else ())


def test_a_new_writer_writes_all_notes_anew() -> None:
    assert plan_writing(files(), "another 1").notes


def test_a_note_that_a_person_changed_is_due_only_where_it_would_change() -> None:
    stats = THERE | {"notes/s/a.md": (21, 201)}
    edited = files(stats=stats, hashes={"notes/s/a.md": "mine"})
    assert not plan_writing(edited, WRITING)
    assert [note.episode_id for note in plan_writing(edited, "another 1").notes] == ["id"]


def test_a_transcript_that_a_person_changed_makes_its_note_due_with_the_new_hash() -> None:
    stats = THERE | {"transcripts/s/a.vtt": (11, 101)}
    plan = plan_writing(files(stats=stats, hashes={"transcripts/s/a.vtt": "mine"}), WRITING)
    assert [note.transcript for note in plan.notes] == ["mine"]


def test_a_file_that_was_only_touched_is_the_same_and_gets_a_new_row() -> None:
    stats = THERE | {"notes/s/a.md": (20, 999)}
    there = files(stats=stats, hashes={"notes/s/a.md": "nnnn"})
    assert there.to_hash() == ["notes/s/a.md"]
    assert not plan_writing(there, WRITING)
    (entry,) = touched(there, {"notes/s/a.md": FileState("nnnn", 20, 999)})
    assert (entry.subject, entry.stage, entry.output) == ("episode:id", "note", "nnnn 20 999")


def test_pages_are_due_when_they_say_so_or_are_gone() -> None:
    pages = {
        "notes/s/s.md": Page("notes/s/s.md", True, None, "s"),
        "notes/concepts/x.md": Page("notes/concepts/x.md", False, STATE, "x"),
        "notes/concepts/y.md": Page("notes/concepts/y.md", False, None, "y"),
    }
    assert [page.about for page in plan_writing(files(pages=pages), WRITING).pages] == ["x", "s"]


def test_the_plan_knows_the_writer() -> None:
    assert f"{WRITER} {WRITER_VERSION}" == WRITING
