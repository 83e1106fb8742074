"""The words of static-embedding folders, as other programs write them, and folders that lie."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from w2v.corpora.tokenizers import WordsTokenizer
from w2v.formats.model2vec import read_static, write_static
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import ModelError


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
        (tokenizer_json([["a"], 5]), {"embeddings": np.ones((1, 1))}, "not consist of pairs"),
        (tokenizer_json({"a": 0}), {"x": np.ones((1, 1))}, "no table of embeddings"),
        (tokenizer_json({"a": 0}), {"embeddings": np.ones((2, 1))}, "2 vectors, but 1 words"),
        (tokenizer_json({"a": 0}), {"embeddings": np.full((1, 1), np.nan)}, "row 0 holds NaN"),
        (tokenizer_json({"a": 0}), {"embeddings": np.ones((1, 1)), "mapping": np.array([1])}, "points outside"),
        (tokenizer_json({"a": 0}), {"embeddings": np.ones((1, 1)), "mapping": np.array([0.5])}, "not row numbers"),
        (tokenizer_json({"a": 0}), {"embeddings": np.ones((1, 1)), "weights": np.ones(2)}, "not one for each token"),
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


def test_tokenizer_that_we_noted_comes_back(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "s", tokenizer_json({"a": 0, "[UNK]": 1}), {"embeddings": np.eye(2)})
    (folder / "config.json").write_text('{"w2v_tokenizer": {"name": "words", "lowercase": false}}', encoding="utf-8")
    found = read_static(folder, limit=1)
    assert found.tokenizer == WordsTokenizer(lowercase=False) and found.index_to_key == ["a"]
    (folder / "config.json").write_text('{"w2v_tokenizer": {"name": "chars"}}', encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json: the tokenizer cannot be restored"):
        read_static(folder)


def test_zero_row_for_unknown_words_is_left_out(tmp_path: Path) -> None:
    vocabulary = {"a": 0, "[UNK]": 1, "b": 2}
    folder = write_folder(tmp_path / "s", tokenizer_json(vocabulary), {"embeddings": np.array([[1], [0], [2]])})
    assert read_static(folder).index_to_key == ["a", "b"]
    folder = write_folder(tmp_path / "t", tokenizer_json(vocabulary), {"embeddings": np.array([[1], [3], [2]])})
    assert read_static(folder).index_to_key == ["a", "[UNK]", "b"]


def test_files_may_lie_where_sentence_transformers_puts_them(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    tensors = {"embedding.weight": np.ones((1, 1), np.float32)}
    write_folder(tmp_path / "s" / "0_StaticEmbedding", tokenizer_json({"a": 0}), tensors)
    assert read_static(tmp_path / "s").index_to_key == ["a"]


def test_word_vectors_are_not_written_as_such_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="with `w2v export`"):
        write_static(Embeddings(["a"], [[1]]), tmp_path / "s")
