"""Encoders as ONNX graphs, run by ONNX Runtime with the tokenizer beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.bert_folders import PIECES, TEXTS, make_arrays, write_bert
from tests.helpers.examples.encoder_examples import SENTENCES, make_embeddings
from tests.helpers.examples.static_folders import import_quietly, write_folder
from w2v import ModelError
from w2v.corpora.tokenizers import JiebaTokenizer, WhitespaceTokenizer, WordsTokenizer
from w2v.encoder import EncoderState, SentenceEncoder, sif_state
from w2v.encoder.formats import onnx_folder, read_encoder, write_encoder
from w2v.encoder.model.blocks import Blocks, HashedBag, PlainMean
from w2v.encoder.model.pooling import Dense, Pooling
from w2v.neural.names import POSITIONS


def encode(state: EncoderState, texts: list[str]) -> np.ndarray:
    architecture = "static" if state.network is None else "attention"
    return np.asarray(SentenceEncoder(state, architecture, normalize=state.pooling.normalize).encode(texts))


def run_onnx(folder: Path, texts: list[str]) -> np.ndarray:
    """Encode texts as somebody does who has never heard of this toolkit."""
    onnxruntime, tokenizers = import_quietly("onnxruntime"), import_quietly("tokenizers")
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    encoded = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")).encode_batch(texts)
    inputs = {
        "input_ids": np.array([one.ids for one in encoded], np.int64),
        "attention_mask": np.array([one.attention_mask for one in encoded], np.int64),
    }
    [vectors] = session.run(["sentence_embedding"], inputs)
    return np.asarray(vectors)


def make_network(**options: Any) -> EncoderState:
    """Return an encoder whose network is away from its start."""
    values: dict[str, Any] = {"dim": 24, "heads": 3, "layers": 2}
    state = SentenceEncoder(make_embeddings(), "attention", **(values | options)).state
    rng = np.random.default_rng(5)
    assert state.parameters is not None
    for array in state.parameters.values():
        array += np.float32(0.2) * rng.standard_normal(array.shape, dtype=np.float32)
    return state


def write(state: EncoderState, folder: Path) -> Path:
    onnx = import_quietly("onnx")
    write_encoder(state, folder, format="onnx")
    onnx.checker.check_model(str(folder / "model.onnx"), full_check=True)
    return folder


@pytest.mark.interop
@pytest.mark.parametrize("tokenizer", [WordsTokenizer(), WhitespaceTokenizer()])
def test_static_encoder_makes_the_same_vectors(tmp_path: Path, tokenizer: Any) -> None:
    state = sif_state(make_embeddings(tokenizer=tokenizer), 1e-2)
    folder = write(state, tmp_path / "f")
    np.testing.assert_allclose(run_onnx(folder, SENTENCES), encode(state, SENTENCES), atol=1e-5)
    np.testing.assert_array_equal(run_onnx(folder, ["", "unheard of"]), np.zeros((2, 20)))


@pytest.mark.interop
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("architecture", ["static", "attention"])
def test_blocks_stand_side_by_side(tmp_path: Path, architecture: str, normalize: bool) -> None:
    state = sif_state(make_embeddings(), 1e-2) if architecture == "static" else make_network()
    mean = PlainMean(np.ascontiguousarray(make_embeddings(9, seed=3).vectors), 0.3)
    blocks = Blocks(HashedBag(4, 0.5, 1e-3), mean)  # so few columns that words meet
    state = replace(state, blocks=blocks, pooling=Pooling(normalize=normalize))
    known = ["the river; the RIVER!", "a " * 300 + "river", "the", "日本 naïve 42 x straße", ""]
    found = run_onnx(write(state, tmp_path / "f"), [*known, "unheard of"])
    np.testing.assert_allclose(found[:-1], encode(state, known), atol=1e-5)
    assert not found[-1].any()


@pytest.mark.interop
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("positions", POSITIONS)
def test_every_network_makes_the_same_vectors(tmp_path: Path, positions: str, norm: str) -> None:
    state = make_network(positions=positions, norm=norm)
    folder = write(state, tmp_path / "f")
    np.testing.assert_allclose(run_onnx(folder, SENTENCES), encode(state, SENTENCES), atol=1e-5)


@pytest.mark.interop
@pytest.mark.parametrize("head", ["linear", "none"])
@pytest.mark.parametrize("activation", ["gelu", "gelu-tanh", "relu", "tanh"])
def test_other_heads_and_activations_make_the_same_vectors(tmp_path: Path, head: str, activation: str) -> None:
    from w2v.encoder.model.network import Network, NetworkConfig

    state = make_network()
    dim = 20 if head == "none" else 24
    config = NetworkConfig(20, dim, 2, norm="post", positions="learned", head=head, activation=activation)
    parameters = Network(config).initialise(3)
    parameters.flat += np.float32(0.1) * np.random.default_rng(1).standard_normal(parameters.flat.shape, np.float32)
    state = replace(state, network=config, parameters=parameters)
    folder = write(state, tmp_path / "f")
    np.testing.assert_allclose(run_onnx(folder, SENTENCES), encode(state, SENTENCES), atol=1e-5)


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["sum", "mean", "first", "max"])
@pytest.mark.parametrize("normalize", [True, False])
def test_imported_bert_makes_the_same_vectors(
    tmp_path: Path, rng: np.random.Generator, kind: str, normalize: bool
) -> None:
    weight, bias = rng.normal(size=(8, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    pooling = Pooling(kind, (Dense(weight, bias, "tanh"),), normalize)
    state = replace(read_encoder(write_bert(tmp_path / "b", make_arrays(rng))), pooling=pooling)
    folder = write(state, tmp_path / "f")
    np.testing.assert_allclose(run_onnx(folder, TEXTS), encode(state, TEXTS), atol=1e-5)


@pytest.mark.interop
@pytest.mark.parametrize("normalize", [True, False])
def test_pieces_of_model2vec_make_the_same_vectors(tmp_path: Path, rng: np.random.Generator, normalize: bool) -> None:
    config = {"model_type": "model2vec", "normalize": normalize, "max_length": 4}
    tensors = {"embeddings": rng.normal(size=(len(PIECES), 3)).astype(np.float32)}
    source = write_folder(tmp_path / "s", tensors, config, vocabulary=PIECES)
    state = read_encoder(source)
    texts = ["zzz the.", "", ". . . . . .", "zzz"]  # no longer than what model2vec looks at
    np.testing.assert_allclose(run_onnx(write(state, tmp_path / "f"), texts), encode(state, texts), atol=1e-5)


@pytest.mark.interop
def test_large_tables_lie_in_a_file_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_quietly("onnx")
    monkeypatch.setattr(onnx_folder, "_MOST_IN_ONE_FILE", 100)
    state = sif_state(make_embeddings(30))
    write_encoder(state, tmp_path / "f", format="onnx")
    assert sorted(file.name for file in (tmp_path / "f").iterdir()) == [
        "model.onnx", "model.onnx.data", "tokenizer.json",
    ]  # fmt: skip
    np.testing.assert_allclose(run_onnx(tmp_path / "f", SENTENCES), encode(state, SENTENCES), atol=1e-5)
    write_encoder(state, tmp_path / "f", format="onnx", overwrite=True)


@pytest.mark.interop
def test_command_writes_the_folder(tmp_path: Path) -> None:
    import_quietly("onnx")
    state = make_network()
    SentenceEncoder(state, "attention").fit().save(tmp_path / "e")
    assert run("export", tmp_path / "e", tmp_path / "f", "--format", "onnx").exit_code == 0
    assert sorted(file.name for file in (tmp_path / "f").iterdir()) == ["model.onnx", "tokenizer.json"]
    assert_mistake(run("export", tmp_path / "e", tmp_path / "f", "--format", "onnx"), 1, "exists")
    assert_mistake(run("import", tmp_path / "f", "-o", tmp_path / "x"), 1, "model.safetensors")
    assert_mistake(run("import", tmp_path / "f", "-o", tmp_path / "x", "--format", "onnx"), 2, "--format")


def test_what_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx")
    state = make_network()
    with pytest.raises(ModelError, match="'jieba' cannot be represented"):
        write_encoder(replace(state, tokenizer=JiebaTokenizer()), tmp_path / "f", format="onnx")
    assert state.parameters is not None
    state.parameters.flat[0] = np.nan
    with pytest.raises(ModelError, match="a parameter of the encoder is not finite"):
        write_encoder(state, tmp_path / "f", format="onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'w2v-toolkit\[onnx\]'"):
        write_encoder(state, tmp_path / "f", format="onnx")
    assert list(tmp_path.iterdir()) == []
