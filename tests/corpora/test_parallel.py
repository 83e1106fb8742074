"""Pairs of texts in two languages."""

from __future__ import annotations

import gzip
import os
import sys
import threading
from pathlib import Path

import pytest

from w2v.corpora import CorpusError
from w2v.corpora.parallel import Pairs, read_pairs, split_pairs


def written(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_a_table_is_read_in_both_directions(tmp_path: Path) -> None:
    table = written(tmp_path / "pairs.tsv.gz", "Hi.\t嗨。\tCC-BY\n\n long time \t好久 \tCC-BY\r\n")
    assert read_pairs(table) == Pairs(["Hi.", "long time"], ["嗨。", "好久"])
    assert read_pairs([table], columns=(2, 1)) == Pairs(["嗨。", "好久"], ["Hi.", "long time"])
    more = written(tmp_path / "more.tsv", "a\tb\n")
    assert read_pairs([table, more]).sources == ["Hi.", "long time", "a"]


def test_two_files_are_read_line_by_line(tmp_path: Path) -> None:
    german = written(tmp_path / "train.de.gz", "eins\n\nzwei\ndrei\n\n")
    english = written(tmp_path / "train.en", "one\n\ntwo\n\nfour\n")
    assert read_pairs([german, english]) == Pairs(["eins", "zwei"], ["one", "two"], n_incomplete=2)
    assert read_pairs([german, english], columns=(2, 1)).sources == ["one", "two"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with names are of POSIX")
def test_pipes_are_two_files_or_tables(tmp_path: Path) -> None:
    """As a shell's <(zcat train.de.gz) is: what can be read only once, and not again to go on."""
    for name, texts, found in (
        ("files", ("eins\nzwei\n", "one\ntwo\n"), Pairs(["eins", "zwei"], ["one", "two"])),
        ("tables", ("a\tb\n", "c\td\n"), Pairs(["a", "c"], ["b", "d"])),
    ):
        pipes = [tmp_path / f"{name}{i}" for i in range(2)]
        for pipe, text in zip(pipes, texts, strict=True):
            os.mkfifo(pipe)
            threading.Thread(target=pipe.write_text, args=(text,), daemon=True).start()
        pairs = read_pairs(pipes)
        assert pairs == found and pairs.files is None
    assert read_pairs(written(tmp_path / "t.tsv", "a\tb\n")).files == [str(tmp_path / "t.tsv")]


def test_bad_files_are_named(tmp_path: Path) -> None:
    one, three = written(tmp_path / "one", "a\n"), written(tmp_path / "three", "a\nb\nc\n")
    with pytest.raises(CorpusError, match=r"one has 1 and \S*three has 3 lines"):
        read_pairs([one, three])
    for name in ("pairs.csv", "pairs.jsonl.gz"):
        with gzip.open(tmp_path / name, "wt") if name.endswith(".gz") else open(tmp_path / name, "w") as file:
            file.write("de,en\nja,yes\n")
        with pytest.raises(CorpusError, match=f"{name}, line 1: .*; write the table with tabs first"):
            read_pairs(tmp_path / name)
    with pytest.raises(CorpusError, match=r"one, line 1: expected a text, a tab and its translation, not 'a'"):
        read_pairs(one)
    table = written(tmp_path / "t.tsv", "a\tb\nc\n")
    with pytest.raises(CorpusError, match=r"t.tsv, line 2: expected a text"):
        read_pairs(table)
    with pytest.raises(CorpusError, match=r"t.tsv, line 1: expected 3 columns between tabs, not 'a\\tb'"):
        read_pairs(table, columns=(1, 3))
    with pytest.raises(CorpusError, match="e.tsv: no pair of texts"):
        read_pairs(written(tmp_path / "e.tsv", "\ta\n \t \n"))
    for columns in ((1, 1), (0, 1)):
        with pytest.raises(ValueError, match="two different numbers from 1"):
            read_pairs(table, columns=columns)


def test_no_held_out_translation_is_trained_on() -> None:
    pairs = Pairs([f"s{i}" for i in range(60)], ["Hi!", "hi", *(f"t{i // 2}" for i in range(58))])
    trained, held_out = split_pairs(pairs, 12, seed=3)
    assert len(held_out) == 12
    assert len({t.casefold().strip("!") for t in held_out.targets}) == 12
    assert not {t.casefold().strip("!") for t in held_out.targets} & {t.casefold().strip("!") for t in trained.targets}
    assert len(trained) == 60 - 24
    assert {*zip(trained.sources, trained.targets, strict=True)} < {*zip(pairs.sources, pairs.targets, strict=True)}
    assert split_pairs(pairs, 12, seed=3) == (trained, held_out)
    assert split_pairs(pairs, 12, seed=4) != (trained, held_out)


@pytest.mark.parametrize("n", [0, 3, 5])
def test_something_must_be_left(n: int) -> None:
    with pytest.raises(ValueError, match=f"{n} of 3 different translations cannot be held out"):
        split_pairs(Pairs(["a", "b", "c"], ["x", "y", "z"]), n, seed=1)


def test_texts_of_marks_only_are_told_apart() -> None:
    trained, held_out = split_pairs(Pairs(["a", "b"], ["!", "?"]), 1, seed=1)
    assert len(trained) == len(held_out) == 1
