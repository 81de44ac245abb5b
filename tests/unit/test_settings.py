"""What ``hark.toml`` may say, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.errors import ConfigError
from kb.settings import TEMPLATE, Corrections, load_settings


def _corrections(folder: Path, text: str) -> Corrections:
    (folder / "hark.toml").write_text(text, encoding="utf-8")
    return load_settings(folder).corrections


def test_what_a_new_library_begins_with_can_be_read(tmp_path: Path) -> None:
    assert _corrections(tmp_path, TEMPLATE.format(name='"Talks"')) == Corrections()
    lines = TEMPLATE.format(name='"Talks"').replace('# "', '"').replace("# [corr", "[corr")
    found = _corrections(tmp_path, lines)
    assert found.everywhere == (("lynskey", "Tolinski"), ("cuber netties", "kubernetes"))
    assert found.by_show == (("Name of a show", (("al", "Al Jarreau"),)),)


def test_a_show_has_its_own_corrections_before_those_for_all(tmp_path: Path) -> None:
    found = _corrections(
        tmp_path,
        '[corrections]\n"wacks" = "wax"\n"al" = "Al"\n[corrections."Leader Tape"]\n"al" = "Al Jarreau"\n',
    )
    assert found.of("leader tape") == (("al", "Al Jarreau"), ("wacks", "wax"))
    assert found.of("Another") == (("wacks", "wax"), ("al", "Al"))


def test_spaces_and_the_form_of_accents_do_not_matter(tmp_path: Path) -> None:
    assert _corrections(tmp_path, '[corrections]\n" cafe\u0301  noir " = "caf\u00e9 noir"').everywhere == ()
    found = _corrections(tmp_path, '[corrections]\n" edda   rowen " = " Edda\\tRowan "')
    assert found.everywhere == (("edda rowen", "Edda Rowan"),)


@pytest.mark.parametrize(
    "line", ['"a" = 1', '"a" = ""', '"" = "a"', '" " = "a"', '"a" = ["b"]', f'"a" = "{"b" * 201}"']
)
@pytest.mark.parametrize("table", ["corrections", 'corrections."Leader Tape"'])
def test_what_is_no_correction_is_named(tmp_path: Path, table: str, line: str) -> None:
    with pytest.raises(ConfigError, match="is no correction") as caught:
        _corrections(tmp_path, f"[{table}]\n{line}\n")
    assert table.replace('"', "") in str(caught.value)
    assert 'write "misheard" = "meant"' in str(caught.value)
    assert "hark.toml" in caught.value.where


def test_corrections_have_to_be_a_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="corrections must be a dict"):
        _corrections(tmp_path, 'corrections = "a"\n')
