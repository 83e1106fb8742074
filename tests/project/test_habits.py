"""Every line of the table of habits works, or raises an error that says what the table says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import w2v
from tests.helpers import ROOT
from tests.helpers.examples.bert_folders import write_cross_encoder
from tests.helpers.hub import serving_hub
from w2v import Embeddings, SentenceEncoder, SentenceIndex, Word2Vec
from w2v.encoder.retrieval import CrossEncoder

TABLE = ROOT / "docs" / "migrating" / "habits.md"
ROWS = [
    (code, answer.strip())
    for code, answer in re.findall(r"^\| `(.+?)` \| (.+?) \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
]
HUB = ("hub:", "push_to_hub")
"""What lines that speak with the hub hold."""
HAS_HUB = find_spec("huggingface_hub") is not None
SENTENCES = [["the", "cat", "sat"], ["a", "dog", "ran"]] * 50
TEXTS = [" ".join(words) for words in SENTENCES[:6]]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Return what the lines of the table speak of, in a folder that holds the files they name."""
    folder = tmp_path_factory.mktemp("habits")
    with pytest.MonkeyPatch.context() as patch, serving_hub(folder / "cache") if HAS_HUB else nullcontext() as hub:
        patch.chdir(folder)
        model = Word2Vec(vector_size=8, min_count=1, sample=0, workers=1, random_state=1).fit(SENTENCES)
        model.save("my.model")
        encoder = SentenceEncoder(model.embeddings_)
        encoder.export("folder of sentence-transformers", format="sentence-transformers")
        encoder.export("folder of model2vec", format="model2vec")
        if hub is not None:
            hub.add_folder("owner/name", Path("folder of model2vec"))
        index = SentenceIndex.build(encoder, TEXTS, "my.index")
        write_cross_encoder(Path("folder of a cross-encoder"), np.random.default_rng(5))
        Path("corpus.txt").write_text("\n".join(TEXTS), encoding="utf-8")
        yield {
            "w2v": w2v, "Word2Vec": Word2Vec, "Embeddings": Embeddings, "SentenceEncoder": SentenceEncoder,
            "SentenceIndex": SentenceIndex, "pandas": pandas, "model": model, "wv": model.embeddings_,
            "encoder": encoder, "index": index, "CrossEncoder": CrossEncoder, "texts": TEXTS, "sentences": SENTENCES,
        }  # fmt: skip


@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # huggingface_hub's
@pytest.mark.parametrize(("code", "answer"), ROWS, ids=[code for code, _ in ROWS])
def test_habit(code: str, answer: str, names: dict[str, Any]) -> None:
    if answer == "works":
        if not HAS_HUB and any(part in code for part in HUB):
            pytest.skip("huggingface_hub is not installed")
        exec(code, dict(names))
        return
    with pytest.raises((TypeError, AttributeError, ImportError, w2v.ModelError)) as caught:
        exec(code, dict(names))
    assert answer in str(caught.value)


def test_the_table_is_there() -> None:
    assert len(ROWS) > 50


def test_what_works_gives_what_is_meant(names: dict[str, Any]) -> None:
    encoder, model, index = names["encoder"], names["model"], names["index"]
    every = encoder.encode(TEXTS)
    assert encoder.encode(TEXTS[0]).shape == (8,) and np.array_equal(encoder.encode(TEXTS[0]), every[0])
    assert np.array_equal(
        encoder.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False), encoder.encode(TEXTS, normalize=True)
    )
    units = every.astype(np.float64) / np.linalg.norm(every.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(w2v.cos_sim(every, every[:2]), units @ units[:2].T, atol=1e-6)
    np.testing.assert_allclose(encoder.similarity(TEXTS, TEXTS[1]), units @ units[1:2].T, atol=1e-6)
    assert not w2v.cos_sim(np.zeros(8), every).any()
    assert model.wv is model.embeddings_
    hits = index.search("a cat", top_k=2)
    frame = hits.to_pandas()
    assert hits == index.search("a cat", top_n=2)
    assert [tuple(hit.to_dict().values()) for hit in hits] == [tuple(row) for row in frame.itertuples(index=False)]
    assert list(frame) == ["sentence", "similarity", "line", "file"]
    words = model.wv.to_pandas()
    assert list(words.index) == model.wv.index_to_key and np.array_equal(words.to_numpy(), model.wv.vectors)
    assert list(index.to_pandas()["sentence"]) == list(index)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda names: names["encoder"].encode(TEXTS, normalize=True, normalize_embeddings=True), "is also given"),
        (lambda names: names["encoder"].encode("a cat", return_tokens=True), "not one string"),
        (lambda names: w2v.cos_sim([[1.0, 2.0]], [[1.0]]), "a have 2 columns, those in b 1"),
        (lambda names: w2v.cos_sim([["a"]], [[1.0]]), "a must contain vectors of numbers"),
        (lambda names: names["model"]["cat"], r"Word2Vec has no items; ask its vectors: model\.wv\[word\]"),
        (lambda names: names["encoder"].nothing, "has no attribute 'nothing'"),
        (lambda names: names["Embeddings"].nothing, "has no attribute 'nothing'"),
        (lambda names: names["w2v"].nothing, "has no attribute 'nothing'"),
    ],
)
def test_mistakes_have_one_sentence(call: Any, message: str, names: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError), match=message):
        call(names)


def test_a_habit_is_not_there_for_those_who_ask(names: dict[str, Any]) -> None:
    """Libraries look whether something has a method: a name that is only answered must not look like one."""
    assert not hasattr(names["model"], "transform") and not hasattr(names["wv"], "init_sims")
    assert not hasattr(Embeddings, "load_word2vec_format")


def test_every_model_has_a_card(names: dict[str, Any]) -> None:
    for name in ("model", "wv", "encoder", "index"):
        assert names[name]._repr_html_().startswith("<table>")


@pytest.mark.parametrize(
    ("estimator", "name", "message"),
    [
        (w2v.Word2Vec, "dim", "it is vector_size"),
        (w2v.Word2Vec, "minCount", "it is min_count"),
        (w2v.Word2Vec, "cbow_mean", "CBOW always takes the mean"),
        (w2v.Word2Vec, "callbacks", "callbacks go to fit"),
        (w2v.Word2Vec, "max_vocab_size", None),  # its place is taken by max_pairs, which this one lacks
        (w2v.Phrases, "max_vocab_size", "it is max_pairs"),
        (w2v.Phrases, "dim", None),
        (w2v.Word2Vec, "no_such_name", None),
    ],
)
def test_parameters_of_other_libraries_are_answered(estimator: Any, name: str, message: str | None) -> None:
    with pytest.raises(TypeError) as raised:
        estimator(**{name: 1})
    expected = f"{estimator.__name__} has no parameter '{name}'"
    assert str(raised.value) == (expected if message is None else f"{expected}; {message}")
