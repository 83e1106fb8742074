"""Training here and in gensim side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpora.readers import TextReader
from w2v import compare
from w2v.parameters import Parameters

gensim = pytest.importorskip("gensim")
pytestmark = pytest.mark.interop

SMALL = Parameters(vector_size=8, min_count=1, epochs=2, workers=1, random_state=1)


@pytest.fixture
def corpus(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Write 200 sentences of eight words, some in upper case."""
    words = np.array(["One", "two", "three", "FOUR", "five", "six", "seven", "eight"])
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(words[rng.permutation(8)]) + ".\n" for _ in range(200)), encoding="utf-8")
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text(": numbers\none two three four\n", encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.txt"
    path.write_text("one\ttwo\t3\none\tfour\t2\none\tnine\t1\n", encoding="utf-8")
    return path


def test_both_train_on_the_same_words(corpus: Path, questions: Path, pairs: Path) -> None:
    steps: list[str] = []
    comparison = compare.compare_with_gensim(
        TextReader(corpus), SMALL, analogies=[questions], pairs=[pairs], tell=steps.append
    )
    assert comparison.n_words == 1600
    assert len(steps) == 4
    for contender in (comparison.ours, comparison.gensim):
        assert contender.vocabulary_size == 8
        assert contender.training_seconds > 0
        assert contender.vocabulary_seconds > 0
        assert contender.analogies[str(questions)].total.total == 1
        assert contender.pairs[str(pairs)].n_used == 2
    assert comparison.gensim.name == f"gensim {gensim.__version__}"


def test_to_dict_can_be_written_as_json(corpus: Path, questions: Path, pairs: Path) -> None:
    comparison = compare.compare_with_gensim(TextReader(corpus), SMALL, analogies=[questions], pairs=[pairs])
    written = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert written["parameters"]["vector_size"] == 8
    assert written["w2v"]["analogies"][str(questions)]["coverage"] == 1
    speeds = written["w2v"]["words_per_second"], written["gensim"]["words_per_second"]
    assert written["training_speedup"] == pytest.approx(speeds[0] / speeds[1])


def test_the_files_that_gensim_brings_are_the_default(corpus: Path) -> None:
    comparison = compare.compare_with_gensim(TextReader(corpus), SMALL)
    assert [Path(path).name for path in comparison.ours.analogies] == ["questions-words.txt"]
    assert [Path(path).name for path in comparison.ours.pairs] == ["wordsim353.tsv"]


def test_every_parameter_reaches_gensim() -> None:
    parameters = Parameters(
        algorithm="cbow", vector_size=7, window=3, negative=4, min_count=2, max_vocab=50, sample=1e-4, ns_exponent=0.5,
        shrink_windows=False, alpha=0.03, min_alpha=0.001, epochs=6, workers=3, random_state=9,
    )  # fmt: skip
    model = gensim.models.Word2Vec(**compare._gensim_parameters(parameters))
    learned = {name: getattr(model, name) for name in ("window", "negative", "sample", "ns_exponent", "min_alpha")}
    assert learned == {"window": 3, "negative": 4, "sample": 1e-4, "ns_exponent": 0.5, "min_alpha": 0.001}
    assert (model.sg, model.hs, model.cbow_mean, model.vector_size, model.min_count) == (0, 0, 1, 7, 2)
    assert (model.max_final_vocab, model.shrink_windows, model.alpha, model.epochs) == (50, False, 0.03, 6)
    assert (model.workers, model.seed) == (3, 9)


def test_defaults_of_each_program_are_left_alone() -> None:
    arguments = compare._gensim_parameters(Parameters())
    assert not {"alpha", "min_alpha", "max_final_vocab", "workers", "seed"} & set(arguments)


def test_parameters_without_a_counterpart_are_refused(corpus: Path) -> None:
    with pytest.raises(ValueError, match="max_time cannot be compared"):
        compare.compare_with_gensim(TextReader(corpus), replace(SMALL, max_time=1.0))
    with pytest.raises(ValueError, match="random_state must be an int"):
        compare.compare_with_gensim(TextReader(corpus), replace(SMALL, random_state=np.random.default_rng(1)))


@pytest.mark.parametrize("kind", ["analogies", "pairs"])
def test_a_missing_evaluation_file_is_found_before_training(corpus: Path, tmp_path: Path, kind: str) -> None:
    steps: list[str] = []
    files = {kind: [tmp_path / "missing.txt"]}
    with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
        compare.compare_with_gensim(TextReader(corpus), SMALL, **files, tell=steps.append)
    assert steps == []
