"""Encoders that travel by the name of their folder, and those that travel whole."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import joblib  # type: ignore[import-untyped]
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.helpers.examples.encoder_examples import SENTENCES, make_embeddings
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder import SentenceEncoder, places
from w2v.encoder.model.persistence import digest_of_state
from w2v.encoder.opening import open_encoder
from w2v.storage.files import ModelError


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of an encoder, as this process sees it first."""
    SentenceEncoder(make_embeddings(), a=1e-2).save(tmp_path / "my.encoder")
    yield tmp_path / "my.encoder"
    as_in_another_process()


def as_in_another_process() -> None:
    """Forget what this process has opened."""
    places._open.cache_clear()
    places.shared_inference.cache_clear()


def test_by_path_pickles_a_path_and_keeps_the_options(folder: Path) -> None:
    loaded = SentenceEncoder.load(folder).set_params(truncate_dim=7, workers=1, normalize=False)
    sent = pickle.dumps(loaded.by_path())
    assert len(sent) < 2000 < len(pickle.dumps(loaded)) and str(folder).encode() in sent
    as_in_another_process()
    np.testing.assert_array_equal(pickle.loads(sent).encode(SENTENCES), loaded.encode(SENTENCES))


def test_a_process_opens_a_folder_once(folder: Path) -> None:
    sent = pickle.dumps(SentenceEncoder.load(folder).by_path())
    as_in_another_process()
    first, second = pickle.loads(sent), pickle.loads(sent)
    assert first.state is second.state and first.inference is second.inference
    table = first.state.table
    while not isinstance(table, memoryview):  # what lies below the array is a map of the file
        assert not table.flags.owndata
        table = table.base
    assert type(table.obj).__name__ == "mmap"


def test_what_holds_it_travels_by_path_too(folder: Path) -> None:
    texts, labels = ["the river", "a river", "42 x", "x naïve"], [0, 0, 1, 1]
    encoder = SentenceEncoder.load(folder).by_path()
    pipeline = make_pipeline(clone(encoder), LogisticRegression()).fit(texts, labels)
    sent = pickle.dumps(pipeline)
    assert len(sent) < 5000
    as_in_another_process()
    assert pickle.loads(sent).predict(texts).tolist() == labels


def test_without_by_path_an_encoder_moves_whole(folder: Path, tmp_path: Path) -> None:
    loaded = SentenceEncoder.load(folder)
    joblib.dump(make_pipeline(loaded), tmp_path / "pipeline.joblib")
    expected = loaded.encode(SENTENCES)
    shutil.rmtree(folder)
    np.testing.assert_array_equal(joblib.load(tmp_path / "pipeline.joblib").transform(SENTENCES), expected)


def test_a_folder_that_is_missing_or_changed_is_told_where_it_is_used(folder: Path) -> None:
    sent = pickle.dumps(SentenceEncoder.load(folder).by_path())
    moved = folder.with_name("moved.encoder")
    folder.rename(moved)
    as_in_another_process()
    opened = pickle.loads(sent)  # as a scheduler does, which needs no model
    with pytest.raises(
        ModelError, match=r"my\.encoder does not exist on .*: put the folder there on every machine, or"
    ):
        opened.encode("the river")
    SentenceEncoder(make_embeddings(seed=8)).save(folder)
    with pytest.raises(ModelError, match=r"is not the encoder that was sent as this path: its files are different"):
        opened.encode("the river")
    shutil.rmtree(folder)
    moved.rename(folder)
    assert opened.encode("the river").shape == (20,) == (opened.dimension,)


def test_only_what_was_loaded_has_a_path(folder: Path) -> None:
    tokenizer = WordsTokenizer()
    encoders = [SentenceEncoder(folder), SentenceEncoder(make_embeddings()).fit()]
    for encoder in (*encoders, SentenceEncoder.load(folder, tokenizer=tokenizer), SentenceEncoder.load(folder).fit()):
        with pytest.raises(ValueError, match=r"only an encoder opened by SentenceEncoder\.load.*: save this one"):
            encoder.by_path()
    loaded = SentenceEncoder.load(folder)
    shutil.rmtree(folder)
    with pytest.raises(ModelError, match=r"my\.encoder no longer exists; save the encoder again"):
        loaded.by_path()


def test_digest_is_that_of_what_decides_the_vectors(folder: Path) -> None:
    state = open_encoder(folder)
    state.metadata["history"] = [{"seconds": 1.5}]
    others = [SentenceEncoder(make_embeddings(), a=2e-2), SentenceEncoder(make_embeddings(seed=8), a=1e-2)]
    others += [SentenceEncoder(make_embeddings(with_subwords=True), a=1e-2)]
    others += [SentenceEncoder(make_embeddings(), "attention", a=1e-2, heads=2, dim=8, random_state=1)]
    digests = [digest_of_state(encoder.state) for encoder in others]
    assert digest_of_state(state) == digest_of_state(SentenceEncoder(make_embeddings(), a=1e-2).state)
    assert len({*digests, digest_of_state(state)}) == 5
