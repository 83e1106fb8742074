"""Classifiers made small, and those of fastText."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.label_examples import layered_classifier, topic_classifier, topic_texts
from w2v import ModelError, TextClassifier
from w2v.formats.fasttext import read_fasttext_classifier

TEXTS, LABELS = topic_texts(200)
UNSEEN = topic_texts(40, 7)


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_small_classifiers_fit_and_still_answer(tmp_path: Path) -> None:
    model = TextClassifier(max_n=4).fit(TEXTS, LABELS)
    model.save(tmp_path / "large")
    for most in (13_000, 10_000):
        small = model.compress(most)
        small.save(tmp_path / str(most))
        assert size_of(tmp_path / str(most)) <= most < size_of(tmp_path / "large")
        loaded = TextClassifier.load(tmp_path / str(most))
        assert np.array_equal(loaded.predict_proba(UNSEEN[0]), small.predict_proba(UNSEEN[0]))
        assert loaded.score(*UNSEEN) > 0.9 and loaded.network_.config.is_small
    whole = model.compress(10_000_000)
    assert whole.network_.config.n_rows == model.network_.config.n_rows
    np.testing.assert_allclose(whole.predict_proba(UNSEEN[0]), model.predict_proba(UNSEEN[0]), atol=0.02)


def test_what_cannot_be_made_small() -> None:
    with pytest.raises(ValueError, match="does not fit 100 bytes"):
        topic_classifier().compress(100)
    with pytest.raises(ValueError, match="has layers"):
        layered_classifier().compress()
    with pytest.raises(ValueError, match="is small already"):
        topic_classifier().compress().compress()


def test_damaged_small_folders_are_refused(tmp_path: Path) -> None:
    topic_classifier().compress().save(tmp_path / "m")
    (tmp_path / "m" / "rows.safetensors").write_bytes((tmp_path / "m" / "buckets.safetensors").read_bytes())
    with pytest.raises(ModelError, match="bytes of .* features are missing"):
        TextClassifier.load(tmp_path / "m")


def supervised(loss: int = 3, model: int = 3, labels: int = 2, quantised: bool = False, version: int = 12) -> bytes:
    """Return a model of two words, two labels and four buckets, as fastText writes it."""
    settings = struct.pack("<12id", 3, 5, 5, 1, 5, 2, loss, model, 4, 2, 3, 100, 1e-4)
    sizes = struct.pack("<3i2q", 2 + labels, 2, labels, 10, -1)
    words = b"".join(name + b"\0" + struct.pack("<qb", 3, 0) for name in (b"</s>", b"river"))
    names = b"".join(b"__label__" + name + b"\0" + struct.pack("<qb", 3, 1) for name in (b"z", b"a")[:labels])
    table = np.arange(18, dtype="<f4").reshape(6, 3) / 10
    output = np.array([[1, 0, 0], [0, 1, 0]][:labels], "<f4").reshape(-1, 3)
    matrices = (struct.pack("<?2q", quantised, *array.shape) + array.tobytes() for array in (table, output))
    return struct.pack("<2i", 793712314, version) + settings + sizes + words + names + b"".join(matrices)


def test_a_supervised_model_is_read_and_kept(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(supervised())
    read = read_fasttext_classifier(tmp_path / "m.bin")
    assert (read.words, read.labels, read.one_of_many) == (["</s>", "river"], ["__label__z", "__label__a"], True)
    assert read.table.shape == (6, 3) and read.output.tolist() == [[1, 0, 0], [0, 1, 0]]
    model = TextClassifier.from_fasttext(tmp_path / "m.bin")
    assert model.classes_.tolist() == ["a", "z"] and model.network_.config.n_rows == 6
    z = model.network_.parameters["output.table"]
    assert z.tolist() == [[0, 1, 0], [1, 0, 0]]
    model.save(tmp_path / "m")
    loaded = TextClassifier.load(tmp_path / "m")
    assert np.array_equal(loaded.predict_proba(["river", ""]), model.predict_proba(["river", ""]))
    assert TextClassifier.from_fasttext(tmp_path / "m.bin").predict(["river"]).tolist() == ["a"]
    (tmp_path / "ova.bin").write_bytes(supervised(loss=4))
    assert isinstance(TextClassifier.from_fasttext(tmp_path / "ova.bin").predict(["river"])[0], tuple)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (supervised(model=2), "holds word vectors of fastText, no classifier"),
        (supervised(loss=1), "hierarchical softmax"),
        (supervised(loss=9), "loss that is not known, number 9"),
        (supervised(quantised=True), "quantised"),
        (supervised(labels=0), "vectors of 0 labels"),
        (supervised(version=13), "format 13"),
        (supervised() + b"x", "more follows"),
        (supervised()[:-5], "truncated"),
        (supervised()[:100], "truncated|no end"),
        (supervised().replace(b"river", b"</s>\0"), "wrong kind|comes twice|no end|truncated|damaged"),
        (b"plain text", "not a binary model"),
    ],
)
def test_damaged_models_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "m.bin").write_bytes(data)
    with pytest.raises(ModelError, match=message):
        TextClassifier.from_fasttext(tmp_path / "m.bin")


# with -loss ova fastText looks probabilities up in a table of 512
@pytest.mark.interop
@pytest.mark.parametrize("options", [{"wordNgrams": 2}, {"minn": 2, "maxn": 4, "loss": "ova"}, {"wordNgrams": 1}])
def test_answers_are_those_of_fasttext(tmp_path: Path, options: dict[str, Any]) -> None:
    fasttext = pytest.importorskip("fasttext")
    file, path = tmp_path / "train.txt", tmp_path / "m.bin"
    file.write_text("".join(f"__label__{y} {x}\n" for x, y in zip(TEXTS, LABELS, strict=True)), encoding="utf-8")
    model = fasttext.train_supervised(str(file), dim=8, bucket=1000, epoch=20, thread=1, verbose=0, **options)
    model.save_model(str(path))
    ours = TextClassifier.from_fasttext(path)
    for text, p in zip(UNSEEN[0], ours.predict_proba(UNSEEN[0]), strict=True):
        found = dict(zip(*model.predict(text + " unseenword", k=2), strict=True))
        again = ours.predict_proba([text + " unseenword"])[0]
        np.testing.assert_allclose(again, [found[f"__label__{label}"] for label in ours.classes_], atol=5e-3)
        assert p.shape == (2,)
