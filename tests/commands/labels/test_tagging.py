"""The commands fit-tagger, tag and evaluate --tags."""

from __future__ import annotations

import json
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.tag_models import (
    TINY,
    kind_tagger,
    name_tagger,
    named_sentences,
    without_columns,
    write_tagged,
)
from tests.helpers.examples.text_models import assert_same, interrupting
from w2v import Embeddings, Tagger
from w2v.commands.shared.option_names import option_name
from w2v.neural.tasks.labels.parameters import TaggerParameters

DATA = named_sentences(60)
PLAIN = without_columns(DATA)
SET = {name: value for name, value in TINY.items() if name != "heads"}  # a recurrent network has none
FEW = [str(part) for name, value in SET.items() for part in (option_name(name, of_network=True), value)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "m"
    name_tagger().save(path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_tagged(tmp_path / "data.conll", PLAIN)


def test_fit_tagger_trains_saves_and_reports(data: Path, tmp_path: Path) -> None:
    result = run("fit-tagger", data, "-o", tmp_path / "m", *FEW, "--json")
    assert result.exit_code == 0, result.output
    summary, tagger = json.loads(result.stdout), Tagger.load(tmp_path / "m")
    assert summary["history"] == tagger.history_ and summary["sentences"]["trained"] == 54
    assert {"f1", "held_out_loss", "steps", "units", "parameters"} <= set(summary)
    again = run("fit-tagger", data, "-o", tmp_path / "m", *FEW, "--overwrite")
    assert again.exit_code == 0 and "f1" in again.stdout
    assert_same(Tagger.load(tmp_path / "m").network_, tagger.network_)
    assert_mistake(run("fit-tagger", data, "-o", tmp_path / "m", *FEW), 1, "exists already")


def test_columns_validation_and_vectors(tmp_path: Path) -> None:
    path, apart = (write_tagged(tmp_path / name, named_sentences(60, seed)) for name, seed in (("a", 1), ("b", 2)))
    Embeddings(["we", "anna"], np.eye(2, dtype=np.float32)).save(tmp_path / "v")
    options = ("-v", apart, "--column", 2, "--tag-column", 3, "--word-column", 1, "--vectors", tmp_path / "v")
    result = run("fit-tagger", path, "-o", tmp_path / "m", *FEW, *options, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["sentences"] == {
        "trained": 60,
        "held_out": 60,
        "words": sum(map(len, DATA.sentences)),
    }
    tagger = Tagger.load(tmp_path / "m")
    assert tagger.network_.config.inputs.given_size == 2 and len(tagger.network_.units["text"].columns.values) == 1
    tagged = run("tag", tmp_path / "m", apart, "--from-columns", "--column", 2)
    assert tagged.exit_code == 0, tagged.output
    own = named_sentences(60, 2)
    lines = [line.split("\t") for line in tagged.stdout.splitlines() if line]
    assert lines == [[word, tag] for words, tags in zip(own.sentences, tagger.predict(own), strict=True)
                     for word, tag in zip(words, tags, strict=True)]  # fmt: skip
    assert_mistake(run("tag", tmp_path / "m", stdin=b"we saw Anna\n"), 1, "1 given columns", "--column")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_save_and_resume_goes_on(
    number: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("fit-tagger", data, "-o", tmp_path / "whole", *FEW)
    assert whole.exit_code == 0, whole.output
    with monkeypatch.context() as patch:
        patch.setattr("w2v.neural.tasks.estimator.show_fitting", interrupting(8, number))
        ended = run("fit-tagger", data, "-o", tmp_path / "m", *FEW)
    assert ended.exit_code == {signal.SIGINT: 130, signal.SIGTERM: 143}[signal.Signals(number)]
    assert f"w2v fit-tagger --resume {tmp_path / 'm'}" in ended.stderr
    assert_mistake(run("fit-tagger", "--resume", tmp_path / "m", "--hidden-size", 8), 2, "uses the original options")
    resumed = run("fit-tagger", "--resume", tmp_path / "m")
    assert resumed.exit_code == 0, resumed.output
    assert_same(Tagger.load(tmp_path / "m").network_, Tagger.load(tmp_path / "whole").network_)


def test_text_is_tagged_as_columns_spans_and_json(model: Path, tmp_path: Path) -> None:
    text = "we saw Anna Lee in Rome.\n\n"
    (tmp_path / "text").write_text(text, encoding="utf-8")
    columns = run("tag", model, tmp_path / "text")
    assert columns.exit_code == 0, columns.output
    assert columns.stdout == ("we\tO\nsaw\tO\nAnna\tB-PER\nLee\tI-PER\nin\tO\nRome\tB-LOC\n.\tO\n\n\n")
    spans = run("tag", model, "--format", "spans", stdin=text.encode())
    assert spans.stdout == "we saw [Anna Lee PER] in [Rome LOC].\n\n"
    found = [json.loads(line) for line in run("tag", model, "--json", stdin=text.encode()).stdout.splitlines()]
    assert [entry["text"] for entry in found] == ["we saw Anna Lee in Rome.", ""]
    assert [found[0]["text"][span["start"] : span["end"]] for span in found[0]["ents"]] == ["Anna Lee", "Rome"]
    other = run("tag", model, "--tokenizer", "whitespace", stdin=text.encode())
    assert "Rome.\t" in other.stdout and not other.stderr
    (tmp_path / "columns").write_text("Anna\tB-PER\nruns\tO\n\n", encoding="utf-8")
    assert (
        "look like words with tags; if they are, give --from-columns" in run("tag", model, tmp_path / "columns").stderr
    )
    assert not run("tag", model, tmp_path / "columns", "--from-columns").stderr


def test_kinds_of_words_are_shown_behind_each(tmp_path: Path) -> None:
    kind_tagger().save(tmp_path / "m")
    shown = run("tag", tmp_path / "m", "--format", "spans", stdin=b"we met Ben\n")
    assert shown.stdout == "[we PRON] [met VERB] [Ben PROPN]\n"


def test_evaluate_tells_each_label(model: Path, data: Path) -> None:
    result = run("evaluate", model, "--tags", data)
    assert result.exit_code == 0, result.output
    assert "PER" in result.stdout and "all" in result.stdout and "100.0 %" in result.stdout
    found = json.loads(run("evaluate", model, "--tags", data, "--json").stdout)["tags"][str(data)]
    assert found["f1"] == 1.0 and found["accuracy"] == 1.0 and set(found["labels"]) == {"LOC", "PER"}
    assert_mistake(run("evaluate", model, "--tags", data, "--sts", data), 2, "another kind")


def test_evaluate_reads_columns_of_other_numbers_than_training(model: Path, data: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.conll"
    lines = [reversed(line.split("\t")) for line in data.read_text().splitlines()]
    turned.write_text("\n".join("\t".join(line) for line in lines) + "\n")
    reports = [
        json.loads(run("evaluate", model, "--tags", path, *given, "--json").stdout)["tags"][str(path)]
        for path, given in ((data, []), (turned, ["--word-column", 2, "--tag-column", 1]))
    ]
    assert reports[0] == reports[1]


def test_info_tells_of_a_tagger(model: Path) -> None:
    result = run("info", model)
    assert result.exit_code == 0, result.output
    assert "tagger" in result.stdout and "words" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no sentence"), ("Anna B-PER\nsaw\n", "line 2: 1 columns, but the lines before have 2"),
        ("Anna\n", "would be both word and tag"), ("a O\n", "one sentence is not enough"),
        ("a\tO\nb\t\n", "line 2: the word 'b' has no tag"),
    ],
)  # fmt: skip
def test_bad_files_end_with_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text(text, encoding="utf-8")
    assert_mistake(run("fit-tagger", tmp_path / "bad", "-o", tmp_path / "m", *FEW), 1, message)
    assert not (tmp_path / "m").exists()


def test_broken_tags_are_told_in_a_line(tmp_path: Path) -> None:
    path = write_tagged(tmp_path / "a", PLAIN)
    path.write_text(path.read_text("utf-8").replace("B-LOC", "I-LOC", 1), encoding="utf-8")
    result = run("fit-tagger", path, "-o", tmp_path / "m", *FEW)
    assert result.exit_code == 0 and "Warning: 1 spans violate IOB2, such as I- after O" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit-tagger"], "Missing argument 'FILE...'"),
        (["fit-tagger", "a"], "Missing option '-o'"),
        (["tag", "m", "--column", 2], "are for files with columns: give --from-columns"),
        (["tag", "m", "--from-columns", "--json"], "are for texts"),
        (["tag", "m", "--from-columns", "--tag-column", 2], "this command predicts the tags"),
        (["fit-tagger", "a", "-o", "m", "--hidden-size", 0], "--hidden-size"),
        (["fit-tagger", "a", "-o", "m", "--output-layer", "hmm"], "output-layer"),
    ],
)
def test_bad_usage_exits_with_two(arguments: list[Any], message: str) -> None:
    assert_mistake(run(*arguments), 2, message)


def test_options_are_those_of_the_table() -> None:
    shown = run("fit-tagger", "--help-all").stdout
    for field in fields(TaggerParameters):
        assert option_name(field.name, of_network=True) in shown
