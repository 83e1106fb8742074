"""Static encoders as folders of model2vec and sentence-transformers: written, read, opened by these programs."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import SENTENCES, WORDS, make_embeddings
from tests.helpers.examples.static_folders import PIECES, import_quietly, write_folder
from w2v import Embeddings, ModelError
from w2v.corpora.tokenizers import (
    CallableTokenizer,
    CharactersTokenizer,
    JiebaTokenizer,
    TabsTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordsTokenizer,
    code_point_table,
)
from w2v.encoder import Encoded, EncoderState, SentenceEncoder, sif_state
from w2v.encoder.formats import read_encoder, write_encoder
from w2v.encoder.formats.describe import describe_with_unknown, describe_without_unknown
from w2v.encoder.model.pooling import Pooling

TOKENIZERS: list[Tokenizer] = [
    WordsTokenizer(), WordsTokenizer(lowercase=False), WhitespaceTokenizer(), TabsTokenizer(), CharactersTokenizer(),
]  # fmt: skip
TEXTS = [
    *SENTENCES,
    "The river's don\u2019t unknown \u0130X STRASSE Straße, 日本 42! naïve_the ΟΔΟΣ",
    "the\u00a0river the\triver\n42",
    " the \t river ",
    "the " * 2000 + "river",
]


def encode(state: EncoderState, texts: list[str]) -> np.ndarray:
    normalize = state.pooling.normalize
    return np.asarray(SentenceEncoder(state, normalize=normalize).encode(texts))


def tokens_of(encoder: SentenceEncoder, text: str) -> list[str]:
    encoded = encoder.encode([text], return_tokens=True)
    assert isinstance(encoded, Encoded)
    return encoded.tokens[0]


# round trips


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("name", ["model2vec", "sentence-transformers"])
def test_static_encoder_comes_back_with_its_tokenizer(tmp_path: Path, tokenizer: Tokenizer, name: str) -> None:
    state = sif_state(make_embeddings(tokenizer=tokenizer), 1e-2)
    write_encoder(state, tmp_path / "f", format=name)
    found = read_encoder(tmp_path / "f")
    assert found.vocabulary.index_to_key == WORDS and found.tokenizer == tokenizer
    np.testing.assert_array_equal(found.table, state.table * state.gains[:, None])
    np.testing.assert_allclose(encode(found, TEXTS), encode(state, TEXTS), atol=1e-6)
    assert found.metadata["imported_from"] == {"format": "model2vec", "folder": "f"}


def test_folder_says_what_the_other_programs_look_for(tmp_path: Path) -> None:
    embeddings = make_embeddings(5)
    words = [*WORDS[:-1], "[UNK]"]
    write_encoder(sif_state(Embeddings(words, embeddings.vectors)), tmp_path / "f", format="model2vec")
    config = json.loads((tmp_path / "f" / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == "model2vec" and config["normalize"] is True and config["hidden_dim"] == 5
    tokenizer = json.loads((tmp_path / "f" / "tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizer["model"]["unk_token"] == "[[UNK]]"  # the vocabulary has the usual one
    tensors = load_file(tmp_path / "f" / "model.safetensors")
    assert list(tensors) == ["embeddings"] and not tensors["embeddings"][len(words)].any()
    modules = json.loads((tmp_path / "f" / "modules.json").read_text(encoding="utf-8"))
    assert [entry["type"].rpartition(".")[2] for entry in modules] == ["StaticEmbedding", "Normalize"]


@pytest.mark.parametrize("normalize", [True, False])
def test_pieces_of_model2vec_are_encoded_as_it_does(tmp_path: Path, rng: np.random.Generator, normalize: bool) -> None:
    pytest.importorskip("tokenizers")
    table = rng.normal(size=(4, 3)).astype(np.float32)
    tensors = {
        "embeddings": table,
        "mapping": np.array([0, 0, 1, 2, 3, 1, 2, 3, 0]),
        "weights": np.linspace(1, 2, 9),
    }
    config = {"normalize": normalize, "max_length": 4}
    state = read_encoder(write_folder(tmp_path / "f", tensors, config))
    rows = table[tensors["mapping"]] * tensors["weights"][:, None]
    expected = np.stack(
        [
            rows[[2, 3, 4]].mean(axis=0),  # the unknown piece is left out
            rows[[2, 2, 2, 2]].mean(axis=0),  # no more than four
            np.zeros(3),
        ]
    )
    if normalize:
        expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-9)
    texts = ["The rivers zzz", "the the the the the river", ""]
    np.testing.assert_allclose(encode(state, texts), expected, atol=1e-6)
    SentenceEncoder(state).save(tmp_path / "e")
    loaded = SentenceEncoder.load(tmp_path / "e")
    assert loaded.normalize is normalize and loaded.state.tokenizer == state.tokenizer
    np.testing.assert_array_equal(loaded.encode(texts), encode(state, texts))
    assert tokens_of(loaded, "the rivers") == ["the", "river", "##s"]


def test_pieces_of_sentence_transformers_keep_what_is_unknown(tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("tokenizers")
    table = rng.normal(size=(9, 3)).astype(np.float32)
    modules = [{"path": "", "type": "sentence_transformers.models.StaticEmbedding"}]
    truncation = {"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    folder = write_folder(tmp_path / "f", {"embedding.weight": table}, None, modules, truncation=truncation)
    state = read_encoder(folder)
    assert state.pooling.kind == "mean" and not state.pooling.normalize
    found = encode(state, ["zzz river", "the the the river"])
    np.testing.assert_allclose(found, [table[[1, 3]].mean(axis=0), table[2]], atol=1e-6)
    with pytest.raises(ModelError, match="drops unknown tokens"):
        write_encoder(state, tmp_path / "g", format="model2vec")
    write_encoder(state, tmp_path / "g", format="sentence-transformers")
    assert load_file(tmp_path / "g" / "model.safetensors")["embeddings"].tobytes() == table.tobytes()
    np.testing.assert_array_equal(encode(read_encoder(tmp_path / "g"), ["zzz river", "the the the river"]), found)
    table[1] = 0
    write_encoder(replace(state, table=table), tmp_path / "h", format="model2vec")
    assert (tmp_path / "h" / "config.json").exists() and not (tmp_path / "g" / "config.json").exists()


def test_words_of_a_vocabulary_file_are_pieces(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    folder = write_folder(tmp_path / "f", {"embedding.weight": np.eye(12, dtype=np.float32)}, None)
    modules = [{"path": "", "type": "StaticEmbedding"}]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    pieces = [*PIECES, "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    assert tokens_of(SentenceEncoder(read_encoder(folder)), "The riverside.") == ["the", "river", "##side", "."]
    (folder / "vocab.txt").write_text("\n".join(PIECES), encoding="utf-8")
    with pytest.raises(ModelError, match=r"has no token '\[CLS\]'"):
        read_encoder(folder)


# the command line


def test_export_and_import_of_word_vectors_make_an_encoder_with_the_same_vectors(tmp_path: Path) -> None:
    make_embeddings().save(tmp_path / "my.model")
    (tmp_path / "s.txt").write_text("the river\nx 42\n", encoding="utf-8")
    assert run("export", tmp_path / "my.model", tmp_path / "f", "--format", "model2vec").exit_code == 0
    assert_mistake(run("export", tmp_path / "my.model", tmp_path / "f", "--format", "model2vec"), 1, "exists")
    assert run("export", tmp_path / "my.model", tmp_path / "f", "--format", "model2vec", "--overwrite").exit_code == 0
    assert run("import", tmp_path / "f", "--output", tmp_path / "e").exit_code == 0
    vectors = []
    for model in ("my.model", "e"):
        assert run("encode", tmp_path / model, tmp_path / "s.txt", "-o", tmp_path / f"{model}.npy").exit_code == 0
        vectors.append(np.load(tmp_path / f"{model}.npy"))
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert (
        run("import", tmp_path / "f", "--output", tmp_path / "w.model", "--word-vectors", "--max-vocab", "3").exit_code
        == 0
    )
    assert Embeddings.load(tmp_path / "w.model").index_to_key == WORDS[:3]
    assert_mistake(run("import", tmp_path / "f", "--output", tmp_path / "x", "--max-vocab", "3"), 2, "--word-vectors")
    assert_mistake(run("import", tmp_path / "e", "--output", tmp_path / "x", "--format", "model2vec"), 1, "already")


def test_export_tells_that_unknown_words_are_left_out(tmp_path: Path) -> None:
    SentenceEncoder(make_embeddings(with_subwords=True)).fit().save(tmp_path / "e")
    result = run("export", tmp_path / "e", tmp_path / "f", "--format", "sentence-transformers")
    assert result.exit_code == 0 and read_encoder(tmp_path / "f").subwords is None


# what cannot be written, and folders that lie


def test_what_cannot_be_expressed_is_refused(tmp_path: Path) -> None:
    state = sif_state(make_embeddings())
    for tokenizer in (CallableTokenizer(str.split), JiebaTokenizer()):
        with pytest.raises(ModelError, match=f"'{tokenizer.name}' cannot be represented"):
            write_encoder(replace(state, tokenizer=tokenizer), tmp_path / "f", format="model2vec")
    with pytest.raises(ModelError, match="only sums or means"):
        write_encoder(replace(state, pooling=Pooling("max")), tmp_path / "f", format="model2vec")
    heavy = replace(state, word_weights=np.full(len(WORDS), 200, np.float32))
    with pytest.raises(ModelError, match="not finite"), np.errstate(over="ignore", invalid="ignore"):
        write_encoder(heavy, tmp_path / "f", format="model2vec")
    attention = SentenceEncoder(make_embeddings(), "attention").state
    with pytest.raises(ModelError, match="use the format onnx"):
        write_encoder(attention, tmp_path / "f", format="model2vec")
    with pytest.raises(ValueError, match="known are model2vec, sentence-transformers, onnx"):
        write_encoder(state, tmp_path / "f", format="glove")
    assert list(tmp_path.iterdir()) == []
    write_encoder(state, tmp_path / "f", format="model2vec")
    (tmp_path / "f" / "mine").write_text("mine")
    with pytest.raises(ModelError, match="is another kind of file than the output"):
        write_encoder(state, tmp_path / "f", format="model2vec", overwrite=True)


STATIC = [{"path": "", "type": "StaticEmbedding"}]


@pytest.mark.parametrize(
    ("config", "modules", "more", "message"),
    [
        ({"normalize": "yes"}, None, {}, "normalize must be of type bool"),
        ({"max_length": -1}, None, {}, "max_tokens must be from 1"),
        ({"max_length": "x"}, None, {}, "max_length must be of type int"),
        (None, {}, {}, "must be a list of modules"),
        (None, [{"path": "x"}], {}, "must have a type and a path"),
        (None, [{"path": "../x", "type": "StaticEmbedding"}], {}, "not the plain name of a subfolder"),
        (None, [{"path": "", "type": "BoW"}], {}, "begins with the module 'BoW'"),
        (None, [*STATIC, {"path": "1", "type": "LSTM"}], {}, "it ends with LSTM"),
        (None, STATIC, {"model": {"type": "Magic", "vocab": {}}}, "tokenizer is invalid"),
        (None, STATIC, {"vocabulary": [*PIECES, "one more"]}, "has 9 vectors for a tokenizer with 10 tokens"),
        (None, STATIC, {"truncation": {"max_length": "x"}}, "max_tokens must be an integer"),
    ],
)
def test_damaged_folders_are_refused(
    tmp_path: Path, config: dict[str, Any] | None, modules: Any, more: dict[str, Any], message: str
) -> None:
    pytest.importorskip("tokenizers")
    folder = write_folder(tmp_path / "f", {"embeddings": np.ones((9, 2), np.float32)}, config, modules, **more)
    with pytest.raises(ModelError, match=message) as caught:
        read_encoder(folder)
    assert str(tmp_path) in str(caught.value)


def test_folders_of_no_known_kind_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a folder"):
        read_encoder(tmp_path / "nothing")
    with pytest.raises(ModelError, match="is not a known kind of folder"):
        read_encoder(tmp_path)
    folder = write_folder(tmp_path / "f", {"embeddings": np.ones((9, 2), np.float32)}, {"model_type": "model2vec"})
    (folder / "config_sentence_transformers.json").write_text(
        '{"prompts": {"query": "query: "}, "default_prompt_name": "query"}', encoding="utf-8"
    )
    with pytest.raises(ModelError, match="prepends 'query: ' to every sentence"):
        read_encoder(folder)


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    folder = write_folder(tmp_path / "f", {"embeddings": np.ones((3, 2), np.float32)}, vocabulary=["[UNK]", "x", "y"])
    assert_mistake(run("import", folder, "--output", tmp_path / "e"), 1, "pip install 'w2v-toolkit[bert]'")


# the other programs


@pytest.mark.interop
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_model2vec_makes_the_same_vectors(tmp_path: Path, tokenizer: Tokenizer) -> None:
    model2vec = import_quietly("model2vec")
    state = sif_state(make_embeddings(tokenizer=tokenizer), 1e-2)
    write_encoder(state, tmp_path / "f", format="model2vec")
    model = model2vec.StaticModel.from_pretrained(tmp_path / "f")
    np.testing.assert_allclose(model.encode(TEXTS), encode(state, TEXTS), atol=1e-5)
    model.save_pretrained(tmp_path / "again")
    np.testing.assert_allclose(encode(read_encoder(tmp_path / "again"), TEXTS), model.encode(TEXTS), atol=1e-5)


@pytest.mark.interop
@pytest.mark.parametrize("config", [{"normalize": True, "max_length": None}, {"normalize": False, "max_length": 3}])
def test_pieces_are_encoded_as_by_model2vec(tmp_path: Path, rng: np.random.Generator, config: dict[str, Any]) -> None:
    model2vec = import_quietly("model2vec")
    tensors = {
        "embeddings": rng.normal(size=(4, 3)).astype(np.float32),
        "mapping": np.array([0, 0, 1, 2, 3, 1, 2, 3, 0]),
        "weights": np.linspace(1, 2, 9),
    }
    folder = write_folder(tmp_path / "f", tensors, config)
    texts = ["The rivers zzz.", "", "the " * 50, "日本 riverside", "zzz", "x" * 300 + " the"]
    state = read_encoder(folder)
    expected = model2vec.StaticModel.from_pretrained(folder).encode(texts)
    np.testing.assert_allclose(encode(state, texts), expected, atol=1e-5)
    write_encoder(state, tmp_path / "g", format="model2vec")
    again = model2vec.StaticModel.from_pretrained(tmp_path / "g").encode(texts)
    np.testing.assert_allclose(again, expected, atol=1e-5)


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch and transformers
def test_sentence_transformers_makes_the_same_vectors(tmp_path: Path, rng: np.random.Generator) -> None:
    sentence_transformers = import_quietly("sentence_transformers")
    for number, tokenizer in enumerate(TOKENIZERS):
        state = sif_state(make_embeddings(tokenizer=tokenizer), 1e-2)
        write_encoder(state, tmp_path / f"f{number}", format="sentence-transformers")
        model = sentence_transformers.SentenceTransformer(str(tmp_path / f"f{number}"), device="cpu")
        np.testing.assert_allclose(model.encode(TEXTS), encode(state, TEXTS), atol=1e-5)
    model.save(str(tmp_path / "saved"))
    np.testing.assert_allclose(encode(read_encoder(tmp_path / "saved"), TEXTS), model.encode(TEXTS), atol=1e-5)
    tensors = {"embedding.weight": rng.normal(size=(9, 3)).astype(np.float32)}
    folder = write_folder(tmp_path / "g", tensors, None, [{"idx": 0, "name": "0", **STATIC[0]}])
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    modules[0]["type"] = "sentence_transformers.models.StaticEmbedding"
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(encode(read_encoder(folder), TEXTS), model.encode(TEXTS), atol=1e-5)


def divided(tokenizer: Tokenizer) -> Any:
    """Return a function that divides text as the library does by our description of a tokenizer."""
    tokenizers = pytest.importorskip("tokenizers")
    loaded = load_definition(tokenizers, json.dumps(describe_with_unknown(tokenizer, ["a"], "f")))

    def split(text: str) -> list[str]:
        normalized = loaded.normalizer.normalize_str(text) if loaded.normalizer else text
        return [token for token, _ in loaded.pre_tokenizer.pre_tokenize_str(normalized)]

    return split


@functools.cache
def load_definition(tokenizers: Any, definition: str) -> Any:
    return tokenizers.Tokenizer.from_str(definition)


@given(
    text=st.text(
        alphabet="aZé'\u2019\u0130Σς_-. \t\n\u0301日本かไ๑ี2½\u00a0\ufdd0"
        "\u200c\u200d\u2060\u00ad\ufeff\ufe0f❤👩Kj\u030c\u0328\u09c7\u09be",
        max_size=20,
    )
)
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_described_tokenizer_splits_as_ours(tokenizer: Tokenizer, text: str) -> None:
    assert divided(tokenizer)(text) == tokenizer(text)


@pytest.mark.parametrize("tokenizer", [WordsTokenizer(), CharactersTokenizer()])
def test_described_tokenizer_agrees_on_nearly_every_character(tokenizer: Tokenizer) -> None:
    table = code_point_table(tokenizer)
    assigned = [point for point in np.flatnonzero(table > 0).tolist() if not 0xD800 <= point < 0xE000]
    text = " ".join(map(chr, assigned))
    found, expected = divided(tokenizer)(text), tokenizer(text)
    assert len(set(found) ^ set(expected)) < 0.001 * len(expected)  # versions of Unicode differ


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_described_tokenizer_can_leave_unknown_words_out(tokenizer: Tokenizer) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    words = ["the", "a", "two words", "[PAD]", "\u2581"]
    described = describe_without_unknown(tokenizer, words, "f", max_tokens=3)
    loaded = tokenizers.Tokenizer.from_str(json.dumps(described))
    for text in ("the cat 日 a\tb", "the\t[PAD]", "a\ttwo words\tthe", "xyz", "", "the a the a the", "aa\ta"):
        expected = [words.index(token) for token in tokenizer(text) if token in words][:3]
        assert loaded.encode(text).ids == expected
    [short, long] = loaded.encode_batch(["a", "the\ta"])
    assert short.ids[-1] == len(words) and short.attention_mask == [1, 0] or short.ids == long.ids[:1]
    with pytest.raises(ModelError, match="differ only in a space"):
        describe_without_unknown(tokenizer, ["a b", "a\u2581b"], "f")
