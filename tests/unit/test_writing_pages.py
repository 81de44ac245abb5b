"""Pages that gather from many episodes, bounded and well formed."""

from __future__ import annotations

from ingest.writing.digest import Concept, Digest, Mention, Moment
from ingest.writing.pages import (
    Listed,
    Told,
    earns_page,
    listed,
    mention_rows,
    pack_told,
    render_concept,
    render_show,
    unpack_told,
)
from kb.index.tallies import Mentioned
from kb.model import Episode
from kb.notes.notefile import parse_note

BEES = Concept("bee", "bee", "bees")
QUOTE = Moment(61.0, "Ada Quill", "The waggle dance points at the sun.")


def told(number: int, show: str = "S") -> Told:
    entry = Listed(f"s/t{number}", f"Talk {number}", show, f"2024-01-{number:02d}", 60.0, (BEES,))
    return Told(entry, True, 2, (QUOTE,))


def test_a_concepts_page_that_has_not_all_says_how_many_there_are() -> None:
    text = render_concept(BEES, [told(1), told(2)], 312)
    assert "What was said about it in 312 episodes, of which the newest 2 are here." in text
    assert parse_note("concepts/bee.md", text).findings == ()
    assert text.index("Talk 2") < text.index("Talk 1")


def test_a_concepts_page_that_has_all_says_of_how_many_shows() -> None:
    all_told = [told(1), told(2, "T")]
    assert "in 2 episodes of 2 shows." in render_concept(BEES, all_told, 2)
    assert render_concept(BEES, all_told, 2) == render_concept(BEES, all_told)


def test_a_concept_earns_a_page_by_a_link_and_by_how_much_is_said() -> None:
    assert earns_page(Mentioned(2, 2, chosen=True))
    assert earns_page(Mentioned(1, 3, chosen=True))
    assert not earns_page(Mentioned(1, 2, chosen=True))
    assert not earns_page(Mentioned(5, 50, chosen=False)), "no note links to it"
    assert not earns_page(Mentioned(0, 0, chosen=False))


def test_what_an_episode_says_of_its_concepts_comes_back_from_its_rows() -> None:
    episode = Episode(id="x", title="Talk", show="S")
    mention = Mention(BEES, "bee", True, 2, (QUOTE,))
    digest = Digest(episode, "0" * 64, True, (), (), (mention,), ())
    (row,) = mention_rows(digest, listed(digest, "s/talk"))
    assert (row.concept, row.episode, row.date, row.chosen, row.chunks) == ("bee", "x", "", True, 2)
    assert unpack_told(row.told) == Told(listed(digest, "s/talk"), True, 2, (QUOTE,))
    assert pack_told(unpack_told(row.told)) == row.told


def test_a_shows_page_lists_its_episodes_newest_first() -> None:
    text = render_show("s", [told(at).episode for at in (1, 3, 2)])
    assert "3 episodes, newest first." in text
    assert text.index("Talk 3") < text.index("Talk 2") < text.index("Talk 1")
    assert "[[concepts/bee | bees]]" in text
    assert parse_note("s/s.md", text).findings == ()
