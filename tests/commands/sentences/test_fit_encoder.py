"""The command fit-encoder."""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.topic_examples import N_TOPICS, WORDS_EACH, make_paragraphs, make_words, topic_margin
from w2v.commands.shared.option_names import option_name
from w2v.encoder import SentenceEncoder
from w2v.encoder.parameters import OF_START
from w2v.encoder.training.fit_options import FitOptions

FEW = ("--steps", 40, "--batch-size", 16, "--learning-rate", 0.02, "--evaluate-every", 10, "--workers", 1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    make_words().save(tmp_path / "my.model")
    return tmp_path / "my.model"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(make_paragraphs()) + "\n")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    path = tmp_path / "pairs.tsv"
    lines = []
    for _ in range(100):
        topic = rng.integers(N_TOPICS)
        one, two = (" ".join(f"t{topic}w{i}" for i in rng.choice(WORDS_EACH, 4, replace=False)) for _ in range(2))
        lines.append(f"{one}\t{two}\n")
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("architecture", ["static", "attention"])
def test_fit_encoder_trains_saves_and_reports(model: Path, corpus: Path, tmp_path: Path, architecture: str) -> None:
    output = tmp_path / "my.encoder"
    network = ("--hidden-size", 8, "--heads", 2, "--positions", "learned") if architecture == "attention" else ()
    arguments = ("fit-encoder", model, corpus, "-o", output, "--architecture", architecture, *network, *FEW)
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["history"] == SentenceEncoder.load(output).history_
    result = run(*arguments, "--overwrite")
    assert result.exit_code == 0, result.output
    encoder = SentenceEncoder.load(output)
    assert topic_margin(encoder) != topic_margin(SentenceEncoder(make_words()))
    losses = [entry["held_out_loss"] for entry in encoder.history_]
    assert min(losses) < 0.9 * losses[0]
    config = encoder.state.network
    assert (config is None) == (architecture == "static")
    assert config is None or (config.dim, config.heads, config.positions) == (8, 2, "learned")
    assert "held-out loss" in result.stdout and "40 steps" in result.stdout and str(output) in result.stdout
    assert_mistake(run("fit-encoder", model, corpus, "-o", output, *FEW), 1, "exists already")


def test_fit_encoder_goes_on_from_an_encoder_with_pairs(model: Path, corpus: Path, pairs: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    assert run("fit-encoder", model, corpus, "-o", first, *FEW).exit_code == 0
    result = run("fit-encoder", first, "--pairs", pairs, "-o", tmp_path / "second", *FEW, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert {entry["stage"] for entry in summary["history"]} == {"pairs"}
    assert summary["steps"] == 40 and summary["architecture"] == "static"
    both = run("fit-encoder", model, corpus, "--pairs", pairs, "-o", tmp_path / "both", *FEW, "--json")
    assert [*dict.fromkeys(entry["stage"] for entry in json.loads(both.stdout)["history"])] == ["corpus", "pairs"]


def test_fit_encoder_imitates_a_teacher(model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    topics = rng.integers(N_TOPICS, size=200)
    text, teacher = tmp_path / "sentences.txt", tmp_path / "vectors.npy"
    text.write_text("".join(" ".join(f"t{t}w{i}" for i in rng.choice(WORDS_EACH, 5)) + "\n" for t in topics))
    vectors = np.eye(N_TOPICS, dtype=np.float32)[topics]
    np.save(teacher, vectors)
    arguments = ("fit-encoder", model, text, "--teacher", teacher, "-o", tmp_path / "e", *FEW)
    assert run(*arguments).exit_code == 0
    assert topic_margin(SentenceEncoder.load(tmp_path / "e")) > topic_margin(SentenceEncoder(make_words())) + 0.05
    for wrong, message in (
        (vectors[:-1], "give one row for each line"),
        (np.full_like(vectors, np.nan), "vectors.npy: the vector of sentence 1 is not finite"),
        (vectors.astype(int), "must be floating-point numbers"),
    ):
        np.save(teacher, wrong)
        assert_mistake(run(*arguments, "--overwrite"), 1, message)
    teacher.write_text("x")
    assert_mistake(run(*arguments, "--overwrite"), 1, "vectors.npy is not a .npy file")
    teacher.unlink()
    assert_mistake(run(*arguments, "--overwrite"), 1, "vectors.npy")


def interrupting(number: int) -> Any:
    """Return what stands in for the display of progress and sends a signal at step 20."""

    @contextmanager
    def show(progress: Any, corpus: Any) -> Any:
        def report(state: Any) -> None:
            if state.phase == "training" and state.step == 20:
                os.kill(os.getpid(), number)

        yield report

    return show


def test_bytes_that_are_not_utf_8_are_replaced_where_that_is_asked_for_and_when_resumed(
    model: Path, corpus: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, whole = tmp_path / "my.encoder", tmp_path / "whole"
    arguments = ("fit-encoder", model, corpus, "--pairs", pairs, *FEW)
    for file in (corpus, pairs):
        content = file.read_bytes()
        file.write_bytes(content.replace(b"w1", b"w\xe91", 3))
        assert_mistake(run(*arguments, "-o", output), 1, file.name)
        if file == corpus:
            file.write_bytes(content)
    corpus.write_bytes(corpus.read_bytes().replace(b"w1", b"w\xe91", 3))
    assert not output.exists()
    assert run(*arguments, "-o", whole, "--errors", "replace").exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr("w2v.encoder.training.fitting.show_fitting", interrupting(signal.SIGINT))
        assert run(*arguments, "-o", output, "--errors", "replace").exit_code == 130
    assert run("fit-encoder", "--resume", output).exit_code == 0
    tables = [SentenceEncoder.load(folder).state.table for folder in (output, whole)]
    np.testing.assert_array_equal(tables[0], tables[1])


def test_fit_encoder_keeps_what_teachers_make(model: Path, corpus: Path, tmp_path: Path) -> None:
    teacher, cache, output = tmp_path / "teacher", tmp_path / "cache", tmp_path / "e"
    SentenceEncoder(make_words()).save(teacher)
    arguments = ("fit-encoder", model, corpus, "-o", output, *FEW, "--overwrite", "--json")
    assert_mistake(run(*arguments, "--teacher-cache", cache), 2, "give its folder with --teacher")
    first = run(*arguments, "--teacher", teacher, "--teacher-cache", cache)
    assert first.exit_code == 0, first.output
    assert SentenceEncoder.load(output).state.metadata["training"]["teacher_cache"] == str(cache)
    (rows,) = cache.glob("*/rows.bin")
    before = rows.stat()
    again = run(*arguments, "--teacher", teacher, "--teacher-cache", cache, "--teacher", teacher)
    assert again.exit_code == 0, again.output
    assert rows.stat().st_mtime_ns == before.st_mtime_ns and len(list(cache.iterdir())) == 1
    lines = len(set(corpus.read_text().splitlines()))
    assert before.st_size == lines * (8 + 2 * SentenceEncoder.load(teacher).dimension)
    rows.write_bytes(b"\xff" * before.st_size)  # no sentence is found in it, so all are made again
    assert run(*arguments, "--teacher", teacher, "--teacher-cache", cache).exit_code == 0
    assert rows.stat().st_size == 2 * before.st_size
    (rows.parent / "config.json").write_text("{")
    assert_mistake(run(*arguments, "--teacher", teacher, "--teacher-cache", cache), 1, "config.json is damaged")
    assert_mistake(
        run(*arguments, "--teacher", teacher, "--teacher-cache", model / "config.json"), 1, "cannot be written"
    )


def test_fit_encoder_chooses_by_itself(model: Path, corpus: Path, tmp_path: Path) -> None:
    network = ("--hidden-size", 8, "--heads", 2)
    arguments = ("fit-encoder", model, corpus, "-o", tmp_path / "e", *FEW, *network, "--choose")
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    compared = summary["comparison"]
    assert compared["gain"] == pytest.approx(1 - compared["network"] / compared["table"])
    assert summary["architecture"] == ("attention" if compared["gain"] else "static")
    shown = run(*arguments, "--overwrite").stdout
    kept = "the network" if compared["gain"] else "the word vectors alone"
    assert f"{kept}: held-out loss {compared['network']:.4f} with a network" in shown
    assert f"{compared['table']:.4f} without ({0 - compared['gain']:+.1%})" in shown
    assert_mistake(run(*arguments, "--overwrite", "--no-table-first"), 1, "so it does not go with --no-table-first")
    alone = ("fit-encoder", model, corpus, "-o", tmp_path / "e", *FEW, "--overwrite")
    assert_mistake(run(*alone, "--choose", "--architecture", "static"), 1, "compares an untrained network")
    plain = run(*alone, "--json")
    assert json.loads(plain.stdout)["comparison"] is None


@pytest.mark.parametrize("is_terminated", [False, True])
def test_fit_encoder_is_interrupted_and_resumed(
    model: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_terminated: bool
) -> None:
    whole, output = tmp_path / "whole", tmp_path / "my.encoder"
    assert run("fit-encoder", model, corpus, "-o", whole, *FEW).exit_code == 0
    with monkeypatch.context() as patch:
        number = signal.SIGTERM if is_terminated else signal.SIGINT
        patch.setattr("w2v.encoder.training.fitting.show_fitting", interrupting(number))
        result = run("fit-encoder", model, corpus, "-o", output, *FEW)
    assert result.exit_code == (143 if is_terminated else 130), result.output
    assert f"resume with: w2v fit-encoder --resume {output}" in result.stderr and result.stdout == ""
    assert not SentenceEncoder.load(output).is_complete_
    assert_mistake(run("fit-encoder", "--resume", output, "--steps", 3), 2, "uses the original options")
    assert_mistake(run("fit-encoder", "--resume", output, "-o", whole), 2, "--resume takes no --output")
    resumed = run("fit-encoder", "--resume", output)
    assert resumed.exit_code == 0, resumed.output
    np.testing.assert_allclose(
        SentenceEncoder.load(output).state.table, SentenceEncoder.load(whole).state.table, atol=1e-6
    )
    assert_mistake(run("fit-encoder", "--resume", output), 1, "training is complete, there is nothing to resume")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing argument 'MODEL'"),
        (["MODEL", "CORPUS"], 2, "Missing option '-o'"),
        (["MODEL", "-o", "out"], 2, "Nothing to train on"),
        (["MODEL", "-o", "out", "--pairs", "PAIRS", "--teacher", "t.npy"], 2, "--teacher needs CORPUS"),
        (["missing", "CORPUS", "-o", "out"], 1, "missing does not exist"),
        (["MODEL", "missing.txt", "-o", "out"], 1, "missing.txt"),
        (["MODEL", "CORPUS", "-o", "/dev/null/out"], 1, "/dev/null is not a folder"),
        (["MODEL", "CORPUS", "-o", "out", "--pairs", "missing.tsv"], 1, "missing.tsv"),
        (["MODEL", "-o", "out", "--pairs", "CORPUS"], 1, "corpus.txt"),
        (
            ["MODEL", "CORPUS", "-o", "out", "--architecture", "attention", "--hidden-size", 10, "--heads", 3],
            1,
            "multiple of",
        ),
        (
            ["MODEL", "CORPUS", "-o", "out", "--min-tokens", 9, "--max-tokens", 8],
            1,
            "--max-tokens must be at least --min-tokens",
        ),
        (["MODEL", "CORPUS", "-o", "out", "--min-tokens", 30], 1, "give paragraphs, one per line"),
    ],
)
def test_fit_encoder_reports_bad_input(
    model: Path, corpus: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: list[object], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    files: dict[object, object] = {"MODEL": model, "CORPUS": corpus, "PAIRS": pairs}
    before = sorted(os.listdir(tmp_path))
    assert_mistake(run("fit-encoder", *(files.get(argument, argument) for argument in arguments)), code, message)
    assert sorted(os.listdir(tmp_path)) == before


BAD_VALUES = {
    "architecture": "magic", "window": 0, "layers": 0, "heads": "x", "dim": 0, "positions": "circular",
    "feed_forward": 0.0, "norm": "both", "dropout": 1.0, "a": 0.0, "identity_scale": -1.0, "identity_columns": -1,
    "head": "none", "bag_columns": -1, "bag_prefix": 65, "bag_weight": 0.0, "mean_weight": -1.0,
}  # fmt: skip
BAD_OPTIONS = {
    "steps": 0, "batch_size": 1, "learning_rate": -1.0, "weight_rate": "x", "network_rate": -0.1, "temperature": 0.0,
    "order_share": -1.0, "word_dropout": 1.0, "warmup": -1, "weight_decay": -1.0, "clip": 0.0, "chunk": 0,
    "evaluate_every": 0, "max_time": "soon", "min_tokens": 0, "max_tokens": 0, "workers": 0, "seed": -1,
    "objective": "words", "mask_fraction": 1.0, "noise_words": 0, "corpus_share": -1.0, "pair_weights": "1,0",
    "optimizer": "sgd",
}  # fmt: skip


def test_every_option_is_tried_with_a_bad_value() -> None:
    assert set(BAD_VALUES) == set(OF_START)
    assert set(BAD_OPTIONS) == {one.name for one in fields(FitOptions)} - {"hard_negatives", "table_first", "choose"}


@pytest.mark.parametrize("name", [*BAD_VALUES, *BAD_OPTIONS])
def test_bad_values_are_refused_with_the_same_sentence_in_python_and_on_the_command_line(
    model: Path, corpus: Path, tmp_path: Path, name: str
) -> None:
    value: Any = {**BAD_VALUES, **BAD_OPTIONS}[name]
    option = option_name(name, of_network=True)
    result = run("fit-encoder", model, corpus, "-o", tmp_path / "out", f"{option}={value}")
    if name == "max_time":
        assert_mistake(result, 2, option, "'soon' is not a duration")
        return
    with pytest.raises(ValueError) as refused:
        FitOptions(**{name: value}) if name in BAD_OPTIONS else SentenceEncoder(make_words(), **{name: value}).fit()
    sentence = str(refused.value).removeprefix(f"{name} ").replace(" or None", "")
    assert_mistake(result, 2, f"Invalid value for '{option}': {sentence}")
    file = tmp_path / "w2v.toml"
    file.write_text(f"[fit-encoder]\n{option[2:]} = {json.dumps(value)}\n")
    from_file = run("fit-encoder", model, corpus, "-o", tmp_path / "out", "--config", file)
    assert_mistake(from_file, 1, f"w2v.toml: [fit-encoder] {option[2:]}: {sentence}")


@pytest.mark.parametrize("name", ["learning_rate", "temperature", "a", "feed_forward", "weight_decay", "dropout"])
def test_fit_encoder_reports_what_is_no_number(model: Path, corpus: Path, tmp_path: Path, name: str) -> None:
    option = "--" + name.replace("_", "-")
    network = ("--architecture", "attention", "--steps", 1)
    result = run("fit-encoder", model, corpus, "-o", tmp_path / "out", *network, option, "nan")
    assert result.exit_code in (1, 2) and name in result.stderr.replace("-", "_"), result.output


def test_blocks_are_asked_for_kept_and_told(model: Path, corpus: Path, tmp_path: Path) -> None:
    short = ("--steps", 2, "--batch-size", 4, "--min-tokens", 2)
    run("fit-encoder", model, corpus, "-o", tmp_path / "plain", *short)
    beside = ("--bag-columns", 32, "--bag-weight", 0.25, "--mean-weight", 0.5)
    result = run("fit-encoder", model, corpus, "-o", tmp_path / "blocks", *beside, *short)
    assert result.exit_code == 0, result.output
    described = [json.loads(run("info", tmp_path / name, "--json").stdout) for name in ("plain", "blocks")]
    width = SentenceEncoder.load(tmp_path / "plain").state.width
    bag = {"columns": 256, "weight": 0.8, "a": 0.003, "prefix": 4}
    assert described[0]["blocks"] == {"bag": bag}
    assert described[1]["blocks"] == {
        "bag": {**bag, "columns": 32, "weight": 0.25}, "mean": {"columns": width, "weight": 0.5},
    }  # fmt: skip
    assert [one["dimension"] for one in described] == [width + 256, width + 32 + width]
    again = run("fit-encoder", tmp_path / "blocks", corpus, "-o", tmp_path / "again", "--bag-columns", 0, *short)
    assert again.exit_code == 0, again.output
    assert set(SentenceEncoder.load(tmp_path / "again").state.blocks.describe()) == {"mean"}


def test_help_shows_the_defaults_of_training() -> None:
    shown = " ".join(run("fit-encoder", "--help-all").stdout.split())
    options = FitOptions()
    assert f"[default: {options.network_rate};" in shown and "[default: depends on the training data;" in shown
    assert "[default: relative]" in shown and "[default: all cores; 1<=x<=1024]" in shown
    assert "[default: that of MODEL, static for word vectors]" in shown
