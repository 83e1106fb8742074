"""Phrases against plain Python and against gensim."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import phrases as gensim_phrases
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from tests.helpers.examples.phrases import make_phrase_list
from w2v.corpora.tokenizers import WhitespaceTokenizer, WordsTokenizer
from w2v.encoding.stream import WorkFolder, encode_corpus
from w2v.phrases import counting
from w2v.phrases.counting import PhraseCorpus
from w2v.phrases.estimator import ForgottenPairsWarning, Phrases, join_corpus
from w2v.phrases.phrase_list import ENGLISH_CONNECTOR_WORDS, PhraseList, PhraseTokenizer
from w2v.storage.files import ModelError

Sentences = list[list[str]]

steady = settings(derandomize=True)
words = st.sampled_from(["new", "york", "city", "bank", "america", "of", "the", "x", "é", "中文"])
corpora = st.lists(st.lists(words, min_size=1, max_size=12), min_size=1, max_size=25)
CONNECTORS = frozenset({"of", "the"})


# --- the same, written plainly ---------------------------------------------------------------------------------------


def naive_spans(sentence: Sequence[str], connectors: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """Yield two neighbouring words that are not connectors, with the connectors between them."""
    plain = [i for i, word in enumerate(sentence) if word not in connectors]
    for start, end in zip(plain, plain[1:], strict=False):
        yield tuple(sentence[start : end + 1])


def naive_learn(
    sentences: Sentences, scoring: str, threshold: float, min_count: int, connectors: frozenset[str]
) -> dict[tuple[str, ...], tuple[float, int]]:
    counts = Counter(word for sentence in sentences for word in sentence)
    pairs = Counter(span for sentence in sentences for span in naive_spans(sentence, connectors))
    n_words, n_distinct = sum(counts.values()), len(set(counts) - connectors) + len(pairs)
    found = {}
    for span, n in pairs.items():
        first, last = counts[span[0]], counts[span[-1]]
        if scoring == "default":
            score = (n - min_count) / (first * last) * n_distinct
        else:
            score = math.log((n / n_words) / (first / n_words * last / n_words)) / -math.log(n / n_words)
        if n >= min_count and score > threshold:
            found[span] = (score, n)
    return found


def naive_join(sentence: Sequence[str], phrases: Any, connectors: frozenset[str], delimiter: str = "_") -> list[str]:
    """Join phrases from left to right: at each place the span that begins there, or nothing."""
    out, at = [], 0
    while at < len(sentence):
        span = next(naive_spans(sentence[at:], connectors), ()) if sentence[at] not in connectors else ()
        if span in phrases:
            out.append(delimiter.join(span))
            at += len(span)
        else:
            out.append(sentence[at])
            at += 1
    return out


def learned(phrases: Phrases, number: int = 0) -> dict[tuple[str, ...], tuple[float, int]]:
    return {phrase.words: (phrase.score, phrase.occurrences) for phrase in phrases.phrase_list_.passes[number]}


# --- learning --------------------------------------------------------------------------------------------------------


@steady
@given(corpora, st.sampled_from(["default", "npmi"]), st.integers(1, 3), st.booleans(), st.integers(1, 3))
def test_phrases_are_those_of_plain_python(
    sentences: Sentences, scoring: str, min_count: int, with_connectors: bool, workers: int
) -> None:
    connectors = CONNECTORS if with_connectors else frozenset()
    threshold = 0.5 if scoring == "default" else 0.1
    phrases = Phrases(
        scoring=scoring, threshold=threshold, min_count=min_count, connector_words=connectors, workers=workers
    ).fit(sentences)
    expected = naive_learn(sentences, scoring, threshold, min_count, connectors)
    found = learned(phrases)
    assert {span: count for span, (_, count) in found.items()} == {span: count for span, (_, count) in expected.items()}
    for span, (score, _) in found.items():
        assert score == pytest.approx(expected[span][0], rel=1e-13)
    scores = [score for score, _ in found.values()]
    assert scores == sorted(scores, reverse=True)


@steady
@given(corpora, st.integers(1, 4), st.booleans())
def test_each_pass_finds_phrases_of_the_joined_text(sentences: Sentences, workers: int, with_connectors: bool) -> None:
    connectors = CONNECTORS if with_connectors else frozenset()
    phrases = Phrases(
        scoring="npmi", threshold=0.2, min_count=2, passes=3, connector_words=connectors, workers=workers
    ).fit(sentences)
    joined = sentences
    for number in range(len(phrases.phrase_list_.passes)):
        expected = naive_learn(joined, "npmi", 0.2, 2, connectors)
        assert set(learned(phrases, number)) == set(expected)
        joined = [naive_join(sentence, expected, connectors) for sentence in joined]
    assert phrases.transform(sentences) == joined


@steady
@given(corpora, st.booleans())
def test_phrases_and_scores_are_those_of_gensim(sentences: Sentences, with_connectors: bool) -> None:
    connectors = CONNECTORS if with_connectors else frozenset()
    theirs = gensim_phrases.Phrases(sentences, min_count=2, threshold=0.3, connector_words=connectors)
    ours = Phrases(threshold=0.3, min_count=2, connector_words=connectors).fit(sentences)
    assert ours.phrases_ == theirs.export_phrases()
    assert ours.transform(sentences) == list(theirs[sentences])
    assert ours.find(sentences) == theirs.find_phrases(sentences)


@steady
@given(corpora)
def test_npmi_is_that_of_gensim(sentences: Sentences) -> None:
    theirs = gensim_phrases.Phrases(sentences, min_count=2, threshold=0.1, scoring="npmi").export_phrases()
    assert Phrases(scoring="npmi", threshold=0.1, min_count=2).fit(sentences).phrases_ == pytest.approx(
        theirs, rel=1e-13
    )


def test_connector_words_are_those_of_gensim() -> None:
    assert ENGLISH_CONNECTOR_WORDS == gensim_phrases.ENGLISH_CONNECTOR_WORDS


def test_a_second_pass_makes_longer_phrases() -> None:
    sentences = [["new", "york", "city"]] * 4 + [["new", "york"]] * 4 + [["x"]] * 90
    phrases = Phrases(scoring="npmi", threshold=0.7, min_count=2, passes=2).fit(sentences)
    assert phrases.transform(sentences[3:5]) == [["new_york_city"], ["new_york"]]
    ((longer,),) = phrases.phrase_list_.passes[1:]
    assert longer.words == ("new_york", "city") and longer.occurrences == 4
    assert longer.score == pytest.approx(math.log(102 / 8) / math.log(102 / 4))


def test_passes_end_when_nothing_is_left_to_join() -> None:
    phrases = Phrases(threshold=0.1, min_count=1, passes=20).fit([["a", "b"], ["a", "b"]])
    assert len(phrases.phrase_list_.passes) == 1


def random_sentences(rng: np.random.Generator, n: int, n_words: int) -> Sentences:
    ids = rng.zipf(1.3, n) % n_words
    return [[f"w{i}" for i in part] for part in np.array_split(ids, n // 9)]


@pytest.mark.parametrize("connectors", [frozenset(), frozenset({"w1", "w2", "w3"})])
def test_tables_that_grow_and_rounds_change_nothing(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, connectors: frozenset[str]
) -> None:
    sentences = random_sentences(rng, 60_000, 5000)
    expected = naive_learn(sentences, "default", 1.0, 2, connectors)
    monkeypatch.setattr(counting, "ROUND", 7001)
    monkeypatch.setattr(counting, "_MIN_ROUND", 1)
    monkeypatch.setattr(counting, "_TOKENS_A_ROW", 1 << 40)
    monkeypatch.setattr(counting, "_RANGE", 997)
    for workers in (1, 3):
        phrases = Phrases(threshold=1.0, min_count=2, connector_words=connectors, workers=workers).fit(sentences)
        assert learned(phrases) == expected
        assert [*join(phrases, sentences, workers)] == [naive_join(s, expected, connectors) for s in sentences]


def join(phrases: Phrases, sentences: Sentences, workers: int) -> Iterator[list[str]]:
    """Join over the token stream and turn it back into words."""
    with WorkFolder() as folder:
        encoded = encode_corpus(sentences, WhitespaceTokenizer(), min_count=1, work_folder=folder)
        corpus = PhraseCorpus(
            *encoded, delimiter="_", connector_words=phrases.phrase_list_.connector_words, workers=workers
        )
        for number in phrases.phrase_list_.passes:
            corpus.join(number)
        for start, end in zip(corpus.offsets, corpus.offsets[1:], strict=False):
            yield [corpus.words[i] for i in corpus.tokens[start:end]]


def test_pairs_do_not_reach_beyond_sentences_and_rounds_do_not_cut_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "ROUND", 1)
    monkeypatch.setattr(counting, "_MIN_ROUND", 1)
    sentences = [["a", "of", "the", "b", "c"], ["d"], ["of"], ["e", "of"], ["of", "f"]]
    phrases = Phrases(scoring="npmi", threshold=-1, min_count=1, connector_words=CONNECTORS, workers=2).fit(sentences)
    assert set(learned(phrases)) == {("a", "of", "the", "b"), ("b", "c")}


def test_too_many_pairs_are_forgotten_with_a_warning(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_MIN_ROUND", 1)
    noise = [[f"w{i}" for i in rng.integers(0, 500, 20)] for _ in range(400)]
    sentences = [sentence for pair in zip([["new", "york"]] * 400, noise, strict=True) for sentence in pair]
    found = []
    for workers in (1, 3):
        phrases = Phrases(threshold=1.0, min_count=3, max_pairs=300, workers=workers)
        with pytest.warns(ForgottenPairsWarning, match="more than 300 distinct pairs"):
            phrases.fit(sentences)
        assert phrases.forgotten_ >= 1
        assert learned(phrases)[("new", "york")][1] == 400
        found.append(phrases.phrases_)
    assert found[0] == found[1]
    enough = Phrases(threshold=1.0, min_count=3).fit(sentences)
    assert enough.forgotten_ == 0 and enough.phrases_["new_york"] > 1


def test_gaps_of_many_connector_words_are_told_apart() -> None:
    gaps = [["a", *["of"] * (n % 7), *["the"] * (n // 7), "b"] for n in range(49)] * 2
    phrases = Phrases(scoring="npmi", threshold=-1, min_count=2, connector_words=CONNECTORS).fit(
        [*gaps, *[["a", "b"]] * 3]
    )
    assert {len(words) for words in learned(phrases)} == set(range(2, 15))
    assert len(learned(phrases)) == 49 and learned(phrases)[("a", "b")][1] == 5


def test_a_joined_phrase_that_is_a_word_already_is_that_word() -> None:
    sentences = [["new", "york"], ["new_york", "x"], ["y", "new_york"]] * 3
    phrases = Phrases(threshold=0.1, min_count=2).fit(sentences)
    with WorkFolder() as folder:
        encoded = encode_corpus(sentences, WhitespaceTokenizer(), min_count=1, work_folder=folder)
        corpus = PhraseCorpus(*encoded, delimiter="_", connector_words=frozenset(), workers=1)
        corpus.join([phrase for phrase in phrases.phrase_list_ if phrase.words == ("new", "york")])
        vocabulary, stream = corpus.finish(1, None)
    assert vocabulary.index_to_key == ["new_york", "x", "y"]
    assert vocabulary.counts is not None and vocabulary.counts.tolist() == [9, 3, 3]
    assert stream.tokens[:5].tolist() == [0, 0, 1, 2, 0] and stream.offsets[:4].tolist() == [0, 1, 3, 5]
    assert stream.n_words == 15


# --- the estimator ---------------------------------------------------------------------------------------------------


def test_phrases_is_an_estimator() -> None:
    phrases = Phrases(scoring="npmi", threshold=0.3, connector_words="english")
    assert clone(phrases).get_params() == phrases.get_params()
    with pytest.raises(ValueError, match="not fitted"):
        phrases.join(["a"])
    phrases.fit([["bank", "of", "america"]] * 5 + [["a", "new", "bank"]] * 2)
    assert phrases.phrase_list_.connector_words == ENGLISH_CONNECTOR_WORDS
    refitted = phrases.fit([["x", "y"]] * 9 + [["z"]]).phrases_
    assert list(refitted) == ["x_y"] and phrases.export().scores == refitted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scoring", "pmi"), ("threshold", math.nan), ("threshold", 0), ("threshold", "10"), ("min_count", 0),
        ("min_count", 1.5), ("passes", 0), ("passes", 21), ("connector_words", "german"), ("connector_words", [1]),
        ("delimiter", ""), ("delimiter", "a b"), ("max_pairs", 0), ("workers", 0), ("tokenizer", ""),
    ],
)  # fmt: skip
def test_parameters_out_of_range_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be "):
        Phrases(**{name: value}).fit([["a", "b"]])


def test_threshold_of_npmi_is_at_most_one() -> None:
    with pytest.raises(ValueError, match="threshold must be a number from -1 to 1 for npmi, got 10"):
        Phrases(scoring="npmi", threshold=10).fit([["a", "b"]])


def test_a_corpus_without_words_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no words"):
        Phrases().fit([[]])


# --- the result ------------------------------------------------------------------------------------------------------


@pytest.fixture
def phrase_list() -> PhraseList:
    return make_phrase_list()


def test_phrase_list_joins_from_left_to_right(phrase_list: PhraseList) -> None:
    text = "the bank of the bank of america in new new york city of york of new"
    assert (
        phrase_list.join(text.split()) == "the bank of the bank_of_america in new new_york_city of york of new".split()
    )
    assert phrase_list.find([text.split()]) == {"bank_of_america": 12.0, "new_york": 20.5, "new_york_city": 11.0}
    assert phrase_list.join([]) == []
    with pytest.raises(TypeError, match="split it first"):
        phrase_list.join(text)


def test_phrase_list_comes_back_from_its_file(phrase_list: PhraseList, tmp_path: Path) -> None:
    path = tmp_path / "phrases.json"
    phrase_list.parameters["passes"] = 2
    phrase_list.save(path)
    loaded = PhraseList.load(path)
    assert loaded.passes == phrase_list.passes and loaded.scores == phrase_list.scores
    assert (loaded.delimiter, loaded.connector_words, loaded.parameters) == ("_", CONNECTORS, {"passes": 2})
    with pytest.raises(ModelError, match="exists already"):
        phrase_list.save(path)
    phrase_list.save(path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["phrases.json"]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as some editors save it
    assert PhraseList.load(path).connector_words == CONNECTORS


def _broken(**changes: object) -> str:
    part = {"phrases": [["a", "b"]], "scores": [1.0], "counts": [2]}
    whole = {
        "format": "w2v-phrases", "format_version": 1, "delimiter": "_", "connector_words": [], "parameters": {},
        "passes": [part | {name: value for name, value in changes.items() if name in part}],
    }  # fmt: skip
    return json.dumps(whole | {name: value for name, value in changes.items() if name not in part})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a file of phrases"),
        ("\udcff", "not a file of phrases"),
        ("[" * 100_000, "not a file of phrases"),
        ("[]", "holds a list"),
        ("{}", "not a file of phrases"),
        (_broken(format="w2v"), "not a file of phrases"),
        (_broken(format_version=2), "newer version"),
        (_broken(delimiter=""), "damaged"),
        (_broken(delimiter=5), "damaged"),
        (_broken(connector_words="of"), "damaged"),
        (_broken(connector_words=[5]), "damaged"),
        (_broken(parameters=None), "damaged"),
        (_broken(passes=5), "damaged"),
        (_broken(passes=[[]]), "damaged"),
        (_broken(phrases=[["a"]]), "at least two words"),
        (_broken(phrases=[["a", 5]]), "damaged"),
        (_broken(phrases=["ab"], scores=["x"]), "damaged"),
        (_broken(scores=[]), "damaged"),
        (_broken(scores=["1"]), "damaged"),
        (_broken(scores=[math.nan]), "damaged"),
        (_broken(counts=[-1]), "damaged"),
    ],
)
def test_a_file_from_a_stranger_is_refused_with_its_name(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "phrases.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError, match=message) as error:
        PhraseList.load(path)
    assert str(path) in str(error.value)


def test_phrase_tokenizer_joins_and_reads_its_file_when_needed(phrase_list: PhraseList, tmp_path: Path) -> None:
    path = tmp_path / "phrases.json"
    lazy = PhraseTokenizer(WordsTokenizer(), path)
    phrase_list.save(path)
    assert lazy("From New York!") == PhraseTokenizer(WordsTokenizer(), phrase_list)("From New York!")
    assert lazy("New York") == ["new_york"]
    assert lazy.to_config() == {"name": "phrases", "base": {"name": "words", "rules": 2, "lowercase": True}}


def test_join_corpus_writes_what_join_returns(phrase_list: PhraseList, tmp_path: Path) -> None:
    text, output = tmp_path / "text.txt", tmp_path / "joined.txt"
    text.write_text("In New York City.\n\nÉté: the Bank of America\nnew\nYork\n", encoding="utf-8")
    join_corpus(text, phrase_list, output)
    assert output.read_text(encoding="utf-8") == "in new_york_city\nété the bank_of_america\nnew\nyork\n"
