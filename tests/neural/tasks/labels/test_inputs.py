"""How words become the embeddings that networks of labels read: rows, exact gradients, and what training drops."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins.gradient_checks import assert_gradients
from w2v.neural.parameters import ParameterTable
from w2v.neural.tasks.labels import inputs
from w2v.neural.tasks.labels.inputs import InputConfig, WordDropout
from w2v.neural.tasks.labels.spelling.cases import N_USUAL, usual_case
from w2v.neural.tasks.labels.words import (
    N_SHAPES,
    Columns,
    Lexicon,
    Tokens,
    WordVocabulary,
    folded,
    given_vectors,
    shape_of,
)
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.subwords import Subwords

WORDS = ["The", "cats", "saw", "1984", "U.S.", "cats"]
VECTORS = Embeddings(["the", "saw", "dog"], np.arange(9, dtype=np.float32).reshape(3, 3))
SMALL = Subwords(2, 3, 11)


def example(dtype: Any = np.float64, by_spelling: bool = False) -> tuple[InputConfig, ParameterTable, Lexicon, Tokens]:
    words, vectors, *_ = given_vectors(VECTORS)
    learned = ["the", "cats", "cats", "saw"]
    vocabulary = WordVocabulary.learn(learned, given=words, subwords=SMALL, by_spelling=by_spelling)
    lexicon = vocabulary.lexicon(["The", "cats", "saw", "1984", "U.S."], vectors.astype(dtype))
    columns = Columns.learn([("DT",), ("NN",), ("NN",)], 1)
    tokens = Tokens(
        np.array([0, 1, 2, 3, 4, 1]),
        np.array([0, 4, 4, 6]),
        columns.encode([("DT",), ("NN",), ("VBD",), ("CD",), ("NN",), ("NN",)]),
    )
    config = InputConfig(4, 3, 11, 2, 4, 3, (3,), 4, *((2, N_USUAL) if by_spelling else ()))
    return config, ParameterTable.initialise(config.tensors(), 1, dtype), lexicon, tokens


def naive(
    config: InputConfig, parameters: ParameterTable, words: list[str], rows: list[int], values: list[int]
) -> NDArray[Any]:
    """Return the embeddings one word at a time, from what the definition says."""
    scale = np.sqrt(np.mean(np.arange(9.0) ** 2))
    found = []
    for word, row, value in zip(words, rows, values, strict=True):
        ngrams = SMALL.rows(folded(word))
        given = (VECTORS[word.lower()] / scale).astype(np.float16) if word.lower() in VECTORS else np.zeros(3)
        f = np.concatenate([
            parameters["words.table"][row], parameters["ngrams.table"][ngrams].sum(axis=0) / np.sqrt(len(ngrams)),
            parameters["shapes.table"][shape_of(word)], given,
        ])  # fmt: skip
        x = f @ parameters["projection.weight"] + parameters["projection.bias"]
        found.append(x + parameters["columns.0.table"][value])
    return np.array(found)


def test_forward_is_what_the_definition_says() -> None:
    config, parameters, lexicon, tokens = example()
    x, _ = inputs.forward(config, parameters, lexicon, tokens)
    expected = naive(config, parameters, WORDS, [3, 1, 2, 0, 0, 1], [2, 1, 0, 0, 1, 1])
    np.testing.assert_allclose(x, expected, atol=1e-6)
    of_words = inputs.word_embeddings(config, parameters, lexicon)
    np.testing.assert_allclose(
        of_words[tokens.ids] + parameters["columns.0.table"][tokens.columns[:, 0]], expected, atol=1e-6
    )


def test_float32_is_what_float64_is() -> None:
    config, parameters, lexicon, tokens = example()
    exact, _ = inputs.forward(config, parameters, lexicon, tokens)
    own = lexicon._replace(vectors=lexicon.vectors.astype(np.float32))
    x, _ = inputs.forward(config, parameters.astype(np.float32), own, tokens)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, exact, rtol=1e-5, atol=1e-6)


def test_spellings_are_read_besides() -> None:
    """The rows of f behind the shape, one word at a time: usual case, vector as spelled, vector in lower case."""
    given = Embeddings(["red", "Sox", "sox", "US"], np.arange(8, dtype=np.float32).reshape(4, 2))
    words, vectors, *_ = given_vectors(given)
    vocabulary = WordVocabulary.learn([], given=words, subwords=SMALL, by_spelling=True)
    lexicon = vocabulary.lexicon(["SOX", "RedSox", "us", "Us", "zzz"], vectors)
    config = InputConfig(1, 1, 11, 1, 5, 2, (), 3, 2, N_USUAL)
    parameters = ParameterTable.initialise(config.tensors(), 1, np.float64)
    table = np.concatenate([np.zeros((1, 2)), np.arange(8.0).reshape(4, 2) / np.sqrt(np.mean(np.arange(8.0) ** 2))])
    table = table.astype(np.float16).astype(float)
    own = [table[3], table[[1, 2]].mean(axis=0), table[4], table[4], table[0]]  # "SOX" is looked up in lower case first
    low = [table[3], table[[1, 2]].mean(axis=0), table[4], table[4], table[0]]
    cases = [usual_case(word, {"red": 1, "Sox": 2, "sox": 3, "US": 4}) for word in ("SOX", "RedSox", "us", "Us", "zzz")]
    expected = np.concatenate([parameters["usual.table"][cases], own, low], axis=1)
    without = inputs.word_embeddings(config, parameters, lexicon) - expected @ parameters["projection.weight"][18:]
    plain = WordVocabulary.learn([], given=(), subwords=SMALL).lexicon(
        ["SOX", "RedSox", "us", "Us", "zzz"], vectors[:1]
    )
    narrow = InputConfig(1, 1, 11, 1, 1, 2, (), 3)
    kept = dict(parameters) | {"projection.weight": parameters["projection.weight"][:20]}
    np.testing.assert_allclose(without, inputs.word_embeddings(narrow, kept, plain), atol=1e-6)


@pytest.mark.parametrize("by_spelling", [False, True])
@pytest.mark.parametrize("dropped", [None, WordDropout(1.0, 0.3, 7)])
def test_gradients_are_exact(dropped: WordDropout | None, by_spelling: bool, rng: np.random.Generator) -> None:
    config, parameters, lexicon, tokens = example(by_spelling=by_spelling)
    weights = rng.standard_normal((6, 4))
    x, cache = inputs.forward(config, parameters, lexicon, tokens, dropped)
    assert x.shape == (6, 4)
    total = parameters.zeros_like()
    inputs.backward(config, parameters, weights, cache, total)
    read = {"shapes.table": lexicon.shapes} | ({"usual.table": lexicon.usual} if by_spelling else {})
    rows = {name: np.unique([0, *own]) for name, own in read.items()}  # few of their many rows
    tables = {name: parameters[name][own] for name, own in rows.items()}
    assert not any(np.delete(total[name], own, axis=0).any() for name, own in rows.items())

    def value() -> float:
        for name, own in rows.items():
            parameters[name][own] = tables[name]
        return float((inputs.forward(config, parameters, lexicon, tokens, dropped)[0] * weights).sum())

    assert_gradients(
        value, dict(parameters) | tables, dict(total) | {name: total[name][own] for name, own in rows.items()}
    )


def test_dropped_words_are_read_as_unknown_ones_the_rare_more_often() -> None:
    config, parameters, lexicon, tokens = example()
    all_lost, _ = inputs.forward(config, parameters, lexicon, tokens, WordDropout(0.0, 1.0, 1))
    np.testing.assert_allclose(all_lost, naive(config, parameters, WORDS, [0] * 6, [2, 1, 0, 0, 1, 1]), atol=1e-6)
    counts = np.repeat([1, 10, 0], 20_000)
    lost = WordDropout(0.5, 0.0, 3).lost(counts).reshape(3, -1).mean(axis=1)
    np.testing.assert_allclose(lost, [0.5 / 1.5, 0.5 / 10.5, 1.0], atol=0.01)
    assert not WordDropout(0.0, 0.0, 3).lost(np.array([1, 5])).any()


def test_a_part_of_a_batch_drops_what_the_batch_drops() -> None:
    counts = np.arange(50)
    whole = WordDropout(5.0, 0.1, 9).lost(counts)
    np.testing.assert_array_equal(WordDropout(5.0, 0.1, 9, 20).lost(counts[20:]), whole[20:])
    config, parameters, lexicon, tokens = example()
    x, _ = inputs.forward(config, parameters, lexicon, tokens, WordDropout(2.0, 0.2, 4))
    part, _ = inputs.forward(config, parameters, lexicon, tokens.part(1, 3), WordDropout(2.0, 0.2, 4, 4))
    np.testing.assert_allclose(part, x[4:], atol=1e-12)


def test_tokens_are_taken_by_sentence() -> None:
    *_, tokens = example()
    taken = tokens.take(np.array([2, 0]))
    assert taken.ids.tolist() == [4, 1, 0, 1, 2, 3] and taken.offsets.tolist() == [0, 2, 6]
    assert taken.columns[:, 0].tolist() == tokens.columns[[4, 5, 0, 1, 2, 3], 0].tolist()


def test_shapes_tell_what_lower_case_hides() -> None:
    alike = (("cat", "a"), ("Cat", "Of"), ("NATO", "US"), ("1984", "7"), ("I", "A"), ("e-mail", "x-ray"), (",", "..."))
    shapes = [shape_of(word) for word, _ in alike]
    assert shapes == [shape_of(word) for _, word in alike]
    assert len(set(shapes)) == len(shapes) and 0 < min(shapes)
    assert shape_of("a1B-c2") == shape_of("a1B-") < N_SHAPES and shape_of("") == 0


def test_vocabulary_comes_back_from_its_configuration() -> None:
    vocabulary = WordVocabulary.learn(["B", "a", "a", "1984", "2001"], min_count=2, given=("dog",), subwords=SMALL)
    assert vocabulary.words == ("0000", "a") and vocabulary.counts == (2, 2)
    config = json.loads(json.dumps(vocabulary.to_config()))
    assert WordVocabulary.from_config(config) == vocabulary
    for broken in (
        {"words": "ab"}, {"words": ["a", "a"]}, {"counts": [1]}, {"counts": [1.5, 2]}, {"given": [1]},
        {"subwords": None}, {"subwords": {"min_n": 2, "max_n": 1, "buckets": 3}}, {"subwords": {"min_n": 1.0}},
        {"by_spelling": 1},
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError), match=r"\w"):
            WordVocabulary.from_config({**config, **broken})


def test_given_vectors_are_found_however_a_word_is_spelled() -> None:
    vocabulary = WordVocabulary.learn([], given=("Rome", "rome-0", "US", "us"), subwords=SMALL)
    words = ["rome", "ROME", "Rome-7", "us", "US", "Us", "paris"]
    [found] = vocabulary.lexicon(words, np.zeros((5, 1), np.float16)).given
    assert found.rows.tolist() == [1, 1, 2, 4, 3, 4, 0] and found.offsets.tolist() == list(range(8))
    assert given_vectors(VECTORS, ["DOG"], most=1)[0] == ("the", "dog")


def test_given_vectors_keep_the_frequent_and_those_of_the_training() -> None:
    words, vectors, *_ = given_vectors(VECTORS, ["Dog"], most=1)
    assert words == ("the", "dog")
    assert not vectors[0].any() and np.sqrt(np.square(vectors[1:]).mean()) == pytest.approx(1)
    np.testing.assert_allclose(vectors[2] / vectors[1].max(), np.array([6, 7, 8]) / 2, rtol=1e-6)
    assert given_vectors(None).table.shape == (1, 0)
