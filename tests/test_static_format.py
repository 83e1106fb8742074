"""Static-embedding folders: written, read, and opened by model2vec and sentence-transformers."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from corpora.tokenizers import Tokenizer, WhitespaceTokenizer, WordsTokenizer, code_point_table
from w2v.embeddings import Embeddings
from w2v.persistence import ModelError
from w2v.static_format import read_static, write_static

WORDS = ["the", "river", "don't", "straße", "\u0130x", "日本", "2", "naïve", "οδοσ", "[UNK]"]
TEXTS = [
    "The river's don\u2019t unknown \u0130X STRASSE Straße, 日本 2! naïve_the ΟΔΟΣ",
    "nothing known here",
    "",
    "the\u00a0river the\triver\n2",
    "the " * 2000 + "river",
]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return Embeddings(WORDS, rng.normal(size=(len(WORDS), 5)).astype(np.float32), tokenizer=WordsTokenizer())


def unit_mean(embeddings: Embeddings, text: str) -> np.ndarray:
    assert embeddings.tokenizer is not None
    rows = [embeddings.key_to_index[word] for word in embeddings.tokenizer(text) if word in embeddings.key_to_index]
    mean: np.ndarray = embeddings.vectors[rows].mean(axis=0) if rows else np.zeros(embeddings.vector_size)
    return mean / (np.linalg.norm(mean) or 1)


# round trips


@pytest.mark.parametrize("tokenizer", [WordsTokenizer(), WordsTokenizer(lowercase=False), WhitespaceTokenizer()])
def test_folder_comes_back_with_its_tokenizer(embeddings: Embeddings, tmp_path: Path, tokenizer: Tokenizer) -> None:
    write_static(Embeddings(WORDS, embeddings.vectors, tokenizer=tokenizer), tmp_path / "s")
    found = read_static(tmp_path / "s")
    assert found.index_to_key == WORDS
    assert found.vectors.tobytes() == embeddings.vectors.tobytes()
    assert found.tokenizer == tokenizer
    assert read_static(tmp_path / "s", limit=2).index_to_key == WORDS[:2]


def test_folder_says_what_the_other_programs_look_for(embeddings: Embeddings, tmp_path: Path) -> None:
    write_static(embeddings, tmp_path / "s")
    config = json.loads((tmp_path / "s" / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == "model2vec" and config["normalize"] is True and config["hidden_dim"] == 5
    tokenizer = json.loads((tmp_path / "s" / "tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizer["model"]["unk_token"] == "[[UNK]]"  # the vocabulary has the usual one
    tensors = load_file(tmp_path / "s" / "model.safetensors")
    assert list(tensors) == ["embeddings"] and not tensors["embeddings"][len(WORDS)].any()


def test_model_without_tokenizer_lowercases_unless_its_words_have_capitals(tmp_path: Path) -> None:
    for words, lowercase in ((["a", "ß"], True), (["a", "B"], False)):
        write_static(Embeddings(words, [[1], [2]]), tmp_path / "s", overwrite=True)
        assert read_static(tmp_path / "s").tokenizer == WordsTokenizer(lowercase=lowercase)


# the other programs


@pytest.mark.interop
@pytest.mark.parametrize("tokenizer", [WordsTokenizer(), WordsTokenizer(lowercase=False), WhitespaceTokenizer()])
def test_model2vec_encodes_texts_as_the_mean_of_their_words(
    embeddings: Embeddings, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    model2vec = pytest.importorskip("model2vec")
    embeddings = Embeddings(WORDS, embeddings.vectors, tokenizer=tokenizer)
    write_static(embeddings, tmp_path / "s")
    model = model2vec.StaticModel.from_pretrained(tmp_path / "s")
    expected = [unit_mean(embeddings, text) for text in TEXTS]
    np.testing.assert_allclose(model.encode(TEXTS), expected, atol=1e-6)


@pytest.mark.interop
def test_what_model2vec_writes_is_read_here(embeddings: Embeddings, tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    write_static(embeddings, tmp_path / "s")
    model2vec.StaticModel.from_pretrained(tmp_path / "s").save_pretrained(tmp_path / "t")
    found = read_static(tmp_path / "t")
    assert found.index_to_key == WORDS
    np.testing.assert_array_equal(found.vectors, embeddings.vectors)


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch and transformers
def test_sentence_transformers_encodes_texts_as_the_mean_of_their_words(embeddings: Embeddings, tmp_path: Path) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    write_static(embeddings, tmp_path / "s")
    model = sentence_transformers.SentenceTransformer(str(tmp_path / "s"), device="cpu")
    expected = [unit_mean(embeddings, text) for text in TEXTS]
    np.testing.assert_allclose(model.encode(TEXTS), expected, atol=1e-6)


@pytest.fixture(scope="module")
def describe(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function that makes, of a tokenizer of ours, the one that tokenizers reads from its description."""
    tokenizers = pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("static") / "s"

    @functools.cache
    def describe(tokenizer: Tokenizer) -> Any:
        write_static(Embeddings(["a"], [[1]], tokenizer=tokenizer), folder, overwrite=True)
        loaded = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))

        def split(text: str) -> list[str]:
            normalized = loaded.normalizer.normalize_str(text) if loaded.normalizer else text
            return [token for token, _ in loaded.pre_tokenizer.pre_tokenize_str(normalized)]

        return split

    return describe


@pytest.mark.interop
@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="aZé'\u2019\u0130Σς_-. \t\n\u0301日2½\u00a0\ufdd0", max_size=20))
@pytest.mark.parametrize("tokenizer", [WordsTokenizer(), WordsTokenizer(lowercase=False), WhitespaceTokenizer()])
def test_described_tokenizer_splits_as_ours(describe: Any, tokenizer: Tokenizer, text: str) -> None:
    assert describe(tokenizer)(text) == tokenizer(text)


@pytest.mark.interop
def test_described_tokenizer_agrees_on_nearly_every_character(describe: Any) -> None:
    table = code_point_table(WordsTokenizer())
    assigned = [point for point in np.flatnonzero(table > 0).tolist() if not 0xD800 <= point < 0xE000]
    text = " ".join(map(chr, assigned))
    found, expected = describe(WordsTokenizer())(text), WordsTokenizer()(text)
    assert len(set(found) ^ set(expected)) < 0.001 * len(expected)  # versions of Unicode differ


# folders that lie, and other damage


def tokenizer_json(vocabulary: object, **more: object) -> str:
    return json.dumps({"model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}, **more})


def write_folder(folder: Path, tokenizer: str, tensors: dict[str, np.ndarray]) -> Path:
    folder.mkdir()
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    save_file(tensors, folder / "model.safetensors")
    return folder


def test_tables_with_mapping_and_weights_are_unfolded(tmp_path: Path) -> None:
    tensors = {
        "embeddings": np.array([[1, 2], [3, 4]], np.float16),
        "mapping": np.array([1, 0, 1]),
        "weights": np.array([2, 1, 0.5], np.float32),
    }
    found = read_static(write_folder(tmp_path / "s", tokenizer_json({"a": 0, "b": 1, "##c": 2}), tensors))
    assert found.index_to_key == ["a", "b", "##c"]
    assert found.vectors.tolist() == [[6, 8], [1, 2], [1.5, 2]]
    assert found.tokenizer is None


def test_unigram_vocabularies_and_added_tokens_are_read(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "model": {"type": "Unigram", "vocab": [["a", -1.0], ["b", -2.0]]},
            "added_tokens": [{"id": 2, "content": "<s>"}],
        }
    )
    found = read_static(write_folder(tmp_path / "s", text, {"embedding.weight": np.ones((3, 2), np.float32)}))
    assert found.index_to_key == ["a", "b", "<s>"]


@pytest.mark.parametrize(
    ("tokenizer", "tensors", "message"),
    [
        ("{", {"embeddings": np.ones((1, 1))}, r"tokenizer\.json is damaged"),
        ("[]", {"embeddings": np.ones((1, 1))}, "holds a list, not a JSON object"),
        ("{}", {"embeddings": np.ones((1, 1))}, "has no vocabulary"),
        (tokenizer_json({}), {"embeddings": np.ones((1, 1))}, "has no vocabulary"),
        (tokenizer_json({"a": 1}), {"embeddings": np.ones((1, 1))}, "not numbered from 0 to 0"),
        (tokenizer_json({"a": 0, "b": 0}), {"embeddings": np.ones((2, 1))}, "not numbered"),
        (tokenizer_json({"a": "x"}), {"embeddings": np.ones((1, 1))}, "not numbered"),
        (tokenizer_json([["a"], 5]), {"embeddings": np.ones((1, 1))}, "not pairs"),
        (tokenizer_json({"a": 0}), {"x": np.ones((1, 1))}, "no table of embeddings"),
        (tokenizer_json({"a": 0}), {"embeddings": np.ones((2, 1))}, "2 vectors, but 1 words"),
        (tokenizer_json({"a": 0}), {"embeddings": np.full((1, 1), np.nan)}, "row 0 holds NaN"),
        (tokenizer_json({"a": 0}), {"embeddings": np.ones((1, 1)), "mapping": np.array([1])}, "points outside"),
        (tokenizer_json({"a": 0}), {"embeddings": np.ones((1, 1)), "mapping": np.array([0.5])}, "not row numbers"),
        (tokenizer_json({"a": 0}), {"embeddings": np.ones((1, 1)), "weights": np.ones(2)}, "not one a token"),
    ],
)
def test_damaged_folders_are_refused(
    tmp_path: Path, tokenizer: str, tensors: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        read_static(write_folder(tmp_path / "s", tokenizer, tensors))
    assert "\n" not in str(caught.value)


def test_missing_folders_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a folder"):
        read_static(tmp_path / "nothing")
    with pytest.raises(ModelError, match=r"tokenizer\.json does not exist"):
        read_static(tmp_path)


def test_what_cannot_be_expressed_is_refused(embeddings: Embeddings, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'callable' cannot be expressed"):
        write_static(Embeddings(["a"], [[1]], tokenizer=_split_callable()), tmp_path / "s")
    with pytest.raises(ModelError, match="cannot be written in the static-embedding format"):
        write_static(Embeddings(["a", ""], [[1], [2]]), tmp_path / "s")
    with pytest.raises(ModelError, match="'bad' holds NaN"):
        write_static(Embeddings(["ok", "bad"], np.array([[1], [np.nan]])), tmp_path / "s")
    assert list(tmp_path.iterdir()) == []
    write_static(embeddings, tmp_path / "s")
    with pytest.raises(ModelError, match="exists already"):
        write_static(embeddings, tmp_path / "s")
    (tmp_path / "s" / "mine").write_text("mine")
    with pytest.raises(ModelError, match="holds something else"):
        write_static(embeddings, tmp_path / "s", overwrite=True)


def _split_callable() -> Tokenizer:
    from corpora.tokenizers import get_tokenizer

    return get_tokenizer(str.split)
