"""The commands fit-classifier, classify and evaluate --labels."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.label_examples import LAYERS, topic_classifier, topic_sets, topic_texts
from tests.helpers.examples.text_models import assert_same, interrupting
from w2v import TextClassifier
from w2v.commands.shared.option_names import option_name
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters

TEXTS, LABELS = topic_texts()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "topics.tsv"
    path.write_text("".join(f"{y}\t{x}\n" for x, y in zip(TEXTS, LABELS, strict=True)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "topics.classifier"
    topic_classifier().save(folder)
    return folder


def test_fit_classifier_trains_saves_and_reports(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "m"
    result = run("fit-classifier", table, "-o", output, "--json")
    assert result.exit_code == 0, result.output
    summary, found = json.loads(result.stdout), TextClassifier.load(output)
    assert summary["history"] == found.history_ and summary["classes"] == 2 and summary["texts"] == 80
    assert (found.predict_proba(TEXTS) == topic_classifier().predict_proba(TEXTS)).all()
    result = run("fit-classifier", table, "-o", output, "--overwrite", "-v", table, "--layers", 0)
    assert result.exit_code == 0 and "as water" in result.stdout and "calibration error" in result.stdout
    assert_mistake(run("fit-classifier", table, "-o", output), 1, "exists already")


def test_held_out_texts_are_kept_unless_they_are_private(table: Path, tmp_path: Path) -> None:
    for given, n in (((), 8), (("--examples", 3), 3), (("--examples", 0), 0)):
        output = tmp_path / f"m{n}"
        assert run("fit-classifier", table, "-o", output, *given).exit_code == 0
        file = output / "examples.json"
        kept = json.loads(file.read_text(encoding="utf-8"))["examples"] if n else []
        assert (file.exists(), len(kept)) == (n > 0, n)
        assert all(one["text"] in TEXTS for one in kept)
    assert_mistake(run("fit-classifier", table, "-o", tmp_path / "no", "--examples", 1001), 2, "examples")


def test_tables_and_several_labels(tmp_path: Path) -> None:
    texts, labels = topic_sets(60)
    csv = tmp_path / "sets.csv"
    rows = (f'{x},"{";".join(y)}"\n' for x, y in zip(texts, labels, strict=True))
    csv.write_text("body,topics\n" + "".join(rows), encoding="utf-8")
    columns = ("--text-column", "body", "--label-column", "topics")
    result = run("fit-classifier", csv, "-o", tmp_path / "m", *columns, "--label-separator", ";", "--epochs", 30)
    assert result.exit_code == 0, result.output
    answer = run("classify", tmp_path / "m", stdin=b"ship and iron\nof the\n")
    assert [line.split("\t")[0] for line in answer.stdout.splitlines()] == ["metal,water", ""]
    evaluated = run("evaluate", tmp_path / "m", "--labels", csv, "--json")
    assert json.loads(evaluated.stdout)["labels"][str(csv)]["accuracy"] > 0.9


def test_layers_are_interrupted_and_resumed(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table.write_bytes(table.read_bytes() + b"water\tsea \xff\n")
    whole, output = tmp_path / "whole", tmp_path / "m"
    given = {name: value for name, value in (LAYERS | {"epochs": 4}).items() if name != "heads"}
    few = [f"{option_name(name, of_network=True)}={value}" for name, value in given.items()]
    few += ["--errors", "replace", "--evaluate-every", "4"]
    assert run("fit-classifier", table, "-o", whole, *few).exit_code == 0
    with monkeypatch.context() as patch:
        name = "w2v.neural.tasks.estimator.show_fitting"
        patch.setattr(name, interrupting(10, signal.SIGINT))
        result = run("fit-classifier", table, "-o", output, *few)
    assert result.exit_code == 130 and f"resume with: w2v fit-classifier --resume {output}" in result.stderr, (
        result.output
    )
    resumed = run("fit-classifier", "--resume", output)
    assert resumed.exit_code == 0, resumed.output
    assert_same(TextClassifier.load(output).network_, TextClassifier.load(whole).network_)
    assert "network" in run("info", output).stdout
    assert_mistake(
        run("fit-classifier", table, "-o", tmp_path / "x", "--errors", "replace", "--vectors", output),
        1,
        "text-classifier",
    )


def test_small_and_foreign_classifiers(model: Path, tmp_path: Path) -> None:
    result = run("export", model, tmp_path / "small", "--format", "int8")
    assert result.exit_code == 0, result.output
    assert run("classify", tmp_path / "small", stdin=b"the river\n").stdout.startswith("water\t")
    assert_mistake(run("export", tmp_path / "small", tmp_path / "x", "--format", "int8"), 1, "is already compressed")
    (tmp_path / "m.bin").write_bytes(b"no model")
    foreign = run("import", tmp_path / "m.bin", "--format", "fasttext-classifier", "-o", tmp_path / "f")
    assert_mistake(foreign, 1, "not a binary fastText model")
    assert not (tmp_path / "f").exists()


def test_classify_answers_line_by_line(model: Path, tmp_path: Path) -> None:
    text = tmp_path / "lines.txt"
    text.write_text("the river and the sea\n\ngold\n", encoding="utf-8")
    answer = run("classify", model, text)
    lines = [line.split("\t") for line in answer.stdout.splitlines()]
    assert [line[0] for line in lines][::2] == ["water", "metal"] and lines[1][2] == ""
    assert all(0.5 <= float(line[1]) <= 1 for line in lines) and lines[0][2] == "the river and the sea"
    assert run("classify", model, stdin=text.read_bytes()).stdout == answer.stdout
    first = run("classify", model, text, "--why").stdout.splitlines()[0].split("\t")[3]
    assert {part.split()[0] for part in first.split(", ")[:2]} == {"river", "sea"}
    words = json.loads(run("classify", model, text, "--why", "--json").stdout.splitlines()[2])["words"]
    assert words[0][0] == "gold" and words[0][1] > 0
    found = [json.loads(line) for line in run("classify", model, text, "--json", "--top", 2).stdout.splitlines()]
    assert found[2]["labels"] == ["metal"] and [one["label"] for one in found[2]["probable"]] == ["metal", "water"]


def test_classify_reads_a_column_and_no_label_as_text(model: Path, tmp_path: Path) -> None:
    texts = ["the river and the sea", "gold"]
    expected = run("classify", model, stdin="\n".join([*texts, ""]).encode()).stdout
    (tmp_path / "t.csv").write_text("id,text\n1,the river and the sea\n2,gold\n", encoding="utf-8")
    found = run("classify", model, tmp_path / "t.csv", "--text-column", "text")
    assert found.stdout == expected and found.stderr == ""
    assert "is read as lines of text; --text-column NAME" in run("classify", model, tmp_path / "t.csv").stderr
    marked = "".join(f"__label__metal {text}\n" for text in texts).encode()
    assert run("classify", model, stdin=marked).stdout == expected
    missing = run("classify", model, tmp_path / "t.csv", "--text-column", "body")
    assert_mistake(missing, 1, "there is no column 'body'")


def test_top_is_for_json(model: Path, table: Path) -> None:
    assert_mistake(run("classify", model, table, "--top", 2), 2, "--top needs --json")


def test_warnings_of_evaluate_are_a_line(model: Path, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("water\tthe sea\nmetal\t\n", encoding="utf-8")
    result = run("evaluate", model, "--labels", tmp_path / "t")
    assert result.exit_code == 0 and result.stderr == "Warning: 1 rows lack a text or a label and are left out\n"


def test_commands_open_a_model_whose_examples_are_damaged_and_say_so_once(
    model: Path, table: Path, tmp_path: Path
) -> None:
    shutil.copytree(model, tmp_path / "m")
    (tmp_path / "m" / "examples.json").write_bytes((model / "examples.json").read_bytes()[:100])
    for command, *further in (["classify", table], ["info"], ["evaluate", "--labels", table],
                              ["report", "-o", tmp_path / "card.html"]):  # fmt: skip
        found = run(command, tmp_path / "m", *further)
        assert found.exit_code == 0, found.output
        assert found.stderr.count("Warning: ") == 1
        assert "examples.json is damaged" in found.stderr and "it may be deleted" in found.stderr


def test_evaluate_reads_tables_of_other_columns_than_training(model: Path, tmp_path: Path) -> None:
    rows = [("7", "river and sea", "ship, lake", "water"), ("8", "gold; brass", "iron crown", "metal")]
    path = tmp_path / "t.csv"
    path.write_text("id,head,body,topic\n" + "".join(",".join(f'"{x}"' for x in row) + "\n" for row in rows))
    columns = ["--text-column", "head", "--text-column", "body", "--label-column", "topic"]
    report = json.loads(run("evaluate", model, "--labels", path, *columns, "--json").stdout)["labels"][str(path)]
    texts = [f"{head} {body}" for _, head, body, _ in rows]
    assert report == topic_classifier().evaluate(texts, [row[-1] for row in rows]).to_dict()
    path.write_bytes(path.read_bytes().replace(b"river", b"r\xffver"))
    assert_mistake(run("evaluate", model, "--labels", path, *columns), 1, "t.csv")
    assert run("evaluate", model, "--labels", path, *columns, "--errors", "replace").exit_code == 0


def test_options_of_columns_are_for_files_that_have_them(model: Path, table: Path) -> None:
    for given, option in (
        (["--labels", table, "--column", 2], "--column is for files of --tags"),
        (["--tags", table, "--text-column", "a"], "--text-column is for files of --labels"),
        (["--word-pairs", table, "--label-separator", ","], "--label-separator is for files of --labels"),
        (["--word-pairs", table, "--errors", "strict"], "--errors is for files of --labels or --tag"),
    ):
        assert_mistake(run("evaluate", model, *given), 2, option)


def test_evaluate_shows_classes_and_confusions(model: Path, table: Path) -> None:
    shown = run("evaluate", model, "--labels", table)
    assert shown.exit_code == 0 and "macro F1" in shown.stdout and "as metal" in shown.stdout
    report = json.loads(run("evaluate", model, "--labels", table, "--json").stdout)["labels"][str(table)]
    assert report["n_texts"] == 80 and report["accuracy"] > 0.95 and len(report["confusion"]) == 2
    table.write_text("wood\toak\nwater\triver\nmetal\tgold\n", encoding="utf-8")
    shown = run("evaluate", model, "--labels", table)
    assert "1 texts have the label wood, unknown to the model" in shown.stderr


def test_info_describes_a_classifier(model: Path) -> None:
    described = json.loads(run("info", model, "--json").stdout)
    assert described["kind"] == "text classifier" and described["labels"] == ["metal", "water"]
    assert described["training"]["report"] == topic_classifier().validation_
    assert "water" in run("info", model).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-o", "out"], 2, "Missing argument 'FILE...'"),
        (["TABLE"], 2, "Missing option '-o'"),
        (["missing.tsv", "-o", "out"], 1, "missing.tsv"),
        (["EMPTY", "-o", "out"], 1, "no text with a label"),
        (["ONE", "-o", "out"], 1, "nothing to distinguish"),
        (["PLAIN", "-o", "out"], 1, "plain.txt, line 1: expected a label, a tab and a text"),
        (["BAD", "-o", "out"], 1, "bad.tsv"),
        (["TABLE", "-o", "out", "-v", "EMPTY"], 1, "no text with a label"),
        (["TABLE", "-o", "out", "--label-column", "x"], 1, "there is no column 'x'"),
        (["TABLE", "-o", "out", "--layers", "few"], 2, "--layers"),
    ],
)
def test_fit_classifier_reports_bad_input(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[object], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    contents = {"EMPTY": b"\n", "ONE": b"a\tone\na\ttwo\n", "PLAIN": b"plain words\n", "BAD": b"a\t\xff\n"}
    files: dict[object, object] = {"TABLE": table}
    for name, content in contents.items():
        files[name] = tmp_path / f"{name.lower()}{'.txt' if name == 'PLAIN' else '.tsv'}"
        Path(str(files[name])).write_bytes(content)
    before = sorted(os.listdir(tmp_path))
    assert_mistake(run("fit-classifier", *(files.get(argument, argument) for argument in arguments)), code, message)
    assert sorted(os.listdir(tmp_path)) == before


def test_wrong_models_are_named(model: Path, table: Path, tmp_path: Path) -> None:
    assert_mistake(run("classify", tmp_path / "missing", table), 1, "does not exist")
    assert_mistake(run("translate", model, table), 1, "w2v classify, or TextClassifier.load")
    assert_mistake(run("evaluate", tmp_path / "missing", "--labels", table), 1, "does not exist")


@pytest.mark.parametrize("name", [one.name for one in fields(ClassifierParameters) if one.name != "multi_label"])
def test_bad_values_are_refused_with_the_same_sentence_in_python_and_on_the_command_line(
    table: Path, tmp_path: Path, name: str
) -> None:
    value: Any = 1.0 if name in ("dropout", "smoothing") else -1
    option = option_name(name, of_network=True)
    result = run("fit-classifier", table, "-o", tmp_path / "out", f"{option}={value}")
    with pytest.raises(ValueError) as refused:
        TextClassifier(**{name: value}).fit(TEXTS, LABELS)
    sentence = str(refused.value).removeprefix(f"{name} ").replace(" or None", "").partition(", got")[0]
    assert_mistake(result, 2, f"Invalid value for '{option}'", "" if name in ("max_time", "tokenizer") else sentence)
