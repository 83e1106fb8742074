"""Paraphrases by pivoting through translations."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from w2v.corpora import CorpusError
from w2v.corpora.parallel import folded
from w2v.corpora.pivots import PivotCounts, PivotPairs, word_overlap
from w2v.corpora.tokenizers import CharactersTokenizer

GERMAN = """I have to go now.\tIch muss jetzt gehen.\tCC-BY
I must leave at once.\tIch muss jetzt gehen!
Go away!\tGeh weg!
Leave me alone!\tGeh weg!

We saw the old man.\tWir sahen den alten Mann.
We saw the OLD man!\tWir sahen den alten Mann.
He saw a cat.\t
"""
CHINESE = "I have to go now\t我得走了\nI must leave at once.\t我得走了。\nI have got to run.\t我得走了\n"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "deu.txt", tmp_path / "cmn.txt"]
    for path, text in zip(found, (GERMAN, CHINESE), strict=True):
        path.write_text(text, encoding="utf-8")
    return found


def test_texts_with_the_same_translation_are_paired_once(files: list[Path]) -> None:
    pairs = PivotPairs(files)
    expected = [
        ("I have to go now.", "I must leave at once."),
        ("I must leave at once.", "I have got to run."),
        ("I have got to run.", "I have to go now"),
    ]
    assert list(pairs) == expected
    assert pairs.counts == PivotCounts(read=9, short=2, groups=2, pairs=3)
    assert list(pairs) == expected and pairs.counts.pairs == 3  # read anew


def test_the_other_side_is_paired_by_this_one(files: list[Path]) -> None:
    files[0].write_text("One day.\tEin langer Tag ist um.\none day\tEin Tag ist nun vorbei.\n", encoding="utf-8")
    assert list(PivotPairs(files[0], columns=(2, 1))) == [("Ein langer Tag ist um.", "Ein Tag ist nun vorbei.")]
    sides = [files[0].with_name(name) for name in ("train.en", "train.de")]
    for path, text in zip(sides, ("a b\nc d\n", "x\nX!\n"), strict=True):
        path.write_text(text)
    assert list(PivotPairs(sides, min_words=1)) == [("a b", "c d")]


def test_options_leave_out_short_texts_near_copies_and_more_than_so_many(files: list[Path]) -> None:
    assert list(PivotPairs(files[0], min_words=2))[1] == ("Go away!", "Leave me alone!")
    counted = PivotPairs(files[1], max_overlap=0.3)
    assert [one for one, _ in counted] == ["I have to go now", "I must leave at once."]
    assert counted.counts.near_copies == 1  # three of seven words
    assert len(list(PivotPairs(files[1], most=1))) == 1
    characters = PivotPairs(files[1], columns=(2, 1), tokenizer=CharactersTokenizer())
    assert not list(characters) and characters.counts == PivotCounts(read=3)  # 我得走了 has four


def test_memory_changes_neither_pairs_nor_counts(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = [(f"a b c t{rng.integers(300)}", f"p{rng.integers(200)}") for _ in range(1_000)]
    (tmp_path / "t.tsv").write_text("".join(f"{text}\t{pivot}\n" for text, pivot in rows))
    whole, parts = (PivotPairs(tmp_path / "t.tsv", most=1000, max_memory=memory) for memory in (1 << 28, 1))
    by_pivot: dict[str, set[str]] = {}
    for text, pivot in rows:
        by_pivot.setdefault(pivot, set()).add(text)
    expected = {pair for group in by_pivot.values() for pair in itertools.combinations(sorted(group), 2)}
    for pairs in (whole, parts):
        listed = [tuple(sorted(pair)) for pair in pairs]
        assert len(listed) == len(expected) and set(listed) == expected
        assert pairs.counts == whole.counts


def test_every_text_of_a_translation_is_in_a_pair(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("".join(f"text number {n} here\tx\n" for n in range(7)))
    for most in (6, 7, 10, 21, 50):
        pairs = list(PivotPairs(tmp_path / "t.tsv", most=most))
        assert len({frozenset(pair) for pair in pairs}) == len(pairs) == min(most, 21)
        assert len({text for pair in pairs for text in pair}) == 7


def test_wrong_options_and_files_are_named(tmp_path: Path, files: list[Path]) -> None:
    with pytest.raises(ValueError, match="min_words must be at least 1, not 0"):
        PivotPairs(files, min_words=0)
    with pytest.raises(ValueError, match="max_overlap must be above 0 and at most 1, not 1.5"):
        PivotPairs(files, max_overlap=1.5)
    with pytest.raises(ValueError, match="columns must be two different numbers"):
        list(PivotPairs(files, columns=(1, 1)))
    files[0].write_text("alone\n")
    with pytest.raises(CorpusError, match="deu.txt, line 1: expected a text, a tab"):
        list(PivotPairs(files[0]))
    files[0].write_text("two words\tzwei\n")
    with pytest.raises(CorpusError, match="deu.txt, line 1: expected 3 columns between tabs, not 'two words"):
        list(PivotPairs(files[0], columns=(1, 3)))
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(CorpusError, match="none.txt: no pair of texts"):
        list(PivotPairs(tmp_path / "none.txt"))


def test_overlap_and_folding() -> None:
    assert word_overlap(["a", "b", "b"], ["b", "c"]) == pytest.approx(1 / 3)
    assert word_overlap([], []) == 0
    assert folded("Geh, WEG!") == folded("geh weg") and folded("?!") == "?!"
