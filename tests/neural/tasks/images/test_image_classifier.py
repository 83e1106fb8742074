"""`ImageClassifier`: what it learns, what it takes, and how a training goes on."""

from __future__ import annotations

import functools
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import estimator_checks

from tests.helpers.clock import Clock
from tests.helpers.examples.pictures import bars, write_folder, write_idx
from tests.helpers.examples.text_models import assert_same, ticking
from tests.helpers.examples.topic_examples import stop_at
from w2v import ImageClassifier, ModelError, TrainingInterrupted, Translator
from w2v.corpora import CorpusError
from w2v.corpora.images import read_pictures
from w2v.storage.tensors import read_tensors, write_tensors

SMALL: dict[str, Any] = {
    "dim": 16, "heads": 2, "layers": 1, "warmup": 10, "averaged": 2, "workers": 1, "batch_size": 16,
    "evaluate_every": 5, "rotate": 0.0, "zoom": 0.0,
}  # fmt: skip
PIXELS, LABELS = bars(200)
OTHERS, WANTED = bars(100, 2)


def small(**options: Any) -> ImageClassifier:
    return ImageClassifier(**{**SMALL, "epochs": 3, **options})


@functools.cache
def trained(**options: Any) -> ImageClassifier:
    """Return a classifier of bars; not to be changed."""
    return small(epochs=30, learning_rate=0.01, **options).fit(PIXELS, LABELS)


@pytest.mark.parametrize(
    "options",
    [
        {}, {"pooling": "token"}, {"architecture": "convolution"},
        *(pytest.param(options, marks=pytest.mark.slow)
          for options in ({"architecture": "recurrent"}, {"positions": "rotary"})),
    ],
    ids=lambda options: "-".join(options.values()) or "mean",
)  # fmt: skip
def test_learns_to_name_what_it_has_not_seen(options: dict[str, Any]) -> None:
    classifier = trained(**options)
    assert classifier.score(OTHERS, WANTED) > 0.95
    assert classifier.classes_.tolist() == ["lying", "upright"] and classifier.is_complete_
    assert classifier.predict(OTHERS).tolist() == classifier.classes_[
        classifier.predict_proba(OTHERS).argmax(axis=1)].tolist()  # fmt: skip
    np.testing.assert_allclose(classifier.predict_proba(OTHERS).sum(axis=1), 1, atol=1e-6)
    first, last = classifier.history_[0], classifier.history_[-1]
    assert last["held_out_loss"] < 0.7 * first["held_out_loss"] and last["accuracy"] > 0.9


def test_what_is_made_of_a_picture_depends_on_it_alone() -> None:
    classifier = trained()
    whole = classifier.transform(OTHERS)
    assert whole.shape == (100, 16)
    for workers in (1, 3):
        assert np.array_equal(classifier.transform(OTHERS, workers=workers), whole)
    assert np.array_equal(np.concatenate([classifier.transform(one[None]) for one in OTHERS[:20]]), whole[:20])
    each = np.concatenate([classifier.predict_proba(one[None]) for one in OTHERS[:20]])
    assert np.array_equal(each, classifier.predict_proba(OTHERS)[:20])
    near = whole @ whole.T / np.linalg.norm(whole, axis=1) / np.linalg.norm(whole, axis=1)[:, None]
    np.fill_diagonal(near, -1)
    assert np.mean(WANTED[near.argmax(axis=1)] == WANTED) > 0.9


def test_every_form_of_the_same_pictures_teaches_the_same(tmp_path: Path) -> None:
    order = np.argsort(LABELS, kind="stable")
    pixels, labels = PIXELS[order], LABELS[order]
    folder = write_folder(tmp_path / "p", pixels, labels)
    np.savez(tmp_path / "p.npz", x=pixels, y=labels)
    wanted = small().fit(pixels, labels)
    for given in (folder, tmp_path / "p.npz", read_pictures(folder)):
        assert_same(small().fit(given).network_, wanted.network_)
    assert_same(small().fit(pixels.reshape(200, -1), labels).network_, wanted.network_)
    assert_same(small(image_shape=(8, 8, 1)).fit(pixels.reshape(200, -1), labels.tolist()).network_, wanted.network_)
    assert np.array_equal(wanted.predict(folder), wanted.predict(pixels))
    assert wanted.score(folder) == wanted.score(pixels, labels)
    numbers = np.unique(labels, return_inverse=True)[1]
    with_numbers = small().fit(pixels, numbers)
    assert np.array_equal(with_numbers.network_.parameters.flat, wanted.network_.parameters.flat)
    assert with_numbers.predict(pixels).dtype == np.int64


def test_files_are_brought_to_the_range_and_size_that_were_trained_on(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", OTHERS, WANTED)
    pixels, labels = (OTHERS / 255).astype(np.float32), WANTED
    classifier = small(epochs=1).fit(pixels, labels)
    assert classifier.network_.metadata["pixels"]["top"] == pytest.approx(250 / 255)
    order = np.argsort(labels, kind="stable")
    np.testing.assert_allclose(
        classifier.transform(folder), classifier.transform(pixels[order] * (250 / 255)), atol=1e-5
    )
    scaled = small(epochs=1).fit(folder, size=(4, 6))
    assert scaled.network_.config.grid[:2] == (4, 6) and scaled.predict(folder).shape == (100,)
    assert scaled.network_.metadata["pixels"]["scaled"]


def test_colours_and_sides_that_patches_do_not_divide() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (60, 7, 10, 3), np.uint8)
    labels = pixels[..., 0].mean(axis=(1, 2)) > 127
    classifier = small(patch=3, flip=True, cutout=3, shift=2).fit(pixels, labels)
    assert classifier.network_.config.n_rows == 12 and classifier.predict(pixels).dtype == np.bool_
    assert classifier.attention(pixels[:5]).shape == (5, 2, 3, 4)


def test_attention_sums_to_one_and_says_where_there_is_none() -> None:
    for classifier in (trained(), trained(pooling="token")):
        found = classifier.attention(OTHERS[:7], layer=1)
        assert found.shape == (7, 2, 4, 4) and np.array_equal(found, classifier.attention(OTHERS[:7]))
        np.testing.assert_allclose(found.sum(axis=(2, 3)), 1, atol=1e-5)
    with pytest.raises(ValueError, match="layer must be from 1 to 1, not 2"):
        trained().attention(OTHERS, layer=2)
    with pytest.raises(ValueError, match="no attention to show: the architecture is recurrent"):
        trained(architecture="recurrent").attention(OTHERS)


def test_scikit_learn_knows_it(tmp_path: Path) -> None:
    classifier = trained()
    other = clone(classifier)
    assert other.get_params() == classifier.get_params() and not hasattr(other, "network_")
    again = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(again.predict_proba(OTHERS), classifier.predict_proba(OTHERS))
    classifier.save(tmp_path / "m")
    loaded = ImageClassifier.load(tmp_path / "m")
    assert loaded.get_params() == classifier.get_params() and loaded.history_ == classifier.history_
    assert np.array_equal(loaded.predict_proba(OTHERS), classifier.predict_proba(OTHERS))
    assert loaded.classes_.tolist() == classifier.classes_.tolist() and loaded.n_features_in_ == 64


CHECKS = [
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_estimators_unfitted,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_n_features_in,
    estimator_checks.check_n_features_in_after_fitting,
    estimator_checks.check_estimators_nan_inf,
    estimator_checks.check_estimators_empty_data_messages,
    estimator_checks.check_classifiers_one_label,
    estimator_checks.check_classifiers_regression_target,
    estimator_checks.check_supervised_y_no_nan,
    estimator_checks.check_complex_data,
    estimator_checks.check_estimator_sparse_array,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
def test_classifier_is_a_scikit_learn_estimator(check: Any) -> None:
    check("ImageClassifier", small(epochs=1))


@pytest.mark.parametrize("limit", [{}, {"max_time": 30.0, "epochs": None}], ids=["epochs", "max_time"])
def test_interrupted_training_ends_at_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict[str, Any]
) -> None:
    folder, clock = write_folder(tmp_path / "p", PIXELS, LABELS), Clock(monkeypatch)
    options = {"shift": 1, "rotate": 10.0, "zoom": 0.1, "flip": True, "cutout": 2, "pooling": "token", **limit}
    whole = small(**options).fit(folder, progress=ticking(clock))
    with pytest.raises(TrainingInterrupted):
        small(**options).fit(folder, progress=ticking(clock, 20), checkpoint=tmp_path / "out", checkpoint_every=0)
    loaded = ImageClassifier.load(tmp_path / "out")
    assert not loaded.is_complete_ and len(loaded.predict(OTHERS)) == 100  # the best so far can be used
    resumed = loaded.resume(checkpoint=tmp_path / "out", progress=ticking(clock))
    assert_same(resumed.network_, whole.network_)
    assert_same(ImageClassifier.load(tmp_path / "out").network_, whole.network_)
    with pytest.raises(ValueError, match="training is complete"):
        resumed.resume()


def test_what_changed_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", PIXELS, LABELS)
    with pytest.raises(TrainingInterrupted):
        small().fit(folder, size=(6, 6), checkpoint=tmp_path / "out", progress=stop_at(10))
    with pytest.raises(ValueError, match="shift is 3, but the interrupted training began with None"):
        ImageClassifier.load(tmp_path / "out").set_params(shift=3).resume()
    ImageClassifier.load(tmp_path / "out").set_params(workers=2).resume()
    (folder / "lying" / "new.png").write_bytes(next((folder / "upright").iterdir()).read_bytes())
    with pytest.raises(ValueError, match="another text"):
        ImageClassifier.load(tmp_path / "out").resume()
    with pytest.raises(TrainingInterrupted):
        small().fit(PIXELS, LABELS, checkpoint=tmp_path / "two", progress=stop_at(10))
    with pytest.raises(ValueError, match=r"were not in files: pass them again, in Python: ImageClassifier"):
        ImageClassifier.load(tmp_path / "two").resume()
    with pytest.raises(ModelError, match=r"w2v fit-images --resume .*two, or ImageClassifier\.load"):
        small().fit(PIXELS, LABELS, checkpoint=tmp_path / "two")
    assert_same(
        ImageClassifier.load(tmp_path / "two").resume(PIXELS, LABELS).network_, small().fit(PIXELS, LABELS).network_
    )


def test_pictures_to_measure_by(tmp_path: Path) -> None:
    write_idx(tmp_path / "val-images-idx3-ubyte", OTHERS)
    write_idx(tmp_path / "val-labels-idx1-ubyte", (WANTED == "upright").astype(np.uint8))
    numbers = (LABELS == "upright").astype(np.int64)
    found = small().fit(PIXELS, numbers, validation=tmp_path / "val-images-idx3-ubyte")
    assert found.network_.metadata["pictures"] == {"trained": 200, "held_out": 100}
    assert_same(small().fit(PIXELS, numbers, validation=(OTHERS, WANTED == "upright")).network_, found.network_)
    best = next(entry for entry in reversed(found.history_) if entry["best"])
    assert found.score(OTHERS, WANTED == "upright") == pytest.approx(best["accuracy"])
    held_out = small(held_out=7).fit(PIXELS, LABELS).network_.metadata["pictures"]
    assert held_out == {"trained": 193, "held_out": 7}


def test_classes_are_held_out_in_proportion_and_never_as_a_whole() -> None:
    from w2v.corpora.images import Pictures
    from w2v.neural.tasks.images.data import PictureData
    from w2v.neural.tasks.images.parameters import ImageParameters

    labels = np.repeat([0, 1, 2], [90, 30, 1])
    pictures = Pictures(np.zeros((121, 2, 2, 1), np.uint8), labels, [])
    for n, expected in ((12, {0: 9, 1: 3}), (118, {0: 89, 1: 29})):
        data = PictureData.of(pictures, None, ImageParameters(held_out=n), 1)
        assert sorted([*data.trained, *data.held_out]) == list(range(121))
        counts = dict(zip(*np.unique(labels[data.held_out], return_counts=True), strict=True))
        assert all(abs(counts[label] - expected[label]) <= 1 for label in expected) and 2 not in counts
    with pytest.raises(ValueError, match="119 of 121 pictures cannot be held out"):
        PictureData.of(pictures, None, ImageParameters(held_out=119), 1)


@pytest.mark.parametrize(
    ("options", "pixels", "labels", "message"),
    [
        ({}, PIXELS, LABELS[:7], "there are 200 pictures but 7 labels; each picture needs one label"),
        ({}, PIXELS, ["cat"] * 200, "all 200 pictures have the label cat: a classifier needs at least two classes"),
        ({}, PIXELS, None, "the pictures have no labels; give labels"),
        ({}, PIXELS, np.arange(200) / 3, "labels are text or whole numbers|Labels are text or whole numbers"),
        ({}, PIXELS[:2], LABELS[:2], "give more pictures|have the label"),
        ({}, [np.zeros((2, 2)), np.zeros((3, 3))], [0, 1], "the same size"),
        ({"held_out": 300}, PIXELS, LABELS, "300 of 200 pictures cannot be held out"),
        ({"patch": 9}, PIXELS, LABELS, "patch must be at most the longer side of 8 × 8"),
        ({"image_shape": (5, 5)}, PIXELS.reshape(200, -1), LABELS, "X has 64 features, but image_shape is 5 × 5, 25"),
        ({"image_shape": (0, 5)}, PIXELS, LABELS, r"image_shape must be \(height, width\)"),
        ({"dim": 30, "heads": 4}, PIXELS, LABELS, "dim must be a multiple of heads: 30"),
        ({"pooling": "max"}, PIXELS, LABELS, "pooling must be 'mean' or 'token'"),
        ({"cutout": -1}, PIXELS, LABELS, "cutout must be a whole number from 0"),
    ],
)
def test_what_makes_no_sense_is_told(options: dict[str, Any], pixels: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**options).fit(pixels, labels)


def test_pictures_of_another_size_are_told(tmp_path: Path) -> None:
    classifier = trained()
    refusal = "8 × 8 × 1 are expected; (scale them|convert them)|expecting 64 features"
    for wrong in (np.zeros((3, 9, 8)), np.zeros((3, 8, 8, 3)), np.zeros((3, 16))):
        with pytest.raises(ValueError, match=refusal):
            classifier.predict(wrong)
    with pytest.raises(CorpusError, match="no such file"):
        classifier.predict(tmp_path / "absent.png")
    with pytest.raises(ValueError, match="validation picture has the label slanted, but no training picture"):
        small().fit(PIXELS, LABELS, validation=(OTHERS[:2], ["upright", "slanted"]))
    with pytest.raises(ValueError, match="pass y"):
        classifier.score(OTHERS)
    with pytest.raises(ValueError, match="size is for files"):
        small().fit(PIXELS, LABELS, size=(4, 4))
    with pytest.raises(ValueError, match="the same size"):
        classifier.predict([[1, 2], [3]])


def test_flat_pictures_lie_as_those_that_were_trained_on() -> None:
    wide = PIXELS[:, :, 1:7]
    classifier = small().fit(wide, LABELS)
    flat = wide.reshape(200, -1)
    assert np.array_equal(classifier.predict(flat), classifier.predict(wide))
    assert np.array_equal(classifier.predict(flat.tolist()), classifier.predict(wide))


CHANGES: list[tuple[str, Any, str]] = [
    ("format_version", 99, "written by a newer version of w2v"),
    ("kind", "translator", r"open it with w2v translate, or Translator\.load"),
    ("network", {}, "is damaged"),
    ("network.encoder.layers", 10**9, "layers must be a whole number"),
    ("network.patch", 0, "patch must be a whole number"),
    ("network.height", 10**9, "height must be a whole number"),
    ("network.n_classes", 3, r"array 'output.bias' has shape \(2,\)"),
    ("labels", ["a", 1], "labels must all be text"),
    ("labels", ["b", "a"], "labels are not sorted"),
    ("labels", "ab", "the number of labels differs"),
    ("pixels", {}, "is damaged"),
    ("pixels.mean", [1, 2], "the mean of pixels is not one number per channel"),
    ("pixels.deviation", [0], "must be above 0"),
    ("pixels.scaled", 1, "scaled must be true or false"),
    ("parameters", {"image_shape": [1]}, "image_shape must be"),
    ("history", [1], "its history contains entries that are not measurements"),
]


@pytest.mark.parametrize(("name", "value", "message"), CHANGES, ids=[f"{name}-{value}" for name, value, _ in CHANGES])
def test_folder_that_is_damaged_is_refused(name: str, value: Any, message: str, tmp_path: Path) -> None:
    trained().save(tmp_path / "m")
    file = tmp_path / "m" / "config.json"
    config = json.loads(file.read_text())
    place, *path = config, *name.split(".")
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    file.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=message):
        ImageClassifier.load(tmp_path / "m")


def test_folder_holds_what_it_says(tmp_path: Path) -> None:
    trained().save(tmp_path / "m")
    expected = {"config.json", "network.safetensors", "examples.json", "examples.safetensors"}
    assert {file.name for file in (tmp_path / "m").iterdir()} == expected
    with pytest.raises(ModelError, match=r"w2v label-images, or ImageClassifier\.load"):
        Translator.load(tmp_path / "m")
    arrays = {name: array.copy() for name, array in read_tensors(tmp_path / "m" / "network.safetensors").items()}
    arrays["patches.weight"][0, 0] = np.nan
    write_tensors(tmp_path / "m" / "network.safetensors", arrays)
    with pytest.raises(ModelError, match=r"network.safetensors is damaged: .*finite"):
        ImageClassifier.load(tmp_path / "m")


def test_same_seed_same_bits_and_threads_change_the_last_only() -> None:
    def parameters(**options: Any) -> NDArray[np.float32]:
        found: NDArray[np.float32] = small(**options).fit(PIXELS, LABELS).network_.parameters.flat
        return found

    first = parameters()
    assert np.array_equal(parameters(), first) and not np.array_equal(parameters(random_state=2), first)
    np.testing.assert_allclose(parameters(workers=2), first, atol=1e-2)
