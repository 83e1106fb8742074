"""Folders of translators and language models: each file cut short, changed or missing is told in a sentence."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.helpers.disks import file_size_limit
from tests.helpers.examples.tag_models import name_tagger
from tests.helpers.examples.text_models import TINY, counting_lines, counting_model, number_translator, write_lines
from tests.helpers.examples.topic_examples import make_words, stop_at
from w2v import (
    Embeddings,
    LanguageModel,
    ModelError,
    SentenceEncoder,
    SentenceIndex,
    Tagger,
    TrainingInterrupted,
    Translator,
)
from w2v.commands.main import main
from w2v.neural.tasks.estimator import TextEstimator
from w2v.storage.tensors import read_tensors, write_tensors

KINDS: dict[str, tuple[Callable[[], TextEstimator[Any]], type[TextEstimator[Any]], list[str]]] = {
    "translator": (number_translator, Translator, ["source-units.json", "target-units.json"]),
    "language-model": (counting_model, LanguageModel, ["text-units.json", "ngrams.safetensors"]),
    "tagger": (name_tagger, Tagger, ["text-units.json", "vectors.safetensors"]),
}
FILES = [(kind, file) for kind in KINDS for file in ["config.json", "network.safetensors", *KINDS[kind][2]]]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(kind: str, tmp_path: Path) -> Path:
    KINDS[kind][0]().save(tmp_path / "m")
    return tmp_path / "m"


def test_all_files_are_known(folder: Path, kind: str) -> None:
    kept = {("tagger", "examples.json")} if kind == "tagger" else set()  # which may be deleted: see test_examples
    assert {(kind, file.name) for file in folder.iterdir()} == {entry for entry in FILES if entry[0] == kind} | kept


@pytest.mark.parametrize(("kind", "file"), FILES)
def test_file_that_is_cut_short_or_missing_is_named(kind: str, file: str, folder: Path) -> None:
    whole = (folder / file).read_bytes()
    for length in (0, 1, 20, len(whole) // 2, len(whole) - 3):
        (folder / file).write_bytes(whole[:length])
        with pytest.raises(ModelError, match=f"{file} is damaged"):
            KINDS[kind][1].load(folder)
    (folder / file).unlink()
    with pytest.raises(ModelError, match=file):
        KINDS[kind][1].load(folder)


def test_network_that_is_not_finite_is_refused(folder: Path, kind: str) -> None:
    arrays = {name: array.copy() for name, array in read_tensors(folder / "network.safetensors").items()}
    for value in (np.nan, np.inf):
        arrays["output.bias"][1] = value
        write_tensors(folder / "network.safetensors", arrays)
        with pytest.raises(ModelError, match=r"network.safetensors is damaged: .*finite"):
            KINDS[kind][1].load(folder)


CHANGES: list[tuple[str, Any, str]] = [
    ("format_version", 99, "written by a newer version of w2v"),
    ("format_version", "1", "format_version must be a positive integer"),
    ("vocabulary_size", 0, "vocabulary_size must be a positive integer"),
    ("kind", "word-vectors", r"open it with w2v neighbors, or Embeddings\.load"),
    ("network", {}, "is damaged"),
    ("network", 3, "network has the wrong type"),
    ("network.decoder.layers", 10**9, "layers must be a whole number from [01] to 1024"),
    ("network.decoder.heads", 0, "heads must be a whole number"),
    ("network.decoder.dim", 32.0, "dim must be a whole number"),
    ("network.decoder.norm", "both", "norm must be one of"),
    ("network.decoder.unknown", 1, "unknown"),
    ("network.unknown", 1, "unknown"),
    ("parameters", {"dim": "x"}, "dim must be"),
    ("parameters", [], "parameters has the wrong type"),
    ("training", [], "training has the wrong type"),
    ("training.complete", False, r"training\.safetensors"),
    ("history", {}, "history has the wrong type"),
    ("history", [1], "its history contains entries that are not measurements"),
    ("history", [{"held_out_loss": None}], "its history contains entries that are not measurements"),
    ("history", [{"step": 1, "accuracy": "x"}], "its history contains entries that are not measurements"),
    ("network.decoder", None, "expected an object, not None"),
    ("network.decoder.epsilon", "x", "epsilon must be of the type float, not 'x'"),
    ("network.decoder.epsilon", [], "epsilon must be of the type float"),
    ("network.decoder.epsilon", -1, "epsilon must be above 0 and at most 1"),
    ("network.decoder.causal", 10**30, "causal must be of the type bool"),
    ("network.decoder.window", True, "window must be of the type int"),
    ("training.files", 5, "the files of its training are not file names"),
    ("training.validation", [1], "the validation of its training are not file names"),
]


@pytest.mark.parametrize(("name", "value", "message"), CHANGES, ids=[f"{name}-{value}" for name, value, _ in CHANGES])
def test_configuration_that_is_changed_is_refused(name: str, value: Any, message: str, folder: Path, kind: str) -> None:
    change(folder, name.replace("decoder", "encoder") if kind == "tagger" else name, value)
    with pytest.raises(ModelError, match=message):
        KINDS[kind][1].load(folder)


@pytest.mark.parametrize(
    ("kind", "name", "value", "message"),
    [
        ("translator", "length_ratio", -1.0, "length_ratio must be a number above 0"),
        ("translator", "length_ratio", 1e300, "length_ratio must be"),
        ("translator", "network.joint", True, "is damaged"),
        ("translator", "network.source_size", 7, "there are 9"),
        ("language-model", "lines", "yes", "is damaged"),
        ("language-model", "lines", False, "ngrams.safetensors is damaged"),
        ("language-model", "network.vocabulary_size", 7, "there are 9"),
        ("language-model", "parameters", {}, "'context' is missing"),
        ("tagger", "network.inputs.words", 7, "7 words, but there are"),
        ("tagger", "network.inputs.buckets", 7, "7 rows of n-grams, but there are 64"),
        ("tagger", "network.inputs.given", 7, "7 word vectors, but there are 4"),
        ("tagger", "network.inputs.given_size", 7, "the network needs"),
        ("tagger", "network.inputs.columns", [3], "values of columns, but there are"),
        ("tagger", "network.inputs.dim", "x", "is damaged"),
        ("tagger", "training.columns", {"word": 0}, "columns must be numbers from 1"),
        ("tagger", "training.columns", [1], "is damaged"),
        ("tagger", "network.tags", 3, "3 tags, but there are 5"),
        ("tagger", "network.output", "hmm", "the output must be one of crf, softmax"),
        ("tagger", "network.encoder.causal", True, "must not be causal"),
    ],
)
def test_what_one_kind_needs_is_checked(kind: str, name: str, value: Any, message: str, folder: Path) -> None:
    change(folder, name, value)
    with pytest.raises(ModelError, match=message):
        KINDS[kind][1].load(folder)


@pytest.mark.parametrize("kind", ["tagger"])
def test_vocabulary_of_impossible_numbers_is_refused(kind: str, folder: Path) -> None:
    file = folder / "text-units.json"
    config = json.loads(file.read_text())
    changes = [("counts", [10**30, *config["words"]["counts"][1:]]), ("counts", [0, *config["words"]["counts"][1:]]),
               ("subwords", config["words"]["subwords"] | {"max_n": 10**30}), ("subwords", None)]  # fmt: skip
    for name, value in changes:
        file.write_text(json.dumps(config | {"words": config["words"] | {name: value}}))
        with pytest.raises(ModelError, match=r"text-units\.json is damaged"):
            Tagger.load(folder)


def test_number_that_is_too_large_for_json_is_refused(folder: Path, kind: str) -> None:
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"epsilon": 1e-05', '"epsilon": 1e400', 1))
    with pytest.raises(ModelError, match=r"config\.json is damaged: 1e400 is not a JSON number"):
        KINDS[kind][1].load(folder)


def change(folder: Path, name: str, value: Any) -> None:
    """Set an entry of the configuration; dots lead into it."""
    config = json.loads((folder / "config.json").read_text())
    place, *path = config, *name.split(".")
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    (folder / "config.json").write_text(json.dumps(config))


def test_other_kinds_say_what_opens_the_folder(folder: Path, kind: str, tmp_path: Path) -> None:
    hint = {"translator": r"w2v translate, or Translator\.load", "language-model": r"or LanguageModel\.load",
            "tagger": r"w2v tag, or Tagger\.load"}[kind]  # fmt: skip
    others: list[Any] = [own.load for _, own, _ in KINDS.values() if own is not KINDS[kind][1]]
    for load in (Embeddings.load, SentenceEncoder.load, SentenceIndex.open, *others):
        with pytest.raises(ModelError, match=hint):
            load(folder)
    make_words().save(tmp_path / "words")
    with pytest.raises(ModelError, match=r"w2v neighbors, or Embeddings\.load"):
        KINDS[kind][1].load(tmp_path / "words")


def test_full_disk_leaves_nothing_and_what_was_there(folder: Path, kind: str, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for path, overwrite in ((tmp_path / "new", False), (folder, True)):
        with file_size_limit(2000), pytest.raises(ModelError, match=r"File too large|" + str(errno.EFBIG)):
            KINDS[kind][0]().save(path, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are UTF-8")
def test_file_names_need_not_be_utf8(tmp_path: Path) -> None:
    text = write_lines(tmp_path / os.fsdecode(b"lines \xff.txt"), counting_lines())
    folder = tmp_path / os.fsdecode(b"m\xff")
    with pytest.raises(TrainingInterrupted):
        LanguageModel(**TINY, units="words", epochs=3, context=8, batch_tokens=64).fit(
            text, checkpoint=folder, progress=stop_at(10)
        )
    assert LanguageModel.load(folder).resume(checkpoint=folder).is_complete_
    result = CliRunner().invoke(main, ["info", str(folder), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["path"], told["training"]["inputs"]) == (str(folder), [str(text)])


def test_damaged_state_of_training_is_refused(tmp_path: Path) -> None:
    model, lines = LanguageModel(**TINY, units="words", epochs=3, context=8, batch_tokens=64), counting_lines()
    with pytest.raises(TrainingInterrupted):
        model.fit(lines, checkpoint=tmp_path / "m", progress=stop_at(10))
    file = tmp_path / "m" / "training.safetensors"
    arrays = read_tensors(file, mmap=False)
    for name in arrays:
        write_tensors(file, {other: array for other, array in arrays.items() if other != name})
        if not name.startswith(("best", "measured")):
            with pytest.raises(ValueError, match="the state of the training (has no|does not contain)"):
                LanguageModel.load(tmp_path / "m").resume(lines)
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(ModelError, match=r"training\.safetensors is damaged"):
        LanguageModel.load(tmp_path / "m")
