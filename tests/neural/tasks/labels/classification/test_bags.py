"""Bags of features, and the classifier without layers, against float64 twins and against fastText itself."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.twins import naive_bags
from w2v.corpora.tokenizers import get_tokenizer
from w2v.kernels.simd import LANES
from w2v.monitoring.pauses import DivergenceError
from w2v.neural.kernels.bags import Bags, Linear, Targets, bag_logits, train_bags
from w2v.neural.tasks.labels.classification.ngrams.bags import BagFeatures
from w2v.neural.tasks.labels.classification.ngrams.linear import (
    LinearConfig,
    LinearOptions,
    linear_logits,
    linear_of,
    train_linear,
)
from w2v.neural.tasks.labels.classification.parameters import BagSettings

TEXTS = ["the cat sat", "the dog\nsat the", "", " été 好久不见 été", "the </s> cat", "a" * 40]


def rows_of(bags: Bags) -> list[list[int]]:
    return [bags.features[a:b].tolist() for a, b in zip(bags.starts[:-1], bags.starts[1:], strict=True)]


def expected_features(text: str, settings: BagSettings) -> list[Any]:
    """Return words and buckets in fastText's order."""
    tokens = [*text.split(), naive_bags.END]
    found: list[Any] = []
    for token in tokens:
        found.append(token)
        if settings.max_n and token != naive_bags.END:
            found += naive_bags.ngram_buckets(token, settings.min_n, settings.max_n, settings.buckets)
    return found + naive_bags.run_buckets(tokens, settings.word_ngrams, settings.buckets)


@pytest.mark.parametrize(
    "settings",
    [BagSettings(), BagSettings(word_ngrams=1), BagSettings(word_ngrams=4, buckets=7), BagSettings(min_n=1, max_n=3)],
)
def test_features_are_fasttexts(settings: BagSettings) -> None:
    features, bags = BagFeatures.learn(TEXTS, get_tokenizer("whitespace"), settings)
    named = [*features.words, *features.numbers.tolist()]
    assert features.n_rows == len(named) and features.words[0] == naive_bags.END
    for text, rows in zip(TEXTS, rows_of(bags), strict=True):
        assert [named[row] for row in rows] == expected_features(text, settings)
    assert rows_of(features.find(TEXTS)) == rows_of(bags)
    known = {*named}
    for text in ("the cat", "unseen cat sat", "", "été dog"):
        [rows] = rows_of(features.find([text]))
        assert [named[row] for row in rows] == [one for one in expected_features(text, settings) if one in known]
    assert len(features.find([]).starts) == 1


def test_rare_words_have_no_row_but_runs_of_them_do() -> None:
    features, bags = BagFeatures.learn(["a b", "a c"], get_tokenizer("whitespace"), BagSettings(min_count=2))
    assert features.words == ("a", naive_bags.END) and [len(rows) for rows in rows_of(bags)] == [4, 4]


@pytest.mark.parametrize("tokenizer", ["words", "characters", "tabs", str.split])
def test_every_tokenizer_makes_features(tokenizer: Any) -> None:
    chosen = get_tokenizer(tokenizer)
    texts = ["Green Tea\tSugar 好久", "Green Tea", "sugar"]
    features, bags = BagFeatures.learn(texts, chosen, BagSettings(word_ngrams=1))
    for text, rows in zip(texts, rows_of(bags), strict=True):
        assert [features.words[row].replace("\0", " ") for row in rows] == [*chosen(text), naive_bags.END]


def test_long_lists_are_looked_up_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    features, bags = BagFeatures.learn(TEXTS, get_tokenizer("whitespace"), BagSettings(max_n=4))
    monkeypatch.setattr("w2v.neural.tasks.labels.classification.ngrams.bags._AT_ONCE", 2)
    assert rows_of(features.find(TEXTS)) == rows_of(bags)


def test_features_are_kept_and_read_with_suspicion() -> None:
    features, bags = BagFeatures.learn(TEXTS, get_tokenizer("whitespace"), BagSettings())
    again = BagFeatures.from_config(features.to_config(), features.numbers)
    assert rows_of(again.find(TEXTS)) == rows_of(bags) == rows_of(pickle.loads(pickle.dumps(features)).find(TEXTS))
    config = features.to_config()
    for change in ({"words": ["a", "a"]}, {"words": "ab"}, {"buckets": -1}, {"tokenizer": None}, {"max_n": 1.5}):
        with pytest.raises((ValueError, TypeError)):
            BagFeatures.from_config(config | change)
    for numbers in ([1, 1], [-1], [2_000_000]):
        with pytest.raises(ValueError, match="bucket"):
            BagFeatures.from_config(config, np.array(numbers))


@pytest.mark.parametrize("one_of_many", [True, False])
@pytest.mark.parametrize("dim", [1, 10, 3 * LANES])
def test_training_is_that_of_its_twin(rng: np.random.Generator, dim: int, one_of_many: bool) -> None:
    n_texts, n_rows, n_classes = 40, 15, 4
    bags = [rng.integers(n_rows, size=rng.integers(0, 7)).tolist() for _ in range(n_texts)]
    sizes = rng.integers(1, 2 if one_of_many else n_classes, size=n_texts)
    classes = [sorted(rng.choice(n_classes, size=size, replace=False).tolist()) for size in sizes]
    weights = rng.uniform(0.5, 2, n_classes)
    tables = {
        "features.table": rng.standard_normal((n_rows, dim)) / dim**0.5,
        "output.table": rng.standard_normal((n_classes, dim)) / dim**0.5,
    }
    network = linear_of({name: array.astype(np.float32) for name, array in tables.items()})
    order = rng.permutation(n_texts)
    loss = train_bags(
        Bags(np.array(sum(bags, []), np.int32), np.cumsum([0, *map(len, bags)])),
        Targets(np.array(sum(classes, []), np.int32), np.cumsum([0, *map(len, classes)]), weights.astype(np.float32)),
        order, network, one_of_many, (0.5, 0.1), 0.0, np.uint64(1),
    )  # fmt: skip
    expected = naive_bags.train(
        bags,
        classes,
        weights,
        order.tolist(),
        tables["features.table"],
        tables["output.table"],
        (0.5, 0.1),
        one_of_many=one_of_many,
    )
    assert loss == pytest.approx(expected, rel=1e-4)
    for flat, array in zip((network.table, network.output), tables.values(), strict=True):
        found = flat.reshape(-1, network.width)
        np.testing.assert_allclose(found[:, :dim], array, rtol=2e-3, atol=2e-4)
        assert not found[:, dim:].any()


def test_logits_are_those_of_the_mean(rng: np.random.Generator) -> None:
    table, output = rng.standard_normal((9, 5)).astype(np.float32), rng.standard_normal((3, 5)).astype(np.float32)
    bags = Bags(np.array([1, 2, 2, 8], np.int32), np.array([0, 3, 3, 4]))
    found = linear_logits(linear_of({"features.table": table, "output.table": output}), bags)
    expected = [output @ table[[1, 2, 2]].mean(axis=0), np.zeros(3), output @ table[8]]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_step_goes_down_the_gradient(rng: np.random.Generator) -> None:
    """With a small rate, the change is −rate times what finite differences say."""
    bags, classes = [[0, 1, 1]], [[1]]
    tables = [rng.standard_normal((2, 3)), rng.standard_normal((3, 3))]

    def loss(values: list[Any]) -> float:
        h = values[0][bags[0]].mean(axis=0)
        return -float(np.log(naive_bags.probabilities(values[1] @ h, one_of_many=True)[1]))

    moved = [array.copy() for array in tables]
    naive_bags.train(bags, classes, np.ones(3), [0], moved[0], moved[1], (1e-4, 0.0), one_of_many=True)
    for number, array in enumerate(tables):
        for place in np.ndindex(*array.shape):
            shifted = [[one.copy() for one in tables] for _ in (0, 1)]
            shifted[0][number][place] += 1e-5
            shifted[1][number][place] -= 1e-5
            slope = (loss(shifted[0]) - loss(shifted[1])) / 2e-5
            # the second row is in the text twice
            assert moved[number][place] - array[place] == pytest.approx(-1e-4 * slope, rel=1e-3, abs=1e-9)


def test_dropout_leaves_features_out_and_a_seed_decides_which(rng: np.random.Generator) -> None:
    n = 4000
    bags = Bags(np.arange(n, dtype=np.int32), np.array([0, n]))
    targets = Targets(np.array([0], np.int32), np.array([0, 1]), np.ones(2, np.float32))

    def moved(seed: int) -> Any:
        network = linear_of(
            {"features.table": np.zeros((n, 2), np.float32), "output.table": np.ones((2, 2), np.float32)}
        )
        network.output[0] = 2
        train_bags(bags, targets, np.array([0]), network, True, (1.0, 1.0), 0.3, np.uint64(seed))
        return network.table.reshape(n, -1)[:, 0] != 0

    assert moved(1).mean() == pytest.approx(0.7, abs=0.05)
    assert (moved(1) == moved(1)).all() and (moved(1) != moved(2)).any()


def test_training_learns_and_notices_what_diverged() -> None:
    features, bags = BagFeatures.learn(["a b", "c d"] * 20, get_tokenizer("whitespace"), BagSettings())
    targets = Targets(np.array([0, 1] * 20, np.int32), np.arange(41), np.ones(2, np.float32))
    config = LinearConfig(features.n_rows, 10, 2)
    told: list[Any] = []
    table, interrupt = train_linear(config, bags, targets, LinearOptions(5, 0.5), lambda *given: told.append(given))
    again, _ = train_linear(config, bags, targets, LinearOptions(5, 0.5))
    assert np.array_equal(table.flat, again.flat)
    assert [one[0] for one in told] == [1, 2, 3, 4, 5] and told[-1][2] < told[0][2]
    logits = linear_logits(linear_of(table), bags)
    assert (logits.argmax(axis=1) == [0, 1] * 20).all()
    assert len(told) == 5 and isinstance(told[0][3], Linear)
    with pytest.raises(DivergenceError, match="lower learning_rate than 1e"):
        train_linear(config, bags, targets, LinearOptions(5, 1e38))
    stopped: list[int] = []
    train_linear(config, bags, targets, LinearOptions(5, 0.5, seconds=0.0), lambda epoch, *_: stopped.append(epoch))
    assert stopped == [1]
    for size in (0, True):
        with pytest.raises(ValueError, match="features, columns and classes"):
            LinearConfig(size, 1, 1)


@pytest.mark.interop
def test_logits_are_those_of_fasttext(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("fasttext")
    file = tmp_path / "train.txt"
    texts = ["the cat sat on the mat", "dogs bark at night", "the dog sat", "cats purr 好久"] * 5
    labels = ["cat", "dog", "dog", "cat"] * 5
    file.write_text("".join(f"__label__{y} {x}\n" for x, y in zip(texts, labels, strict=True)), encoding="utf-8")
    model = fasttext.train_supervised(str(file), dim=8, wordNgrams=3, minn=2, maxn=4, bucket=5000, epoch=20, thread=1)
    settings = BagSettings(word_ngrams=3, min_n=2, max_n=4, buckets=5000)
    words = tuple(model.get_words())
    features = BagFeatures(words, get_tokenizer("whitespace"), settings, np.arange(5000))
    parameters = {"features.table": model.get_input_matrix(), "output.table": model.get_output_matrix()}
    logits = np.empty((4, 2), np.float32)
    bag_logits(features.find(texts[:4]), linear_of(parameters), logits)
    for text, z in zip(texts[:4], logits, strict=True):
        names, p = model.predict(text, k=2)
        expected = dict(zip(names, p, strict=True))
        own = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        np.testing.assert_allclose(own, [expected[name] for name in model.get_labels()], rtol=1e-3)
