"""What all commands print alike."""

from __future__ import annotations

import pytest

from w2v.commands.shared.output import print_table


def test_a_table_in_a_file_has_a_short_rule_and_whole_rows(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "word " * 200 + "end"
    print_table([">line", "sentence"], [("1", "short"), ("20", sentence)])
    header, rule, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["line", "sentence"]
    assert rule == "─" * 100
    assert (first.split(), second.split(maxsplit=1)) == (["1", "short"], ["20", sentence])
    print_table(["a", "b"], [("c", "──")])
    assert capsys.readouterr().out.splitlines()[1:] == ["──────", "c   ──"]
