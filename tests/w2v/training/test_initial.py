"""Training that starts from given vectors, and words that stay where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v import Embeddings, Word2Vec
from w2v.vectors.subwords import Subwords, SubwordVectors

SENTENCES = [f"{a} {b} likes {b} and {a} bread".split() for a in ("ann", "bob", "eve") for b in ("tea", "milk")] * 8
SMALL: dict[str, Any] = {"vector_size": 8, "min_count": 1, "epochs": 2, "sample": 0, "workers": 1, "random_state": 1}


def given(words: list[str], vector_size: int = 8) -> Embeddings:
    return Embeddings(words, np.random.default_rng(3).normal(0, 0.4, (len(words), vector_size)).astype(np.float32))


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
def test_known_words_start_from_their_vectors(algorithm: str) -> None:
    vectors = given(["tea", "unheard", "milk"])
    model = Word2Vec(algorithm=algorithm, **SMALL | {"alpha": 1e-7}).fit(SENTENCES, initial=vectors)
    assert np.allclose(model.embeddings_["milk"], vectors["milk"], rtol=0, atol=1e-3)
    assert np.abs(model.embeddings_["bread"]).max() < 0.13 + 1e-3
    assert "unheard" not in model.embeddings_


@pytest.mark.parametrize("options", [{}, {"algorithm": "cbow"}, {"algorithm": "cbow", "position_weights": True}])
def test_frozen_words_stay_and_the_others_learn(options: dict[str, Any]) -> None:
    vectors = given(["tea", "unheard", "milk"])
    model = Word2Vec(**SMALL, **options).fit(SENTENCES, initial=vectors, freeze=True)
    for word in ("tea", "milk"):
        assert np.array_equal(model.embeddings_[word], vectors[word])
    moving = Word2Vec(**SMALL, **options).fit(SENTENCES, initial=vectors)
    assert not np.array_equal(moving.embeddings_["tea"], vectors["tea"])
    assert np.linalg.norm(model.embeddings_["bread"]) > 0.1


def test_frozen_words_stay_after_an_interruption(tmp_path: Path) -> None:
    vectors = given(["tea", "milk"])
    whole = Word2Vec(**SMALL).fit(SENTENCES * 20, initial=vectors, freeze=True)

    def interrupt(progress: Any) -> None:
        if progress.phase == "training":
            raise KeyboardInterrupt

    model = Word2Vec(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.fit(SENTENCES * 20, initial=vectors, freeze=True, progress=interrupt)
    model.save(tmp_path / "model")
    resumed = Word2Vec.load(tmp_path / "model").resume(SENTENCES * 20)
    assert np.array_equal(resumed.embeddings_["tea"], vectors["tea"])
    assert np.array_equal(resumed.vectors_, whole.vectors_)


def test_vectors_of_ngrams_are_taken_over() -> None:
    subwords = Subwords(3, 4, 500)
    ngrams = np.random.default_rng(4).normal(0, 0.4, (500, 8)).astype(np.float32)
    words = given(["tea", "bread"])
    vectors = Embeddings(["tea", "bread"], words.vectors, subwords=SubwordVectors(subwords, ngrams))
    options: dict[str, Any] = {"subwords": True, "min_n": 3, "max_n": 4, "buckets": 500, "alpha": 1e-7}
    model = Word2Vec(**SMALL, **options).fit(SENTENCES, initial=vectors)
    assert np.allclose(model.embeddings_["tea"], vectors["tea"], rtol=0, atol=1e-3)
    # only n-grams of words in the corpus have rows; all of those of "breads" but the last are in "bread"
    found = model.embeddings_.subwords
    assert found is not None and found.numbers is not None
    assert np.allclose(found.ngram_vectors, ngrams[found.numbers], rtol=0, atol=1e-3)


def test_wrong_initial_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match=r"have 5 dimensions, not 8: give vector_size=5"):
        Word2Vec(**SMALL).fit(SENTENCES, initial=given(["tea"], 5))
    with pytest.raises(ValueError, match="no word of the corpus has an initial vector"):
        Word2Vec(**SMALL).fit(SENTENCES, initial=given(["Tea"]))
    with pytest.raises(ValueError, match="freeze and subwords exclude each other"):
        Word2Vec(**SMALL, subwords=True).fit(SENTENCES, initial=given(["tea"]), freeze=True)
    with pytest.raises(ValueError, match="freeze needs initial vectors"):
        Word2Vec(**SMALL).fit(SENTENCES, freeze=True)


# Through the command line.


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(map(" ".join, SENTENCES)))
    return path


OPTIONS = ("--vector-size", 8, "--min-count", 1, "--epochs", 1, "--sample", 0, "--workers", 1)


def test_train_starts_from_a_model_or_a_file(corpus: Path, tmp_path: Path) -> None:
    vectors = given(["tea", "milk"])
    vectors.save(tmp_path / "given.model")
    (tmp_path / "given.vec").write_text(
        "2 8\n" + "".join(f"{word} {' '.join(map(repr, vectors[word].tolist()))}\n" for word in vectors.index_to_key)
    )
    for number, name in enumerate(("given.model", "given.vec")):
        output = tmp_path / f"{number}.model"
        result = run("train", corpus, "--output", output, *OPTIONS, "--initial", tmp_path / name, "--freeze")
        assert result.exit_code == 0, result.output
        assert np.array_equal(Embeddings.load(output)["tea"], vectors["tea"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--freeze"], 2, "--freeze needs --initial"),
        (["--initial", "missing.bin"], 1, "missing.bin"),
        (["--initial", "corpus.txt"], 1, "corpus.txt"),
        (["--initial", "narrow.model"], 1, "5 dimensions"),
        (["--initial", "narrow.model", "--continue", "narrow.model"], 2, "--continue and --initial exclude"),
    ],
)
def test_wrong_ways_to_start_end_in_one_line(
    corpus: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    given(["tea"], 5).save(tmp_path / "narrow.model")
    before = sorted(tmp_path.iterdir())
    named = [str(tmp_path / name) if "." in name else name for name in arguments]
    result = run("train", corpus, "--output", tmp_path / "out.model", *OPTIONS, *named)
    assert result.exit_code == code and message in result.stderr
    assert "Traceback" not in result.stderr and sorted(tmp_path.iterdir()) == before


def test_vectors_of_another_encoding_are_imported_first(corpus: Path, tmp_path: Path) -> None:
    file, model = tmp_path / "latin.vec", tmp_path / "latin.model"
    file.write_bytes("2 8\nna\xefve 1 1 1 1 1 1 1 1\ntea 2 2 2 2 2 2 2 2\n".encode("latin-1"))
    train = ("train", corpus, "--output", tmp_path / "out.model", *OPTIONS, "--freeze", "--initial")
    assert_mistake(run(*train, file), 1, f"`w2v import {file}`", "--encoding", "--initial")
    assert run("import", file, "--output", model, "--encoding", "latin-1").exit_code == 0
    assert run(*train, model).exit_code == 0
    assert Embeddings.load(tmp_path / "out.model")["tea"].tolist() == [2.0] * 8
