"""Classifiers made small, and those of fastText."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.examples.label_examples import layered_classifier, topic_classifier, topic_texts
from w2v import ModelError, TextClassifier
from w2v.formats.fasttext_classifiers import read_fasttext_classifier
from w2v.neural.tasks.labels.classification.answering import opened_linear
from w2v.neural.tasks.labels.classification.ngrams.linear import linear_logits
from w2v.storage.tensors import write_tensors

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
    with pytest.raises(ValueError, match="does not fit in 100 bytes"):
        topic_classifier().compress(100)
    with pytest.raises(ValueError, match="has layers"):
        layered_classifier().compress()
    with pytest.raises(ValueError, match="is already compressed"):
        topic_classifier().compress().compress()


def test_damaged_small_folders_are_refused(tmp_path: Path) -> None:
    topic_classifier().compress().save(tmp_path / "m")
    (tmp_path / "m" / "rows.safetensors").write_bytes((tmp_path / "m" / "buckets.safetensors").read_bytes())
    with pytest.raises(ModelError, match="bytes of .* features are missing"):
        TextClassifier.load(tmp_path / "m")


def matrix(array: Any) -> bytes:
    values: NDArray[np.float32] = np.asarray(array, "<f4")
    return struct.pack("<2q", *values.shape) + values.tobytes()


def quantised(codes: Any, dim: int, norms: Any = None, width: int = 2) -> bytes:
    """Return a matrix whose columns, `width` at a time, are centroids: number i has i in all columns, or i + 1 / 2."""
    numbers: NDArray[np.uint8] = np.asarray(codes, np.uint8)
    head = struct.pack("<?2qi", norms is not None, len(numbers), dim, numbers.size) + numbers.tobytes()
    number = np.arange(256, dtype="<f4")

    def quantiser(dim: int, width: int) -> bytes:
        parts = -(-dim // width)
        last = dim - (parts - 1) * width
        sizes = [width] * (parts - 1) + [last]
        flat = [np.repeat(number + part / 2, size) for part, size in enumerate(sizes)]
        return struct.pack("<4i", dim, parts, width, last) + bytes(np.concatenate(flat).tobytes())

    tail = b"" if norms is None else bytes(norms) + quantiser(1, 1)
    return head + quantiser(dim, width) + tail


LABELS_OF_FASTTEXT = (b"z", b"a", b"m")


def supervised(
    loss: int = 3, model: int = 3, labels: int = 2, version: int = 12, pruned: Any = None, table: Any = None,
    output: Any = None,
) -> bytes:  # fmt: skip
    """Return a model of two words, some labels and four buckets, as fastText writes it."""
    settings = struct.pack("<12id", 3, 5, 5, 1, 5, 2, loss, model, 4, 2, 3, 100, 1e-4)
    sizes = struct.pack("<3i2q", 2 + labels, 2, labels, 10, -1 if pruned is None else len(pruned))
    words = b"".join(name + b"\0" + struct.pack("<qb", 3, 0) for name in (b"</s>", b"river"))
    names = b"".join(
        b"__label__" + name + b"\0" + struct.pack("<qb", 6 - 2 * i, 1)
        for i, name in enumerate(LABELS_OF_FASTTEXT[:labels])
    )
    names += b"".join(struct.pack("<2i", *pair) for pair in pruned or ())
    table = b"\0" + matrix(np.arange(18).reshape(6, 3) / 10) if table is None else b"\1" + table
    output = b"\0" + matrix(np.eye(3)[:labels]) if output is None else b"\1" + output
    head = struct.pack("<2i", 793712314, version) + settings + sizes + words + names
    return b"".join((head, table, output))


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


def test_a_tree_of_labels_is_read_and_kept(tmp_path: Path) -> None:
    (tmp_path / "hs.bin").write_bytes(supervised(loss=1, labels=3))
    model = TextClassifier.from_fasttext(tmp_path / "hs.bin")
    network = model.network_
    opened = opened_linear(network.config, network.parameters, network.units["features"], network.further)
    [first, second, *_] = linear_logits(opened.linear, opened.features.find(["river"]))[0].astype(float)
    # counts 6, 4, 2: m and a are merged first, node 0; then they with z, node 1; each time yes leads to the latter
    yes = [1 / (1 + np.exp(-z)) for z in (first, second)]
    expected = {"z": yes[1], "a": (1 - yes[1]) * yes[0], "m": (1 - yes[1]) * (1 - yes[0])}
    p = model.predict_proba(["river"])[0]
    np.testing.assert_allclose(p, [expected[label] for label in ("a", "m", "z")], atol=1e-6)
    for name, kept in (("large", model), ("small", model.compress())):
        kept.save(tmp_path / name)
        loaded = TextClassifier.load(tmp_path / name)
        assert np.array_equal(loaded.predict_proba(["river"]), kept.predict_proba(["river"]))
    np.testing.assert_allclose(model.compress().predict_proba(["river"])[0], p, atol=0.01)
    write_tensors(tmp_path / "large" / "tree.safetensors", {"offsets": np.zeros(4, np.int64)})
    with pytest.raises(ModelError, match="tree of its classes does not contain 'nodes'"):
        TextClassifier.load(tmp_path / "large")


def test_quantised_models_are_read(tmp_path: Path) -> None:
    codes = np.arange(8).reshape(4, 2)
    pruned = [(3, 1), (0, 0)]  # buckets, and their rows behind those of words
    table = quantised(codes, 3, norms=[1, 2, 3, 4])
    (tmp_path / "m.ftz").write_bytes(supervised(pruned=pruned, table=table, output=quantised([[1, 2], [3, 4]], 3)))
    read = read_fasttext_classifier(tmp_path / "m.ftz")
    expected = np.column_stack([codes[:, 0], codes[:, 0], codes[:, 1] + 0.5])
    assert read.table.tolist() == (expected * np.arange(1, 5)[:, None]).tolist()
    assert read.output.tolist() == [[1, 1, 2.5], [3, 3, 4.5]] and read.buckets.tolist() == [0, 3]
    assert TextClassifier.from_fasttext(tmp_path / "m.ftz").network_.config.n_rows == 4
    (tmp_path / "whole.ftz").write_bytes(supervised(table=quantised(np.arange(12).reshape(6, 2), 3)))
    assert read_fasttext_classifier(tmp_path / "whole.ftz").buckets.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (supervised(model=2), "holds word vectors of fastText, not a classifier"),
        (supervised(loss=9), "an unknown loss, number 9"),
        (supervised(pruned=[(1, 0)]), "pruned, but not quantised"),
        (supervised(pruned=[(1, 1)], table=quantised([[0, 0]] * 3, 3)), "list of pruned entries"),
        (supervised(pruned=[(9, 0)], table=quantised([[0, 0]] * 3, 3)), r"must lie in \[0, 4\)"),
        (supervised(table=quantised([[0, 0]] * 5, 3)), "10 codes do not fit 6 rows"),
        (supervised(table=quantised([[0, 0]] * 6, 3, width=3)), "quantiser, of 3 columns in 1 parts, is damaged"),
        (supervised(table=quantised([[0, 0]] * 6, 3)[:-3000]), "ends within|truncated|damaged"),
        (supervised(output=quantised([[0, 0]] * 3, 3)), "codes do not fit 2 rows"),
        (supervised(labels=0), "vectors of 0 labels"),
        (supervised(version=13), "format 13"),
        (supervised() + b"x", "file continues after"),
        (supervised()[:-5], "truncated"),
        (supervised()[:100], "truncated|no end"),
        (supervised().replace(b"river", b"</s>\0"), "wrong kind|is repeated|no end|truncated|damaged"),
        (b"plain text", "not a binary fastText model"),
    ],
)
def test_damaged_models_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "m.bin").write_bytes(data)
    with pytest.raises(ModelError, match=message):
        TextClassifier.from_fasttext(tmp_path / "m.bin")


# with -loss ova fastText looks probabilities up in a table of 512; else it adds 1e-5 to p, and to each branch of a tree
@pytest.mark.interop
@pytest.mark.parametrize(
    ("options", "smaller", "apart"),
    [
        ({"wordNgrams": 2}, None, 1.1e-5),
        ({"wordNgrams": 1}, None, 1.1e-5),
        ({"minn": 2, "maxn": 4, "loss": "ova"}, None, 0.01),
        ({"minn": 2, "maxn": 3, "loss": "hs"}, None, 3e-5),
        ({"wordNgrams": 2, "loss": "hs"}, {"qnorm": True}, 3e-5),
        ({"wordNgrams": 2}, {"cutoff": 300, "dsub": 3}, 1.1e-5),
    ],
)
def test_answers_are_those_of_fasttext(
    tmp_path: Path, options: dict[str, Any], smaller: dict[str, Any] | None, apart: float
) -> None:
    fasttext = pytest.importorskip("fasttext")
    file, path = tmp_path / "train.txt", tmp_path / "m.bin"
    rows = [(f"{y}{i % 3}", f"{x} w{i % 300}") for i, (x, y) in enumerate(zip(TEXTS * 2, LABELS * 2, strict=True))]
    file.write_text("".join(f"__label__{y} {x}\n" for y, x in rows), encoding="utf-8")
    model = fasttext.train_supervised(str(file), dim=8, bucket=1000, epoch=20, thread=1, verbose=0, **options)
    if smaller is not None:
        model.quantize(input=str(file), **smaller)
    model.save_model(str(path))
    ours = TextClassifier.from_fasttext(path)
    for text in UNSEEN[0]:
        found = dict(zip(*model.predict(text + " unseenword", k=6), strict=True))
        again = ours.predict_proba([text + " unseenword"])[0]
        np.testing.assert_allclose(again, [found[f"__label__{label}"] for label in ours.classes_], atol=apart)
