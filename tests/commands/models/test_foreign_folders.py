"""Folders of other programs' encoders open in every command that takes an encoder, as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.bert_folders import POOLING, make_arrays, write_bert
from tests.helpers.examples.static_folders import write_folder
from w2v.encoder import SentenceEncoder
from w2v.explorer import server
from w2v.explorer.explored import ExploredModel

LINES = ["the river", "the rivers", "the", "riverside"]
ATTENTIVE = ("bert", "sentence-transformers")

pytest.importorskip("tokenizers")


@pytest.fixture(params=["model2vec", *ATTENTIVE])
def folder(request: pytest.FixtureRequest, tmp_path: Path, rng: np.random.Generator) -> Path:
    """Return a folder of one kind; its name tells which."""
    path = tmp_path / request.param
    if request.param == "model2vec":
        table = rng.normal(size=(9, 6)).astype(np.float32)
        return write_folder(path, {"embeddings": table}, {"model_type": "model2vec", "normalize": True})
    if request.param == "bert":
        return write_bert(path, make_arrays(rng))
    return write_bert(path, make_arrays(rng), ("Pooling", POOLING))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("\n".join(LINES) + "\n")
    return tmp_path / "text.txt"


def vectors_of(folder: Path) -> Any:
    return SentenceEncoder.import_folder(folder).encode(LINES)


def test_encode_and_similar(folder: Path, text: Path, tmp_path: Path) -> None:
    result = run("encode", folder, text, "-o", tmp_path / "v.npy")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), vectors_of(folder))
    found = json.loads(run("similar", folder, text, "the river", "--json").stdout)["similar"]
    vectors = SentenceEncoder.load(folder).encode(LINES, normalize=True)
    cosines = dict(zip(LINES, (vectors @ vectors[0]).tolist(), strict=True))
    assert [one["sentence"] for one in found] == sorted(LINES[1:], key=lambda line: -cosines[line])


def test_attention(folder: Path) -> None:
    result = run("attention", folder, "the river", "--json")
    assert result.exit_code == 0, result.output
    parsed = json.loads(result.stdout)
    assert sum(parsed["shares"]) == pytest.approx(1)
    assert ("attention" in parsed) == (folder.name in ATTENTIVE)
    if folder.name in ATTENTIVE:
        np.testing.assert_allclose(np.sum(parsed["attention"], axis=1), 1, atol=1e-5)


def test_info(folder: Path) -> None:
    result = run("info", folder, "--json")
    assert result.exit_code == 0, result.output
    described = json.loads(result.stdout)
    assert described["kind"] == "sentence encoder"
    assert described["architecture"] == ("attention" if folder.name in ATTENTIVE else "static")
    assert described["dimension"] == vectors_of(folder).shape[1]
    assert described["bytes"] == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert run("info", folder).exit_code == 0


def test_export(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    result = run("export", folder, tmp_path / "out", "--format", "onnx")
    assert result.exit_code == 0 and (tmp_path / "out" / "model.onnx").is_file(), result.output


def test_export_of_words(folder: Path, tmp_path: Path) -> None:
    result = run("export", folder, tmp_path / "words.txt", "--format", "glove")
    if folder.name in ATTENTIVE:
        assert_mistake(result, 1, "an encoder with attention is more than a table of words")
    else:
        assert result.exit_code == 0 and (tmp_path / "words.txt").read_text().startswith("[PAD] "), result.output


def test_explore(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("starlette")
    explored: list[ExploredModel] = []

    def serve(model: ExploredModel, listening: Any, **_: Any) -> None:
        explored.append(model)
        listening.close()

    monkeypatch.setattr(server, "serve", serve)
    result = run("explore", folder, "--no-browser", "--no-cache", "--port", 0)
    assert result.exit_code == 0, result.output
    assert explored[0].describe()["kind"] == "sentence encoder"


def test_fit_encoder_goes_on_from_them(folder: Path, text: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("the river\tthe rivers\n" * 8)
    result = run("fit-encoder", folder, "--pairs", pairs, "-o", tmp_path / "out", "--steps", 1, "--batch-size", 4)
    assert result.exit_code == 0, result.output
    trained = SentenceEncoder.load(tmp_path / "out")
    assert (trained.state.network is not None) == (folder.name in ATTENTIVE)


def test_what_is_neither_is_named(tmp_path: Path, text: Path) -> None:
    (tmp_path / "empty").mkdir()
    for command in (["encode", "EMPTY", text, "--jsonl"], ["info", "EMPTY"], ["attention", "EMPTY", "the"]):
        arguments = [tmp_path / "empty" if word == "EMPTY" else word for word in command]
        assert_mistake(run(*arguments), 1, "empty is not a model folder", "modules.json or tokenizer.json")
