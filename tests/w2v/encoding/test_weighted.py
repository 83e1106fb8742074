"""Lines that begin with a weight."""

from __future__ import annotations

from pathlib import Path

import pytest

from w2v.corpora.readers import CorpusError, TextReader
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.corpora.weighted import weighted_lines


def read(folder: Path, text: str) -> list[tuple[float, list[str]]]:
    (folder / "baskets.tsv").write_text(text, encoding="utf-8", newline="")
    return list(weighted_lines(TextReader(folder / "baskets.tsv")))


def test_weighted_lines_hold_a_weight_and_items(tmp_path: Path) -> None:
    text = "2.5\tgreen tea\tsugar\r\n\n 1e-1 \t milk \t\ttea\n+3\t4\n \t \n.5\t5.\tlast"
    assert read(tmp_path, text) == [
        (2.5, ["green tea", "sugar"]),
        (0.1, ["milk", "tea"]),
        (3.0, ["4"]),
        (0.5, ["5.", "last"]),
    ]


def test_weighted_lines_leave_out_what_cannot_count(tmp_path: Path) -> None:
    assert read(tmp_path, "0\ta\tb\n1e-999\ta\n7\t\n1\tc\n") == [(1.0, ["c"])]


def test_weighted_lines_take_any_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "text.tsv").write_text("2\tThe cat, the\tdog\n")
    assert list(weighted_lines(TextReader(tmp_path / "text.tsv"), WordsTokenizer())) == [
        (2.0, ["the", "cat", "the", "dog"])
    ]


@pytest.mark.parametrize(
    "weight", ["-1", "nan", "inf", "1e999", "1e9", "1000000.5", "1_000", "1,5", "0x10", "٣", "tea", ""]
)
def test_weighted_lines_refuse_what_is_no_weight(tmp_path: Path, weight: str) -> None:
    with pytest.raises(CorpusError) as raised:
        read(tmp_path, f"1\ta\n{weight}\tb\n")
    assert str(raised.value).startswith(f"{tmp_path / 'baskets.tsv'}, line 2: a weight is a number from 0 to 1,000,000")
    assert repr(weight) in str(raised.value)


@pytest.mark.parametrize("line", ["2.5 green tea", "3", "green tea " * 20])
def test_weighted_lines_refuse_lines_without_a_tab(tmp_path: Path, line: str) -> None:
    with pytest.raises(CorpusError, match=r"baskets\.tsv, line 1: expected a weight, a tab and items") as raised:
        read(tmp_path, line)
    assert len(str(raised.value)) < 250 + len(str(tmp_path))
