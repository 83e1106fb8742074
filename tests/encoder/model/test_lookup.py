"""Sentences to words and rows: compiled code beside the tokenizers and plain Python."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.examples.encoder_examples import COUNTS, SENTENCES, WORDS, make_embeddings
from tests.helpers.twins import naive_encoder
from w2v.corpora.tokenizers import (
    CallableTokenizer,
    CharactersTokenizer,
    JiebaTokenizer,
    TabsTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordsTokenizer,
)
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.rows import WordRows
from w2v.encoder.model.state import sif_state
from w2v.encoding.vocabulary import Vocabulary

TOKENIZERS: list[Tokenizer] = [
    WordsTokenizer(),
    WordsTokenizer(lowercase=False),
    WhitespaceTokenizer(),
    CharactersTokenizer(),
    JiebaTokenizer(),
    TabsTokenizer(),
    CallableTokenizer(str.split),
]

LOOKED_UP = [*WORDS, "日", "green tea", "The", "RIVER!", "a", "éclair"]
VOCABULARY = Vocabulary(list(dict.fromkeys(LOOKED_UP)))


def words_of(lookup: WordLookup, sentences: list[str], *, with_unknown: bool) -> list[list[str]]:
    return lookup.words_of(lookup.find(sentences, with_unknown=with_unknown))


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=str)
@pytest.mark.parametrize("with_unknown", [False, True])
def test_find_agrees_with_every_tokenizer(tokenizer: Tokenizer, with_unknown: bool) -> None:
    sentences = [*SENTENCES, "green tea\tthe\t  green  tea", "中国 x日本y", "an\0b\tthe", "\n\n", "the" * 50, "-"]
    lookup = WordLookup(VOCABULARY, tokenizer)
    expected = [[word for word in tokenizer(s) if with_unknown or word in VOCABULARY] for s in sentences]
    assert words_of(lookup, sentences, with_unknown=with_unknown) == expected
    assert any(expected) and not all(expected)


TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aThe's\u2019 \t\n\r日本ß42x")))


@settings(derandomize=True)
@given(st.lists(TEXT, max_size=5))
@pytest.mark.parametrize("tokenizer", TOKENIZERS[:4], ids=str)
def test_find_agrees_with_the_tokenizer_on_any_text(tokenizer: Tokenizer, sentences: list[str]) -> None:
    lookup = WordLookup(VOCABULARY, tokenizer)
    expected = [tokenizer(sentence.replace("\n", "\t")) for sentence in sentences]
    assert words_of(lookup, sentences, with_unknown=True) == expected


def test_find_lines_takes_every_line_for_a_sentence() -> None:
    for tokenizer in (WordsTokenizer(), CallableTokenizer(str.split)):
        lookup = WordLookup(VOCABULARY, tokenizer)
        for data, expected in (
            ("the\n\nriver x\r\n", [["the"], [], ["river", "x"]]),
            ("the\n\nriver", [["the"], [], ["river"]]),
            ("\n", [[]]),
            ("", []),
        ):
            found = lookup.find_lines(data.encode())
            assert lookup.words_of(found) == expected
            assert len(found) == len(expected)


def test_find_nothing_finds_nothing() -> None:
    found = WordLookup(VOCABULARY, WordsTokenizer()).find([])
    assert len(found) == 0 and found.offsets.tolist() == [0]


def test_find_numbers_each_unknown_word_once() -> None:
    found = WordLookup(VOCABULARY, WordsTokenizer()).find(["foo the bar foo", "bar"], with_unknown=True)
    assert found.unknown == ["foo", "bar"]
    assert found.ids.tolist() == [-1, 0, -2, -1, -2]
    assert found.offsets.tolist() == [0, 4, 5]


def test_find_works_in_vocabularies_of_any_size_and_with_long_words() -> None:
    words = [f"word{i}" for i in range(3000)] + ["a" * n for n in range(1, 40)] + [""]
    lookup = WordLookup(Vocabulary(words), WhitespaceTokenizer())
    assert words_of(lookup, [" ".join(words), "a" * 40], with_unknown=False) == [words[:-1], []]
    assert words_of(WordLookup(Vocabulary(["x"]), WhitespaceTokenizer()), ["x y x"], with_unknown=False) == [["x", "x"]]
    assert words_of(WordLookup(Vocabulary([""]), WhitespaceTokenizer()), ["x"], with_unknown=False) == [[]]


def test_find_names_the_sentence_that_is_no_text() -> None:
    lookup = WordLookup(VOCABULARY, WordsTokenizer())
    with pytest.raises(TypeError, match="sentence 1 is not text but float: nan"):
        lookup.find(["the", float("nan")])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="sentence 2 contains half a surrogate pair"):
        lookup.find(["the", "a", "\ud800 x"])


@pytest.mark.parametrize("vector_size", [1, 3, 15, 16, 17, 20, 32, 300])
def test_sums_are_those_of_plain_python(vector_size: int) -> None:
    embeddings = make_embeddings(vector_size)
    state = sif_state(embeddings, a=1e-2)
    rows = WordRows(state)
    share = dict(zip(WORDS, COUNTS / COUNTS.sum(), strict=True))
    vectors = dict(zip(WORDS, state.table.astype(np.float64), strict=True))
    tokenizer = WordsTokenizer()
    expected = np.zeros((len(SENTENCES), vector_size))
    for i, sentence in enumerate(SENTENCES):
        expected[i] = naive_encoder.sif_sum(tokenizer(sentence), vectors, share, 1e-2)
    found = rows.find(SENTENCES)
    np.testing.assert_allclose(rows.sums(found), expected, rtol=1e-5, atol=1e-5)
    gathered = rows.gather(found)
    np.testing.assert_allclose(
        [gathered[a:b].sum(axis=0) for a, b in zip(found.offsets, found.offsets[1:], strict=False)],
        expected, rtol=1e-5, atol=1e-5,
    )  # fmt: skip


def test_sums_do_not_depend_on_the_sentences_beside() -> None:
    rows = WordRows(sif_state(make_embeddings(37), identity_scale=0.2))
    together = rows.sums(rows.find(SENTENCES))
    for i, sentence in enumerate(SENTENCES):
        alone = rows.sums(rows.find([sentence]))
        assert alone.tobytes() == together[i].tobytes()
        again = rows.sums(rows.find(["x", sentence, *SENTENCES[::-1]]))
        assert again[1].tobytes() == together[i].tobytes()


def test_unknown_words_are_left_out_without_identity_or_subwords() -> None:
    rows = WordRows(sif_state(make_embeddings()))
    assert not rows.sums(rows.find(["unheard of", ""])).any()
    assert rows.sums(rows.find(["the unheard"])).tobytes() == rows.sums(rows.find(["the"])).tobytes()


def test_unknown_words_have_their_identity() -> None:
    state = sif_state(make_embeddings(), identity_scale=0.4, identity_columns=70)
    rows = WordRows(state)
    sums = rows.sums(rows.find(["zebra", "zebra river", "Zebra zebra", "日x"]))
    signs = np.array(naive_encoder.spelling_signs("zebra", 70))
    np.testing.assert_allclose(sums[0], np.r_[np.zeros(20), 0.4 / np.sqrt(70) * signs], atol=1e-7)
    river = rows.sums(rows.find(["river"]))[0]
    np.testing.assert_allclose(sums[1], sums[0] + river, atol=1e-6)
    np.testing.assert_allclose(sums[2], 2 * sums[0], atol=1e-6)
    assert state.identity is not None
    np.testing.assert_allclose(sums[3, 20:], state.identity.directions(["日x"], 90)[0], atol=1e-7)


def test_unknown_words_have_the_mean_of_their_ngrams() -> None:
    embeddings = make_embeddings(with_subwords=True)
    state = sif_state(embeddings)
    rows = WordRows(state)
    for word in ("rivers", "naïvety", "日本語", "q"):
        vector = embeddings[word] if word in embeddings else np.zeros(20)
        np.testing.assert_allclose(rows.sums(rows.find([word]))[0], vector * state.subword_scale, atol=1e-6)
    found = rows.find(["rivers rivers the", "q"])
    np.testing.assert_allclose(rows.gather(found)[0], embeddings["rivers"] * state.subword_scale, atol=1e-6)


def test_unknown_words_have_both_if_both_are_there() -> None:
    embeddings = make_embeddings(with_subwords=True)
    ngrams, both = WordRows(sif_state(embeddings)), WordRows(sif_state(embeddings, identity_scale=0.4))
    identity = both.state.identity
    assert identity is not None
    np.testing.assert_allclose(
        both.sums(both.find(["rivers"])),
        ngrams.sums(ngrams.find(["rivers"])) + identity.directions(["rivers"], 20),
        atol=1e-6,
    )


@pytest.mark.parametrize("make", [list, np.array, tuple])
def test_find_takes_any_sequence(make: Callable[[list[str]], list[str]]) -> None:
    rows = WordRows(sif_state(make_embeddings()))
    assert rows.sums(rows.find(make(SENTENCES))).tobytes() == rows.sums(rows.find(SENTENCES)).tobytes()
