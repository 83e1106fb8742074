"""Paragraphs cut into sentences, files of sentences that belong together, and what they share with evaluations."""

from __future__ import annotations

from pathlib import Path

import pytest

from w2v.corpora.readers import CorpusError
from w2v.corpora.sentences import (
    SentenceSets,
    find_overlap,
    read_sentence_sets,
    sentence_runs,
    split_sentences,
    without_overlap,
)


@pytest.mark.parametrize(
    "paragraph, expected",
    [
        ("", []),
        ("  one without an end ", ["one without an end"]),
        ("It rained. It poured! Did it? Yes", ["It rained.", "It poured!", "Did it?", "Yes"]),
        ("About 3.5 m (e.g. in May) fell.  2010 was dry.", ["About 3.5 m (e.g. in May) fell.", "2010 was dry."]),
        ('He said "Go." She went. (So it is.) "Why?"', ['He said "Go."', "She went.", "(So it is.)", '"Why?"']),
        ("Été. Über allem. \u00c9t\u00e9.", ["Été.", "Über allem.", "Été."]),
        ("U.S. troops", ["U.S. troops"]),
    ],
)
def test_split_sentences_cuts_before_what_is_no_small_letter(paragraph: str, expected: list[str]) -> None:
    assert split_sentences(paragraph) == expected


def test_split_sentences_loses_no_character() -> None:
    paragraph = 'A "b." C? d! E... F.'
    assert "".join(split_sentences(paragraph)).replace(" ", "") == paragraph.replace(" ", "")


def test_sentence_runs_end_where_a_sentence_is_too_short_or_too_long() -> None:
    paragraphs = [
        "One two three. Four five six. No. Seven eight nine. " + "Word " * 9 + ". Ten eleven twelve.",
        "",
        "Ha.",
    ]
    runs = list(sentence_runs(paragraphs, min_tokens=2, max_tokens=5))
    assert [[" ".join(tokens) for tokens in run] for run in runs] == [
        ["one two three", "four five six"],
        ["seven eight nine"],
        ["ten eleven twelve"],
    ]


def test_sentence_runs_refuse_an_empty_range() -> None:
    with pytest.raises(ValueError, match="min_tokens and max_tokens"):
        list(sentence_runs([], min_tokens=5, max_tokens=4))


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sets.tsv"
    path.write_text(text)
    return path


def test_read_sentence_sets_takes_any_number_of_columns(tmp_path: Path) -> None:
    found = read_sentence_sets(write(tmp_path, "a b\tc d\te f\n\n g\th \ti\n"))
    assert found.sets == [("a b", "c d", "e f"), ("g", "h", "i")]
    assert found.negatives is None and len(found) == 2


def test_read_sentence_sets_takes_the_last_column_as_hard_negative(tmp_path: Path) -> None:
    found = read_sentence_sets(write(tmp_path, "a\tb\tc\nd\te\tf\n"), hard_negatives=True)
    assert found.sets == [("a", "b"), ("d", "e")]
    assert found.negatives == ["c", "f"]


@pytest.mark.parametrize(
    "text, hard, message",
    [
        ("a\tb\nc\n", False, "line 2: expected two sentences or more"),
        ("a\tb\n", True, "line 1: expected two sentences and a hard negative"),
        ("a\tb\nc\td\te\n", False, "line 2: 3 columns, but the first line has 2"),
        ("a\tb\n\n \tc\n", False, "line 3: column 1 is empty"),
        ("\n", False, "holds no sentences"),
    ],
)
def test_read_sentence_sets_names_the_line_that_is_wrong(tmp_path: Path, text: str, hard: bool, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_sentence_sets(write(tmp_path, text), hard_negatives=hard)


def test_overlap_is_found_whatever_the_case_and_punctuation() -> None:
    captions = SentenceSets(
        [("A dog runs.", "Some dog."), ("Two cats", "Cats, two"), ("x y", "z")], ["n", "m", "A man!"]
    )
    overlap = find_overlap(captions, ["a  DOG runs", "a man", "two"])
    assert overlap.touched == (0, 2)
    assert overlap.sentences == {"a dog runs": 1, "a man": 1}
    assert overlap.to_dict() == {"sets": 3, "touched_sets": 2, "shared_sentences": 2}


def test_without_overlap_drops_whole_sets_and_then_finds_none() -> None:
    captions = SentenceSets([("a dog", "b"), ("c", "d"), ("e", "A dog")], ["1", "2", "3"])
    left, overlap = without_overlap(captions, ["A dog."])
    assert left.sets == [("c", "d")] and left.negatives == ["2"]
    assert overlap.touched == (0, 2)
    assert find_overlap(left, ["A dog."]).touched == ()


def test_sentences_without_words_are_no_overlap() -> None:
    assert find_overlap(SentenceSets([("…", "a")]), ["!", "?"]).touched == ()
