"""Encoders as folders: what comes back, what is refused, and what a stranger's folder cannot do."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.encoder_examples import SENTENCES, WORDS, make_embeddings
from w2v import Embeddings, ModelError
from w2v.corpora.tokenizers import CallableTokenizer, TabsTokenizer, WhitespaceTokenizer
from w2v.encoder import EncoderState, SentenceEncoder, sif_state
from w2v.encoder.model.persistence import NETWORK_FILE, TABLE_FILE, load_encoder, save_encoder
from w2v.phrases.phrase_list import Phrase, PhraseList, PhraseTokenizer
from w2v.storage.tensors import read_tensors, write_tensors

NETWORK: dict[str, Any] = {"architecture": "attention", "layers": 1, "heads": 2, "dim": 8, "random_state": 3}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_encoder(full_state(), tmp_path / "my.encoder")
    return tmp_path / "my.encoder"


def full_state() -> EncoderState:
    """Return a state that has everything a state may have."""
    embeddings = make_embeddings(with_subwords=True)
    encoder = SentenceEncoder(embeddings, identity_scale=0.3, identity_columns=12, **NETWORK)
    state = encoder.state
    assert state.parameters is not None
    state.parameters["output.weight"][...] = np.random.default_rng(4).normal(size=(8, 33))
    state.metadata.update(parameters={"a": 1}, history=[{"step": 1, "loss": 2.5}])
    return state


def encode(state: EncoderState) -> np.ndarray:
    architecture = "static" if state.network is None else "attention"
    return SentenceEncoder(state, architecture).encode([*SENTENCES, "rivers unheard-of"])


@pytest.mark.parametrize("mmap", [True, False])
def test_everything_comes_back_bit_for_bit(model: Path, mmap: bool) -> None:
    state, loaded = full_state(), load_encoder(model, mmap=mmap)
    assert loaded.table.tobytes() == state.table.tobytes()
    assert loaded.word_weights.tobytes() == state.word_weights.tobytes()
    assert loaded.vocabulary.index_to_key == WORDS
    assert loaded.vocabulary.counts is not None and state.vocabulary.counts is not None
    np.testing.assert_array_equal(loaded.vocabulary.counts, state.vocabulary.counts)
    assert loaded.tokenizer == state.tokenizer and loaded.identity == state.identity
    assert loaded.network == state.network and loaded.subword_scale == state.subword_scale
    assert loaded.parameters is not None and state.parameters is not None
    for name in state.parameters:
        assert loaded.parameters[name].tobytes() == state.parameters[name].tobytes()
    assert loaded.metadata == state.metadata
    assert encode(loaded).tobytes() == encode(state).tobytes()
    assert encode(loaded)[-1].any()


def test_a_plain_encoder_has_only_the_files_it_needs(tmp_path: Path) -> None:
    state = sif_state(Embeddings(["a", "b\n"], np.eye(2), tokenizer=WhitespaceTokenizer()))
    save_encoder(state, tmp_path / "m")
    assert sorted(os.listdir(tmp_path / "m")) == ["config.json", "encoder.safetensors", "vocabulary.txt"]
    assert json.loads((tmp_path / "m" / "config.json").read_text()) == {
        "format": "w2v",
        "format_version": 1,
        "kind": "sentence-encoder",
        "dimension": 2,
        "vocabulary_size": 2,
        "tokenizer": {"name": "whitespace"},
    }
    loaded = load_encoder(tmp_path / "m")
    assert loaded.vocabulary.index_to_key == ["a", "b\n"] and loaded.vocabulary.counts is None


def test_encoder_saves_and_loads_itself(tmp_path: Path) -> None:
    encoder = SentenceEncoder(make_embeddings(), a=1e-2, identity_scale=0.2).fit()
    encoder.save(tmp_path / "m")
    loaded = SentenceEncoder.load(tmp_path / "m")
    assert loaded.encode(SENTENCES).tobytes() == encoder.encode(SENTENCES).tobytes()
    assert SentenceEncoder(tmp_path / "m").fit().encode(SENTENCES).tobytes() == encoder.encode(SENTENCES).tobytes()
    with pytest.raises(ModelError, match="exists already"):
        encoder.save(tmp_path / "m")
    SentenceEncoder(make_embeddings(5)).save(tmp_path / "m", overwrite=True)
    assert SentenceEncoder.load(tmp_path / "m").dimension == 5


def test_a_word_model_is_an_encoder(tmp_path: Path) -> None:
    make_embeddings(with_subwords=True).save(tmp_path / "words")
    expected = SentenceEncoder(make_embeddings(with_subwords=True)).encode(SENTENCES)
    assert SentenceEncoder.load(tmp_path / "words").encode(SENTENCES).tobytes() == expected.tobytes()
    assert SentenceEncoder(str(tmp_path / "words")).encode(SENTENCES).tobytes() == expected.tobytes()


def test_an_encoder_is_no_word_model(model: Path) -> None:
    with pytest.raises(ModelError, match="a model of the kind 'sentence-encoder', not 'word-vectors'"):
        Embeddings.load(model)


def test_a_word_model_replaces_an_encoder_only_when_asked(model: Path) -> None:
    with pytest.raises(ModelError, match="exists already"):
        make_embeddings().save(model)
    make_embeddings().save(model, overwrite=True)
    assert Embeddings.load(model).index_to_key == WORDS


@pytest.mark.parametrize("kind", ["tabs", "phrases"])
def test_tokenizers_with_more_to_them_come_back(tmp_path: Path, kind: str) -> None:
    tokenizer: Any = TabsTokenizer()
    words = ["green tea", "milk"]
    if kind == "phrases":
        words = ["green_tea", "milk"]
        phrases = PhraseList([[Phrase(("green", "tea"), 5.0, 10)]])
        tokenizer = PhraseTokenizer(WhitespaceTokenizer(), phrases)
    save_encoder(sif_state(Embeddings(words, np.eye(2), tokenizer=tokenizer)), tmp_path / "m")
    found = SentenceEncoder.load(tmp_path / "m").encode(["green tea", "milk", "green"])
    np.testing.assert_array_equal(found, [[1, 0], [0, 1], [0, 0]])


def test_a_callable_tokenizer_must_be_passed_again(tmp_path: Path) -> None:
    tokenizer = CallableTokenizer(str.split)
    save_encoder(sif_state(Embeddings(["a"], [[1.0]], tokenizer=tokenizer)), tmp_path / "m")
    Embeddings(["a"], [[1.0]], tokenizer=tokenizer).save(tmp_path / "words")
    for name in ("m", "words"):
        with pytest.raises(ModelError, match=rf"{name}: .*the Python callable .*split.*; in Python, pass it again"):
            load_encoder(tmp_path / name)
        assert SentenceEncoder.load(tmp_path / name, tokenizer=tokenizer).encode(["a"]).tolist() == [[1.0]]


def test_failure_while_saving_leaves_the_old_encoder(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    before = encode(load_encoder(model))
    monkeypatch.setattr("w2v.vectors.persistence.write_tensors", fail)
    with pytest.raises(ModelError, match="No space left"):
        save_encoder(sif_state(make_embeddings()), model, overwrite=True)
    assert os.listdir(model.parent) == [model.name]
    np.testing.assert_array_equal(encode(load_encoder(model)), before)


def test_extra_tensors_are_written_beside(tmp_path: Path) -> None:
    state = sif_state(make_embeddings())
    save_encoder(state, tmp_path / "m", extra_tensors={"training.safetensors": {"step": np.array([3])}})
    assert read_tensors(tmp_path / "m" / "training.safetensors")["step"].tolist() == [3]
    for name in (TABLE_FILE, NETWORK_FILE, "../x.safetensors", "config.json"):
        with pytest.raises(ValueError, match="is not a name for a further tensors file"):
            save_encoder(state, tmp_path / "n", extra_tensors={name: {}})
    assert os.listdir(tmp_path) == ["m"]


def test_metadata_that_is_no_json_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    state = sif_state(make_embeddings())
    state.metadata["loss"] = float("nan")
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        save_encoder(state, tmp_path / "m")
    assert not os.listdir(tmp_path)


def change(**entries: Any) -> Callable[[Path], None]:
    """Return what changes entries of the configuration; None removes one."""

    def damage(folder: Path) -> None:
        file = folder / "config.json"
        config = {**json.loads(file.read_text()), **entries}
        file.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))

    return damage


def replace_tensor(file: str, name: str, array: np.ndarray | None) -> Callable[[Path], None]:
    """Return what changes or removes an array of a tensors file."""

    def damage(folder: Path) -> None:
        tensors = {key: value.copy() for key, value in read_tensors(folder / file, mmap=False).items()}
        if array is None:
            del tensors[name]
        else:
            tensors[name] = array
        write_tensors(folder / file, tensors)

    return damage


def cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return damage


NETWORK_ENTRIES = {"input_size": 32, "dim": 8, "heads": 2, "layers": 1}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change(format_version=99), "newer version of w2v"),
        (change(kind="something new"), "of the kind 'something new', not 'sentence-encoder'"),
        (change(dimension=None), "dimension must be a positive integer"),
        (change(dimension=2**40), "'table' is float32"),
        (change(dimension=True), "dimension must be a positive integer"),
        (change(vocabulary_size=11), "should hold 11 complete lines"),
        (change(tokenizer=None), "does not name a tokenizer"),
        (change(tokenizer={"name": "telepathy"}), "there is no tokenizer 'telepathy'"),
        (change(tokenizer=[]), "tokenizer has the wrong type, list"),
        (change(identity={"scale": "1", "start": 0}), "identity must contain the numbers"),
        (change(identity={"scale": 1.0}), "identity must contain the numbers"),
        (change(identity={"scale": 1.0, "start": 32}), "it needs a column"),
        (change(identity={"scale": -1.0, "start": 0}), "scale of the identity must be positive"),
        (change(subword_columns=33), "subword_columns or subword_scale is out of range"),
        (change(subword_scale=None), "subword_columns or subword_scale is out of range"),
        (change(subword_scale="x"), "subword_columns or subword_scale is out of range"),
        (change(subwords={"min_n": 1}), "subwords must hold the integers"),
        (change(network={"dim": 8}), "input_size is missing"),
        (change(network={**NETWORK_ENTRIES, "layers": 10**9}), "layers must be a whole number from 1"),
        (change(network={**NETWORK_ENTRIES, "import": "os"}), "a network has no 'import'"),
        (change(network={**NETWORK_ENTRIES, "dim": 16}), "network.safetensors is damaged: the array"),
        (change(network=[]), "network has the wrong type"),
        (cut("config.json"), "config.json is damaged"),
        (cut("vocabulary.txt"), "vocabulary.txt is damaged"),
        (cut(TABLE_FILE), "encoder.safetensors is damaged"),
        (cut(NETWORK_FILE), "network.safetensors is damaged"),
        (cut("subwords.safetensors"), "subwords.safetensors is damaged"),
        (lambda folder: (folder / TABLE_FILE).unlink(), "encoder.safetensors does not exist"),
        (lambda folder: (folder / NETWORK_FILE).unlink(), "network.safetensors does not exist"),
        (replace_tensor(TABLE_FILE, "table", None), "it has no array 'table'"),
        (replace_tensor(TABLE_FILE, "table", np.zeros((10, 32))), "'table' is float64"),
        (replace_tensor(TABLE_FILE, "word_weights", np.zeros(9, np.float32)), "'word_weights' is float32 of shape"),
        (replace_tensor(TABLE_FILE, "word_weights", np.full(10, np.inf, np.float32)), "weight is not finite"),
        (replace_tensor(TABLE_FILE, "counts", np.full(10, -1)), "counts must not be negative"),
        (replace_tensor(NETWORK_FILE, "output.bias", None), "the array 'output.bias' is missing"),
        (replace_tensor(NETWORK_FILE, "output.bias", np.full(33, np.nan, np.float32)), "not finite"),
        (replace_tensor(NETWORK_FILE, "surplus", np.zeros(3, np.float32)), "which the network does not have"),
    ],
)
def test_load_refuses_a_damaged_folder(model: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(model)
    with pytest.raises(ModelError, match=message) as raised:
        load_encoder(model)
    assert str(model) in str(raised.value)


@pytest.mark.parametrize("name", ["missing", "file", "folder"])
def test_load_refuses_what_is_no_model(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelError, match=name):
        load_encoder(tmp_path / name)


def test_a_state_with_a_network_survives_pickling() -> None:
    state = full_state()
    copy = pickle.loads(pickle.dumps(state))
    np.testing.assert_array_equal(encode(copy), encode(state))
    copy.parameters.flat[:] = 0
    assert not copy.parameters["output.weight"].any()  # still a view of the buffer
