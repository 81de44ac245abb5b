"""Merging a person's edits: what a person sees, case by case."""

from __future__ import annotations

import pytest

from ingest.writing.merge import blocks_of, merge_note

BASE = """---
title: Bees
id: yt:1
speakers: [Ada Quill]
aliases: []
kind: episode
generated: {writer: extractive, version: 1, transcript: "sha256:aa"}
---

From: [[lamp | The Lamp]] <br/>

## The hive

**Ada Quill**: The queen bee lays eggs on a warm day. <a class="yt-timestamp" data-t="00:00:12">[00:00:12]</a>

**Ada Quill**: Inside the hive it is warm. <a class="yt-timestamp" data-t="00:01:12">[00:01:12]</a>

## Honey

**Ada Quill**: Honey keeps for centuries. <a class="yt-timestamp" data-t="00:02:12">[00:02:12]</a>
"""
NEW = BASE.replace("sha256:aa", "sha256:bb").replace("The queen bee lays eggs", "The old queen bee lays eggs")

SHOW = "3 episodes, newest first.\n\n- 2024-03 [[c]]\n- 2024-02 [[b]]\n- 2024-01 [[a]]\n"
SHOW_NEW = "4 episodes, newest first.\n\n- 2024-04 [[d]]\n- 2024-03 [[c]]\n- 2024-02 [[b]]\n- 2024-01 [[a]]\n"


def test_what_a_person_added_at_the_end_stays_and_the_rest_follows() -> None:
    merged = merge_note(BASE, NEW, BASE + "\nMy own thought.\n")
    assert merged.text == NEW + "\nMy own thought.\n"
    assert not merged.conflicts
    assert merged.proposed == merged.text
    assert merged.base == NEW


def test_a_thought_below_a_quote_stays_though_the_quote_was_written_anew() -> None:
    new = BASE.replace("Honey keeps for centuries", "Nothing can live in so much sugar as there is in here")
    merged = merge_note(BASE, new, BASE + "\nMine.\n")
    assert merged.text == new + "\nMine.\n"
    assert not merged.conflicts


def test_a_sentence_changed_by_both_is_the_persons_and_the_new_one_is_proposed() -> None:
    mine = BASE.replace("The queen bee lays eggs", "The queen bee (Apis) lays eggs")
    merged = merge_note(BASE, NEW, mine)
    assert merged.text == mine.replace("sha256:aa", "sha256:bb")
    assert merged.proposed == NEW
    (conflict,) = merged.conflicts
    assert conflict.where == "The hive"
    assert "(Apis)" in conflict.mine
    assert "old queen" in conflict.new
    assert "<<<" not in merged.text


def test_a_conflict_comes_up_again_until_it_is_decided_and_nothing_else_does() -> None:
    mine = BASE.replace("The queen bee lays eggs", "The queen bee (Apis) lays eggs")
    first = merge_note(BASE, NEW, mine)
    newer = NEW.replace("for centuries", "for ever")
    second = merge_note(first.base, newer, first.text)
    assert "(Apis)" in second.text
    assert "for ever" in second.text
    assert [c.where for c in second.conflicts] == ["The hive"]
    assert second.proposed == newer
    third = merge_note(newer, newer.replace("for ever", "long"), second.text)  # dropped: the base is the new text
    assert not third.conflicts
    assert "(Apis)" in third.text


def test_a_new_episode_comes_into_the_list_and_what_is_written_around_it_stays() -> None:
    mine = SHOW.replace("first.\n\n", "first.\n\nMy favourite show.\n\n") + "\n## To hear again\n\nThe second one.\n"
    merged = merge_note(SHOW, SHOW_NEW, mine)
    assert merged.text == SHOW_NEW.replace("first.\n\n", "first.\n\nMy favourite show.\n\n") + (
        "\n## To hear again\n\nThe second one.\n"
    )
    assert not merged.conflicts


def test_the_list_goes_on_at_its_end_before_what_is_written_below_it() -> None:
    mine = SHOW + "\nBelow the list.\n"
    merged = merge_note(SHOW, SHOW + "- 2023-12 [[z]]\n", mine)
    assert merged.text == SHOW + "- 2023-12 [[z]]\n\nBelow the list.\n"


def test_an_item_that_a_person_changed_does_not_stop_the_list() -> None:
    mine = SHOW.replace("[[c]]", "[[c]] (the best)")
    merged = merge_note(SHOW, SHOW_NEW, mine)
    assert merged.text == SHOW_NEW.replace("[[c]]", "[[c]] (the best)")
    assert not merged.conflicts


def test_a_block_that_a_person_took_away_stays_away() -> None:
    mine = BASE[: BASE.index("## Honey")]
    merged = merge_note(BASE, NEW, mine)
    assert "Honey" not in merged.text
    assert "old queen" in merged.text


def test_a_page_that_is_all_the_persons_stays_and_all_that_is_new_is_proposed() -> None:
    merged = merge_note(SHOW, SHOW_NEW, "Mine.\n")
    assert merged.text == "Mine.\n"
    assert len(merged.conflicts) == 1


@pytest.mark.parametrize(
    ("mine", "new", "expected"),
    [
        ("aliases: [Apiary]", "aliases: [Former title]", "aliases: [Apiary, Former title]"),
        ("aliases: [Apiary]", "aliases: []", "aliases: [Apiary]"),
        ("aliases:\n  - Apiary", "aliases: [Former title]", "aliases: [Apiary, Former title]"),
        ("aliases: []\ntags: [bees]", "aliases: [Former title]", "aliases: [Former title]\ntags: [bees]"),
        ("", "aliases: [Former title]", "aliases: [Former title]"),
    ],
)
def test_lists_in_the_head_are_added_up(mine: str, new: str, expected: str) -> None:
    base_line = "aliases: []\n"
    merged = merge_note(BASE, BASE.replace(base_line, f"{new}\n"), BASE.replace(base_line, f"{mine}\n" if mine else ""))
    assert f"\n{expected}\n" in merged.text
    assert [c.where for c in merged.conflicts] == []


def test_a_key_that_both_changed_is_the_persons_and_generated_never_asks() -> None:
    mine = BASE.replace("title: Bees", "title: My bees").replace("version: 1", "version: 7")
    merged = merge_note(BASE, NEW.replace("title: Bees", "title: Bees again"), mine)
    assert "title: My bees\n" in merged.text
    assert "version: 7" in merged.text
    assert [c.where for c in merged.conflicts] == ["title"]
    assert "title: Bees again\n" in merged.proposed


def test_new_keys_come_where_they_belong_and_the_persons_keys_and_comments_stay() -> None:
    mine = BASE.replace("kind: episode\n", "kind: episode\n# to be read\nrating: 5\n")
    merged = merge_note(BASE, BASE.replace("id: yt:1\n", "id: yt:1\nurl: https://example.org/1\n"), mine)
    assert merged.text == mine.replace("id: yt:1\n", "id: yt:1\nurl: https://example.org/1\n")


@pytest.mark.parametrize("broken", ["---\ntitle: [\n---\n", "---\na: 1\na: 2\n---\n", "---\n: {\n---\n"])
def test_a_head_that_is_no_yaml_is_left_as_it_is(broken: str) -> None:
    body = BASE.partition("---\n\n")[2]
    merged = merge_note(BASE, NEW, broken + body)
    assert merged.text.startswith(broken)
    assert "old queen" in merged.text
    assert [c.where for c in merged.conflicts] == ["front matter"]


def test_an_editor_that_changed_all_line_ends_changed_nothing() -> None:
    mine = "\ufeff" + BASE.replace("\n", "\r\n") + "\r\nMine.\r\n"
    merged = merge_note(BASE, NEW, mine)
    assert merged.text == "\ufeff" + (NEW + "\nMine.\n").replace("\n", "\r\n")
    assert not merged.conflicts


def test_a_file_without_an_end_of_line_is_no_change_of_its_last_block() -> None:
    new = BASE.replace("for centuries", "for ever") + "\n## More\n"
    assert merge_note(BASE, new, BASE.rstrip("\n")).text.rstrip("\n") == new.rstrip("\n")


def test_a_fence_is_one_block_with_its_empty_lines() -> None:
    mine = BASE + "\n```python\nfirst = 1\n\n## no heading\nsecond = 2\n```\nafter\n"
    merged = merge_note(BASE, NEW, mine)
    assert merged.text == mine.replace(BASE, NEW)
    assert blocks_of(mine)[-2:] == ["```python\nfirst = 1\n\n## no heading\nsecond = 2\n```", "after"]


def test_blocks_are_those_that_a_reader_sees() -> None:
    text = "One\nline\n# Head\n- a\n  more\n- b\n> [!NOTE] c\n> d\nlazy\n\n| x | y |\n|---|---|\n1. e\n"
    assert blocks_of(text) == [
        "One\nline",
        "# Head",
        "- a\n  more",
        "- b",
        "> [!NOTE] c\n> d\nlazy",
        "| x | y |\n|---|---|",
        "1. e",
    ]


def test_two_texts_of_one_person_both_stand() -> None:
    merged = merge_note("a\n\nb\n\nc\n", "a\n\nB two\n\nc\n", "a\n\nB one\n\nc\n", both=True)
    assert {"B one", "B two"} <= set(blocks_of(merged.text))
    assert not merged.conflicts


def test_what_is_written_at_the_end_stays_at_the_end() -> None:
    new = BASE.replace("Honey keeps for centuries", "It rains") + "\n## More\n\n**Bo Marsh**: And the wax?\n"
    assert merge_note(BASE, new, BASE + "\nMine.\n").text == new + "\nMine.\n"
    longer = BASE + "\n## More\n\n**Bo Marsh**: And the wax?\n"
    assert merge_note(BASE, longer, BASE + "\nMine.\n").text == longer + "\nMine.\n"
