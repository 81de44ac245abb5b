"""Which page a wiki-link leads to, who links to whom, and what is wanted."""

from __future__ import annotations

import pytest

from kb.model import WikiLink
from kb.notes.wikilinks import LinkTable, NamedPage, backlinks, fold, wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("causal_discovery", "Causal Discovery"),
        ("Causal-Discovery", "causaldiscovery"),
        ("Zoë's bread", "Zoe\u0308’s Bread"),  # composed and decomposed, two apostrophes
        ("ﬁle", "FILE"),  # a ligature
        ("STRASSE", "straße"),
        ("\u2068Ada\u2069", "ada"),  # isolates, as some channels' names carry them
        ("GPT-3.5", "gpt_35"),
        ("non\u00adbreaking\u00a0space", "NonBreaking Space"),
        ("What is it?", "what_is_it"),
    ],
)
def test_fold_takes_spellings_of_one_name_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("C", "C++"), ("C#", "C"), ("Zoë", "Zoe"), ("a/b", "ab"), ("---", "___")])
def test_fold_keeps_different_names_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


PAGES = [
    NamedPage("concepts/dough.md", "Dough"),
    NamedPage("concepts/heat.md", "Heat", ("warmth",)),
    NamedPage("baking/dough.md", "All about dough"),
    NamedPage("baking/oven.md", "Heat"),
    NamedPage("baking/rye_bread.md", "Rye", ("Dark bread", "dough")),
    NamedPage("index.md", "Start"),
]


@pytest.mark.parametrize(
    ("target", "source", "path"),
    [
        ("concepts/dough", "baking/oven.md", "concepts/dough.md"),  # an exact path
        ("Concepts/Dough.md", "", "concepts/dough.md"),
        ("./rye-bread", "baking/oven.md", "baking/rye_bread.md"),
        ("../concepts/heat", "baking/oven.md", "concepts/heat.md"),
        ("/baking/oven", "concepts/heat.md", "baking/oven.md"),
        ("dough", "baking/oven.md", "baking/dough.md"),  # the same folder, and the name before the alias
        ("dough", "concepts/heat.md", "concepts/dough.md"),
        ("dough", "other/x.md", "baking/dough.md"),  # elsewhere: by path
        ("Heat", "baking/dough.md", "baking/oven.md"),  # a title in the same folder before a name elsewhere
        ("heat", "index.md", "concepts/heat.md"),  # a name before a title
        ("Rye Bread", "", "baking/rye_bread.md"),
        ("dark_bread", "", "baking/rye_bread.md"),
        ("WARMTH", "", "concepts/heat.md"),
        ("Start", "baking/oven.md", "index.md"),
        ("index.md", "baking/oven.md", "index.md"),
        ("", "baking/oven.md", "baking/oven.md"),  # [[#heading]]
        ("sourdough", "", None),
        ("elsewhere/dough", "", None),  # a path that is not there is no other page
        ("../../../etc/passwd", "baking/oven.md", None),
    ],
)
def test_resolve(target: str, source: str, path: str | None) -> None:
    assert LinkTable(PAGES).resolve(target, source) == path


def test_the_end_of_a_path_is_enough() -> None:
    table = LinkTable([NamedPage("imported/content/baking/oven.md"), NamedPage("other/oven.md")])
    assert table.resolve("baking/oven", "imported/content/x.md") == "imported/content/baking/oven.md"
    assert table.resolve("king/oven") is None


def test_the_same_spelling_wins_over_another_of_its_kind() -> None:
    table = LinkTable([NamedPage("a/re-cover.md"), NamedPage("b/recover.md")])
    assert table.resolve("recover") == "b/recover.md"
    assert table.resolve("Recover") == "a/re-cover.md"


def test_a_title_with_a_slash() -> None:
    assert LinkTable([NamedPage("a/io.md", "Input/output")]).resolve("input/output") == "a/io.md"


def links(*targets: str) -> tuple[WikiLink, ...]:
    return tuple(WikiLink(target, "", line=line) for line, target in enumerate(targets, 1))


def test_backlinks_leave_out_a_page_s_own() -> None:
    found = backlinks(
        LinkTable(PAGES),
        [("index.md", links("heat", "Dark bread")), ("concepts/heat.md", links("Heat", "rye bread", "nothing"))],
    )
    assert {page: [(b.source, b.link.line) for b in of_page] for page, of_page in found.items()} == {
        "baking/rye_bread.md": [("concepts/heat.md", 2), ("index.md", 2)],
        "concepts/heat.md": [("index.md", 1)],
    }


def test_wanted_counts_spellings_together_and_shows_the_most_frequent() -> None:
    of_notes = [
        ("index.md", links("Cold Night", "cold_night", "salt")),
        ("baking/oven.md", links("cold_night", "heat", "")),
        ("baking/dough.md", links("Ash")),
    ]
    assert wanted(LinkTable(PAGES), of_notes) == (("cold_night", 3), ("Ash", 1), ("salt", 1))
