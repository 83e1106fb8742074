"""Sentences with their translations, trained as one: `lines` "parallel"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v import Word2Vec
from w2v.corpora import CorpusError
from w2v.encoding.records import mixed_sentence
from w2v.vectors.spaces.anchors import share_space
from w2v.vectors.spaces.moving import of_language

ENGLISH = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
GERMAN = ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht"]
SMALL: dict[str, Any] = {"vector_size": 16, "min_count": 1, "workers": 1, "random_state": 1, "lines": "parallel"}


def sentences(n: int = 300) -> list[tuple[str, str]]:
    """Return sentences that say a number three times, and another one."""
    rng = np.random.default_rng(5)
    rows = [[*[i % 8] * 3, int(rng.integers(8))] for i in range(n)]
    return [(" ".join(ENGLISH[i] for i in row), " ".join(GERMAN[i] for i in row)) for row in rows]


def test_mixed_sentence_puts_words_beside_those_at_the_same_place() -> None:
    assert mixed_sentence(["a", "b"], ["x", "y"], ["en", "de"]) == ["en:a", "de:x", "en:b", "de:y"]
    assert mixed_sentence(["a"], ["x", "y", "z"], ["en", "de"]) == ["de:x", "en:a", "de:y", "de:z"]
    assert mixed_sentence(["a", "b", "c"], ["x"], ["s", "t"]) == ["s:a", "s:b", "t:x", "s:c"]


def test_training_brings_translations_together_and_each_language_can_be_taken_out() -> None:
    model = Word2Vec(**SMALL, languages="en,de", epochs=100, sample=0).fit(sentences())
    joint = model.embeddings_
    english, german = of_language(joint, "en"), of_language(joint, "de")
    assert sorted(english) == sorted(ENGLISH) and sorted(german) == sorted(GERMAN)
    assert (english["seven"] == joint["en:seven"]).all() and english.vocabulary.counts is not None
    assert share_space(english, german)
    for word, translation in zip(ENGLISH, GERMAN, strict=True):
        assert german.neighbors(english[word], top_n=1)[0][0] == translation
    with pytest.raises(ValueError, match="the model has no words of the language 'fr'; there are de, en"):
        of_language(joint, "fr")
    with pytest.raises(ValueError, match="nor of any other"):
        of_language(english, "en")


def test_files_and_sentences_give_the_same_vectors_and_the_seed_the_same_bits(tmp_path: Path) -> None:
    rows = sentences(60)
    lines = [f"{source}\t{target}\tCC-BY" for source, target in rows]
    (tmp_path / "pairs.tsv").write_text("\n".join([*lines, "", "lonely\t", "\tallein", "!\tzwei"]), encoding="utf-8")
    from_file = Word2Vec(**SMALL, epochs=2).fit(tmp_path / "pairs.tsv").embeddings_
    tokens = [(source.split(), target.split()) for source, target in rows]
    for corpus in (rows, iter(rows), tokens):
        other = Word2Vec(**SMALL, epochs=2).fit(corpus).embeddings_
        assert list(other) == list(from_file) and (other.vectors == from_file.vectors).all()
    assert "source:one" in from_file and "target:eins" in from_file


def test_what_is_no_pair_of_sentences_is_named(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("one\teins\nonly one\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"pairs\.tsv, line 2: expected a sentence, a tab and its translation"):
        Word2Vec(**SMALL).fit(tmp_path / "pairs.tsv")
    with pytest.raises(TypeError, match=r"item 2: with lines='parallel' the corpus must be of \(sentence or tokens"):
        Word2Vec(**SMALL).fit([("one", "eins"), "two\tzwei"])
    with pytest.raises(TypeError, match="at text 2"):
        Word2Vec(**SMALL).fit([("one", "eins"), (["two"], ["zwei"])])
    with pytest.raises(TypeError, match="item 1: words must be str"):
        Word2Vec(**SMALL).fit([(["one"], [1])])


@pytest.mark.parametrize("languages", ["en", "en,en", "en,de,fr", "e n,de", ",de", "en:,de", ""])
def test_languages_are_two_tags(tmp_path: Path, languages: str) -> None:
    with pytest.raises(ValueError, match="languages must be two different tags"):
        Word2Vec(**SMALL, languages=languages).fit(sentences(5))
    (tmp_path / "p.tsv").write_text("one\teins\n", encoding="utf-8")
    options = ["--lines", "parallel", "--languages", languages]
    assert_mistake(run("train", tmp_path / "p.tsv", "--output", tmp_path / "m", *options), 2, "two different tags")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lines": "text", "languages": "en,de"}, "give lines parallel as well"),
        ({"subwords": True}, "the two languages would share their n-grams"),
        ({"phrases": True}, "phrases is for lines that are sentences"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Word2Vec(**SMALL | options).fit(sentences(5))
