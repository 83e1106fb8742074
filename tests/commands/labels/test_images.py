"""The commands fit-images and label-images, and pictures in encode, index, search and info."""

from __future__ import annotations

import json
import signal
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.pictures import bars, write_folder, write_idx
from tests.helpers.examples.text_models import assert_same, interrupting
from w2v import ImageClassifier
from w2v.commands.shared.option_names import option_name
from w2v.encoder.retrieval import SentenceIndex
from w2v.neural.tasks.images.parameters import ImageParameters

PIXELS, LABELS = bars(120)
OTHERS, WANTED = bars(40, 2)
FEW = (
    "--hidden-size", 16, "--heads", 2, "--layers", 1, "--epochs", 4, "--batch-size", 16, "--evaluate-every", 8,
    "--workers", 1, "--averaged", 1, "--warmup", 10, "--learning-rate", 0.01, "--rotate", 0, "--zoom", 0,
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with pictures and a classifier of them, made by the command."""
    place = tmp_path_factory.mktemp("images")
    write_folder(place / "bars", PIXELS, LABELS)
    write_folder(place / "others", OTHERS, WANTED)
    result = run("fit-images", place / "bars", "-o", place / "m", *FEW, "--epochs", 30, "--json")
    assert result.exit_code == 0, result.output
    (place / "summary.json").write_text(result.stdout)
    return place


def test_fit_images_trains_saves_and_reports(place: Path) -> None:
    summary = json.loads((place / "summary.json").read_text())
    classifier = ImageClassifier.load(place / "m")
    assert summary["history"] == classifier.history_ and summary["classes"] == 2
    assert summary["pictures"] == {"trained": 108, "held_out": 12} and summary["accuracy"] > 0.8
    assert {"held_out_loss", "steps", "seconds", "parameters"} <= set(summary)
    assert_mistake(run("fit-images", place / "bars", "-o", place / "m", *FEW), 1, "exists already")


def test_fit_images_has_an_option_for_every_parameter_but_the_shape_of_flat_pictures() -> None:
    text = run("fit-images", "--help-all").stdout
    missing = {one.name for one in fields(ImageParameters) if option_name(one.name, of_network=True) not in text}
    assert missing == {"image_shape"}


def test_label_images_names_pictures_and_says_how_often_it_is_right(place: Path) -> None:
    files = sorted((place / "others").rglob("*.png"))
    result = run("label-images", place / "m", *files)
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    classifier = ImageClassifier.load(place / "m")
    assert [line[0] for line in lines] == [str(file) for file in files]
    assert [line[1] for line in lines] == classifier.predict(files).tolist() and result.stderr == ""
    result = run("label-images", place / "m", place / "others", "--top", 2, "--json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(found) == 40 and all(len(one["labels"]) == 2 for one in found)
    assert {one["expected"] for one in found} == {"lying", "upright"}
    right = [one["labels"][0]["label"] == one["expected"] for one in found]
    assert np.mean(right) > 0.8 and f"accuracy {100 * np.mean(right):.2f} % of 40 pictures" in result.stderr
    wrong = run("label-images", place / "m", place / "others", "--wrong").stdout.splitlines()
    assert len(wrong) == 40 - sum(right) and all("\tnot " in line for line in wrong)


def test_attention_and_confusions_are_drawn(place: Path, tmp_path: Path) -> None:
    look, mistakes = tmp_path / "look.png", tmp_path / "mistakes.svg"
    result = run(
        "label-images", place / "m", place / "others", "--attention", look, "--confusion", mistakes, "--layer", 1
    )
    assert result.exit_code == 0 and f"Drawn: {look}" in result.stderr and f"Drawn: {mistakes}" in result.stderr
    with Image.open(look) as drawn:
        assert drawn.size[0] > 100
    assert mistakes.read_text().startswith("<?xml")
    one = sorted((place / "others").rglob("*.png"))[0]
    assert_mistake(
        run("label-images", place / "m", one, "--confusion", tmp_path / "x.png"), 1, "has no labels to compare with"
    )
    assert_mistake(run("label-images", place / "m", one, "--attention", look), 1, "exists already")
    assert_mistake(run("label-images", place / "m", one, "--attention", tmp_path / "x.gif"), 1, ".png or .svg")
    assert_mistake(
        run("label-images", place / "m", one, "--attention", tmp_path / "x.png", "--layer", 2), 1, "layer must"
    )


@pytest.mark.parametrize("is_terminated", [False, True])
def test_fit_images_is_interrupted_and_resumed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_terminated: bool
) -> None:
    whole, output = tmp_path / "whole", tmp_path / "m"
    options = (place / "bars", *FEW, "--size", 6, 6, "--flip", "--cutout", 2)
    assert run("fit-images", *options, "-o", whole).exit_code == 0
    with monkeypatch.context() as patch:
        number = signal.SIGTERM if is_terminated else signal.SIGINT
        patch.setattr("w2v.neural.tasks.estimator.show_fitting", interrupting(10, number))
        result = run("fit-images", *options, "-o", output)
    assert result.exit_code == (143 if is_terminated else 130), result.output
    assert f"resume with: w2v fit-images --resume {output}" in result.stderr and result.stdout == ""
    assert json.loads(run("info", output, "--json").stdout)["training"]["complete"] is False
    assert_mistake(run("fit-images", "--resume", output, "--hidden-size", 3), 2, "uses the original options")
    resumed = run("fit-images", "--resume", output)
    assert resumed.exit_code == 0, resumed.output
    assert_same(ImageClassifier.load(output).network_, ImageClassifier.load(whole).network_)
    assert_mistake(run("fit-images", "--resume", output), 1, "training is complete, there is nothing to resume")
    assert_mistake(run("fit-lm", "--resume", output), 1, "'image-classifier', not 'language-model'", "w2v label-images")


def test_info_tells_what_a_classifier_is(place: Path) -> None:
    described = json.loads(run("info", place / "m", "--json").stdout)
    assert described["kind"] == "image classifier" and described["picture"] == "8 x 8 x 1"
    assert described["patches"] == "4 x 4, 2 pixels wide" and described["labels"] == ["lying", "upright"]
    text = run("info", place / "m").stdout
    assert "accuracy" in text and str(place / "bars") in text


def test_encode_makes_vectors_of_pictures(place: Path, tmp_path: Path) -> None:
    write_idx(tmp_path / "o-images-idx3-ubyte.gz", OTHERS)
    output, classifier = tmp_path / "v.npy", ImageClassifier.load(place / "m")
    result = run("encode", place / "m", tmp_path / "o-images-idx3-ubyte.gz", "-o", output)
    assert result.exit_code == 0, result.output
    vectors, expected = np.load(output), classifier.transform(OTHERS)
    np.testing.assert_allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)
    assert run("encode", place / "m", place / "others", "-o", tmp_path / "few.npy", "--truncate-dim", 3,
               "--dtype", "float16", "--no-normalize").exit_code == 0  # fmt: skip
    assert np.load(tmp_path / "few.npy").shape == (40, 3) and np.load(tmp_path / "few.npy").dtype == np.float16
    lines = run("encode", place / "m", place / "others", "--jsonl").stdout.splitlines()
    assert len(lines) == 40 and json.loads(lines[0])["sentence"].endswith(".png")
    assert_mistake(run("encode", place / "m", "-", "-o", tmp_path / "x.npy"), 1, "no such file or folder")


def test_nearest_pictures_are_found_by_the_index_of_sentences(place: Path, tmp_path: Path) -> None:
    index = tmp_path / "i"
    result = run("index", place / "m", place / "bars", "-o", index, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["sentences"] == 120
    asked = sorted((place / "others").rglob("*.png"))[:12]
    found = json.loads(run("search", index, *asked, "--top", 3, "--json").stdout)
    same = [Path(hit["sentence"]).parent.name == Path(one["query"]).parent.name for one in found for hit in one["hits"]]
    assert len(same) == 36 and np.mean(same) > 0.8
    own = sorted((place / "bars").rglob("*.png"))[5]
    [hit] = json.loads(run("search", index, own, "--top", 1, "--json").stdout)[0]["hits"]
    assert hit["sentence"] == str(own) and hit["similarity"] == pytest.approx(1, abs=1e-3)
    write_idx(tmp_path / "o.idx", OTHERS)
    more = run("index", index, tmp_path / "o.idx", "--append", "--json")
    assert more.exit_code == 0, more.output
    assert len(SentenceIndex.open(index)) == 160
    [hit] = json.loads(run("search", index, f"{tmp_path / 'o.idx'}#7", "--top", 1, "--json").stdout)[0]["hits"]
    assert hit["sentence"] == f"{tmp_path / 'o.idx'}#7"
    by_words = run("search", index, hit["sentence"], "--by", "words")
    assert_mistake(by_words, 1, "the index contains pictures, which have no words")
    described = json.loads(run("info", index, "--json").stdout)
    assert described["encoder"]["architecture"] == "attention" and described["sentences"] == 160
    assert_mistake(run("search", index, tmp_path / "absent.png"), 1, "absent.png: there is no such file")
    assert_mistake(run("index", place / "m", tmp_path / "absent", "-o", tmp_path / "x"), 1, "no such file or folder")
    assert not (tmp_path / "x").exists()


def test_near_duplicates_and_clusters_of_pictures(place: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes(next(iter(sorted((place / "bars").rglob("*.png")))).read_bytes())
    index = tmp_path / "i"
    assert run("index", place / "m", place / "bars", copy, "-o", index).exit_code == 0
    found = run("duplicates", index, "--threshold", 0.9999, "--exact", "--groups", "--jsonl")
    assert found.exit_code == 0, found.output
    groups = [{place["sentence"] for place in json.loads(line)["sentences"]} for line in found.stdout.splitlines()]
    assert any(str(copy) in group for group in groups)
    result = run("cluster", index, "-k", 2, "--json")
    assert result.exit_code == 0 and len(json.loads(result.stdout)) == 2, result.output


def test_mistakes_are_told_in_a_line(place: Path, tmp_path: Path) -> None:
    Image.new("L", (9, 5)).save(tmp_path / "wide.png")
    assert_mistake(run("label-images", place / "m", tmp_path / "wide.png"), 1, "5 × 9 × 1", "8 × 8 × 1 are expected")
    assert_mistake(run("label-images", place / "m", tmp_path / "absent.png"), 1, "absent.png: there is no such file")
    assert_mistake(run("fit-images", tmp_path / "absent", "-o", tmp_path / "x"), 1, "no such file or folder")
    assert_mistake(run("fit-images", tmp_path, "-o", tmp_path / "x"), 1, "the pictures have no labels")
    assert_mistake(run("fit-images", place / "bars" / "lying", "-o", tmp_path / "x"), 1, "the pictures have no labels")
    write_folder(tmp_path / "one", PIXELS[:4], np.array(["a"] * 4))
    assert_mistake(run("fit-images", tmp_path / "one", "-o", tmp_path / "x"), 1, "all 4 pictures have the label a")
    assert_mistake(run("fit-images", "-o", tmp_path / "x"), 2, "Missing argument")
    assert_mistake(run("fit-images", place / "bars"), 2, "Missing option '-o'")
    write_idx(tmp_path / "cut.idx", PIXELS)
    (tmp_path / "cut.idx").write_bytes((tmp_path / "cut.idx").read_bytes()[:-7])
    assert_mistake(run("fit-images", tmp_path / "cut.idx", "-o", tmp_path / "x"), 1, "cut.idx is truncated")
    (place / "bars2").mkdir()
    write_folder(place / "bars2", PIXELS, LABELS)
    Image.new("L", (9, 5)).save(place / "bars2" / "lying" / "wide.png")
    assert_mistake(run("fit-images", place / "bars2", "-o", tmp_path / "x"), 1, "2 sizes", "--size 8 8")
    assert not (tmp_path / "x").exists()
