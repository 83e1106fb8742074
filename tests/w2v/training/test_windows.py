"""Windows as long as a basket, and trainings without a pair."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v import Word2Vec
from w2v.settings.parameters import Parameters
from w2v.training.running.reading import NoPairsError

SMALL: dict[str, Any] = {"min_count": 1, "vector_size": 8, "epochs": 2, "sample": 0, "workers": 1, "random_state": 1}
BASKETS = [[f"t{topic}i{item}" for item in range(9)] for topic in range(4)] * 50


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
@pytest.mark.parametrize("objective", ["negative", "hs"])
def test_a_window_longer_than_every_sentence_is_the_sentence(algorithm: str, objective: str) -> None:
    fixed = SMALL | {"algorithm": algorithm, "objective": objective, "shrink_windows": False}
    long, whole = (Word2Vec(window=window, **fixed).fit(BASKETS) for window in (10_000, 8))
    np.testing.assert_array_equal(long.vectors_, whole.vectors_)


def test_a_long_window_keeps_the_radii_that_it_draws() -> None:
    pairs = [Word2Vec(window=window, **SMALL).fit(BASKETS).history_[0]["pairs"] for window in (8, 10_000)]
    every = len(BASKETS) * 9 * 8
    assert pairs[0] < 0.75 * every < 0.99 * every < pairs[1] <= every


def test_a_long_window_learns_baskets_at_the_full_rate() -> None:
    model = Word2Vec(**SMALL | {"epochs": 20}, window=10_000, shrink_windows=False, alpha=0.025).fit(BASKETS)
    for topic in range(4):
        near = model.embeddings_.neighbors(f"t{topic}i0", top_n=8)
        assert {word[:2] for word, _ in near} == {f"t{topic}"}


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
@pytest.mark.parametrize("subwords", [False, True])
def test_a_window_of_thousands_of_words_is_safe(algorithm: str, subwords: bool, rng: np.random.Generator) -> None:
    text = [[f"w{number}" for number in rng.integers(0, 300, 3_000)]]
    chosen = SMALL | {"epochs": 1} | ({"subwords": True, "buckets": 1000} if subwords else {})
    model = Word2Vec(algorithm=algorithm, window=10_000, negative=1_000, **chosen).fit(text)
    assert np.isfinite(model.vectors_).all()
    assert model.history_[0]["pairs"] > 0


@pytest.mark.parametrize(("name", "limit"), [("window", 10_000), ("negative", 1_000)])
def test_limits_of_window_and_negative(name: str, limit: int) -> None:
    allowed: dict[str, Any] = {name: limit}
    Parameters(**allowed).validate()
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1 to {limit}"):
        Parameters(**allowed | {name: limit + 1}).validate()


def test_held_out_sentences_may_be_longer_than_those_trained_on(rng: np.random.Generator) -> None:
    text = [[f"w{number}" for number in rng.integers(0, 9, length)] for length in [2] * 40 + [60] * 2]
    for seed in range(6):
        model = Word2Vec(window=100, holdout=0.4, **SMALL | {"random_state": seed}).fit(text)
        assert np.isfinite(model.history_[-1]["holdout_loss"])


@pytest.mark.parametrize(
    ("corpus", "options", "message"),
    [
        ([["one"], ["two"], ["one"]], {}, "the corpus has no sentence with two known words"),
        ([["one", "rare"], ["one", "other"]], {"min_count": 2}, "the corpus has no sentence with two known words"),
        ([["a", "b"]] * 20, {"sample": 1e-12}, "sample=1e-12 left no two"),
        ([["a", "b"]] * 3, {"sample": Parameters.sample}, r"sample=0\.001 left no two .*give sample=0, which"),
        ([["a", "b"]] * 3, {"sample": Parameters.sample, "algorithm": "cbow"}, "sample=0.001 left no two"),
        ([["a", "b"]] * 3, {"sample": Parameters.sample, "objective": "hs"}, "sample=0.001 left no two"),
        ([["a", "b"]] * 3, {"sample": Parameters.sample, "workers": 2, "deterministic": True}, "sample=0.001 left"),
        ([(1.0, ["a", "b"])] * 3, {"sample": Parameters.sample, "lines": "weighted"}, "sample=0.001 left no two"),
        ([["a", "b"], ["c"]], {"holdout": 0.5}, "no sentence with two known words"),
        ([("a", "b")], {"lines": "pairs", "min_count": 2}, "min_count"),
        ([(1.0, ["a"])], {"lines": "weighted"}, "no sentence with two known words"),
    ],
)
def test_training_without_a_pair_is_an_error(corpus: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Word2Vec(**SMALL | options).fit(corpus)


def test_continued_training_without_a_pair_is_an_error() -> None:
    model = Word2Vec(**SMALL).fit(BASKETS)
    with pytest.raises(NoPairsError, match="the corpus has no sentence"):
        model.continue_fit([["t0i0"], ["t1i1"]])


@pytest.mark.parametrize("extra", [[], ["--algorithm", "cbow"], ["--objective", "hs"], ["--subwords"]])
def test_the_command_leaves_no_model_without_a_pair(extra: list[str], tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("one\ntwo\nthree\n" * 20)
    result = run("train", tmp_path / "lines.txt", "--output", tmp_path / "m.model", *extra)
    assert_mistake(result, 1, "there is nothing to train")
    assert not (tmp_path / "m.model").exists()


def test_the_command_names_the_option_that_keeps_the_pairs(tmp_path: Path) -> None:
    text, output = tmp_path / "lines.txt", tmp_path / "m.model"
    text.write_text("a b\n" * 3)
    command = ["train", text, "--output", output, "--min-count", 1, "--epochs", 1, "--workers", 1, "--seed", 1]
    assert_mistake(run(*command, "--progress", "none"), 1, "--sample 0.001 left no two", "give --sample 0, which")
    assert not output.exists()
    result = run(*command, "--sample", 0, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["loss"] > 0
