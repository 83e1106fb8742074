"""Masked words on the command line: `fit-encoder --objective masked`, and `--start` of taggers and classifiers."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.label_examples import topic_texts
from tests.helpers.examples.tag_models import named_sentences, without_columns, write_tagged
from tests.helpers.examples.text_models import counting_model, interrupting
from w2v import Embeddings, SentenceEncoder, Tagger, TextClassifier

NAMED = without_columns(named_sentences(60))
TEXTS, LABELS = topic_texts()
MASKED = ("--objective", "masked", "--architecture", "attention", "--hidden-size", 8, "--heads", 2, "--steps", 20,
          "--batch-size", 16, "--evaluate-every", 10, "--min-tokens", 2, "--workers", 1)  # fmt: skip
FEW = ("--epochs", 1, "--workers", 1, "--batch-tokens", 128)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    words = sorted({w.lower() for own in NAMED.sentences for w in own} | {w for text in TEXTS for w in text.split()})
    rng = np.random.default_rng(1)
    Embeddings(words, rng.normal(size=(len(words), 6)).astype(np.float32)).save(tmp_path / "my.model")
    return tmp_path / "my.model"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    lines = [*(" ".join(words) for words in NAMED.sentences), *TEXTS]
    (tmp_path / "corpus.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "corpus.txt"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "topics.tsv"
    path.write_text("".join(f"{y}\t{x}\n" for x, y in zip(TEXTS, LABELS, strict=True)), encoding="utf-8")
    return path


def test_masked_layers_go_on_into_encoder_tagger_and_classifier(
    model: Path, corpus: Path, labels: Path, tmp_path: Path
) -> None:
    masked = tmp_path / "masked.encoder"
    result = run("fit-encoder", model, corpus, "-o", masked, *MASKED)
    assert result.exit_code == 0, result.output
    assert "words predicted" in result.stdout and "masked" in result.stdout and "%" in result.stdout
    again = run("fit-encoder", model, corpus, "-o", tmp_path / "again", *MASKED, "--json")
    history = json.loads(again.stdout)["history"]
    assert history[-1]["stage"] == "masked" and 0 <= history[-1]["accuracy"] <= 1
    one, other = (SentenceEncoder.load(folder).state_ for folder in (masked, tmp_path / "again"))
    assert one.parameters is not None and other.parameters is not None
    assert np.array_equal(one.parameters.flat, other.parameters.flat)

    tags = write_tagged(tmp_path / "train.conll", NAMED)
    for command, data, kind in (("fit-tagger", tags, Tagger), ("fit-classifier", labels, TextClassifier)):
        output, still = tmp_path / command, ("--learning-rate", 0)
        result = run(command, data, "-o", output, *FEW, *still, "--start", masked, "--json")
        assert result.exit_code == 0, result.output
        network = kind.load(output).network_
        assert network.config.encoder.dim == 8 and network.config.encoder.mixer == "attention"
        for name in ("layers.0.attention.query.weight", "norm.gain"):
            assert np.array_equal(network.parameters[f"encoder.{name}"], one.parameters[name])
        wrong = run(command, data, "-o", tmp_path / "x", *FEW, "--start", masked, "--hidden-size", 16)
        assert_mistake(wrong, 1, "trained with --hidden-size 8, not --hidden-size 16: leave --hidden-size out")
        wrong = run(command, data, "-o", tmp_path / "x", *FEW, "--start", masked, "--architecture", "recurrent")
        assert_mistake(wrong, 1, "trained with architecture attention, not architecture recurrent")
        assert_mistake(run(command, data, "-o", tmp_path / "x", "--start", model), 1, "has no layers")
        assert_mistake(run(command, data, "-o", tmp_path / "x", "--start", tmp_path / "none"), 1, "none")
        assert_mistake(run(command, data, "-o", tmp_path / "x", "--start", corpus), 1, "is a file, not a model folder")
        both = run(command, data, "-o", tmp_path / command, *FEW, "--start", masked, "--vectors", model, "--overwrite")
        assert both.exit_code == 0, both.output
        assert kind.load(output).network_.config.inputs.given_size == 12
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{a}\t{b}\n" for a, b in zip(TEXTS, TEXTS[1:], strict=False)), encoding="utf-8")
    further = ("--pairs", pairs, "--steps", 5, "--batch-size", 8, "--workers", 1)
    result = run("fit-encoder", masked, *further, "-o", tmp_path / "my.encoder", "--json")
    assert result.exit_code == 0, result.output
    assert_mistake(
        run("fit-encoder", masked, *further, "-o", tmp_path / "x", "--layers", 2), 1, "layers 1, not layers 2"
    )
    assert not (tmp_path / "x").exists()


def test_other_models_are_no_start(labels: Path, tmp_path: Path) -> None:
    counting_model().save(tmp_path / "my.lm")
    result = run("fit-classifier", labels, "-o", tmp_path / "x", "--start", tmp_path / "my.lm")
    assert_mistake(result, 1, "language-model")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--architecture", "static"), "is for a network: give architecture attention"),
        (("--min-tokens", 39), "0 sentences with 39 to 40 known words"),
    ],
)
def test_mistakes_end_with_one_sentence(
    model: Path, corpus: Path, tmp_path: Path, arguments: tuple[object, ...], message: str
) -> None:
    result = run("fit-encoder", model, corpus, "-o", tmp_path / "x", *MASKED, *arguments)
    assert_mistake(result, result.exit_code, message)
    if "static" in arguments:
        result = run("fit-encoder", model, corpus, "-o", tmp_path / "x", "--objective", "masked", *arguments)
        assert_mistake(result, 1, "trains a network, and this encoder has none")
    assert result.exit_code in (1, 2) and not (tmp_path / "x").exists()


def test_ctrl_c_saves_and_resume_goes_on(
    model: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("fit-encoder", model, corpus, "-o", tmp_path / "whole", *MASKED).exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr("w2v.encoder.training.fitting.show_fitting", interrupting(10, signal.SIGINT))
        ended = run("fit-encoder", model, corpus, "-o", tmp_path / "m", *MASKED)
    assert ended.exit_code == 130 and f"w2v fit-encoder --resume {tmp_path / 'm'}" in ended.stderr
    resumed = run("fit-encoder", "--resume", tmp_path / "m")
    assert resumed.exit_code == 0, resumed.output
    states = [SentenceEncoder.load(tmp_path / name).state_ for name in ("whole", "m")]
    assert states[0].parameters is not None and states[1].parameters is not None
    assert np.array_equal(states[0].parameters.flat, states[1].parameters.flat)
