"""`w2v evaluate` on sentences: every kind of file, beside another encoder, and what is refused."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy.stats import spearmanr

from w2v.commands.main import main
from w2v.corpora.catalogue import obtaining
from w2v.encoder import SentenceEncoder
from w2v.encoder.evaluation.reports import compare
from w2v.vectors.embeddings import Embeddings

WORDS = [f"w{i}" for i in range(40)]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare encoders by a tenth of the usual draws: the limits that come of them are tested elsewhere."""
    monkeypatch.setattr("w2v.encoder.evaluation.reports.compare", partial(compare, n_resamples=200))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def found(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    described: dict[str, Any] = json.loads(result.stdout)
    return described


def save(path: Path, rng: np.random.Generator, noise: float) -> Path:
    """Words of two kinds; the more noise, the less they can be told apart."""
    vectors = np.zeros((40, 8), np.float32)
    vectors[:20, 0] = vectors[20:, 1] = 1
    vectors += noise * rng.normal(size=vectors.shape).astype(np.float32)
    Embeddings(WORDS, vectors).save(path)
    return path


@pytest.fixture
def model(tmp_path: Path, rng: np.random.Generator) -> Path:
    return save(tmp_path / "good.model", rng, 0.1)


@pytest.fixture
def other(tmp_path: Path, rng: np.random.Generator) -> Path:
    return save(tmp_path / "bad.model", rng, 5.0)


def sentence(rng: np.random.Generator, kind: int) -> str:
    return " ".join(rng.choice(WORDS[20 * kind : 20 * kind + 20], 5, replace=False))


@pytest.fixture
def sts(tmp_path: Path, rng: np.random.Generator) -> Path:
    lines = []
    for _ in range(60):
        a, b = rng.integers(0, 2, 2)
        lines.append(f"{sentence(rng, a)}\t{sentence(rng, b)}\t{5.0 * (a == b) + rng.random():.2f}")
    path = tmp_path / "sts.tsv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def labelled(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "labels.tsv"
    path.write_text("\n".join(f"{'ab'[i % 2]}\t{sentence(rng, i % 2)}" for i in range(60)))
    return path


@pytest.fixture
def lines(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(sentence(rng, i % 2) for i in range(40)))
    return path


def test_evaluate_measures_sentences_of_every_kind(model: Path, sts: Path, labelled: Path, lines: Path) -> None:
    described = found(model, "--sts", sts, "--classify", labelled, "--word-order", lines)
    first, second, scores = zip(*(line.split("\t") for line in sts.read_text().splitlines()), strict=True)
    encoder = SentenceEncoder(Embeddings.load(model))
    cosines = (np.asarray(encoder.encode(list(first))) * np.asarray(encoder.encode(list(second)))).sum(axis=1)
    expected = spearmanr(cosines, [float(score) for score in scores])[0]
    assert described["sts"][str(sts)]["spearman"] == pytest.approx(expected, abs=1e-3)  # float32 may tie ranks
    assert described["sts"][str(sts)]["n_pairs"] == 60
    assert described["classify"][str(labelled)]["accuracy"] == 1
    assert described["word_order"][str(lines)]["accuracy"] == 0.5
    assert "against" not in described


def test_evaluate_compares_with_another_model(model: Path, other: Path, sts: Path, labelled: Path) -> None:
    described = found(model, "--sts", sts, "--sts", sts, "--classify", labelled, "--against", other)
    difference = described["difference"]["sts"][str(sts)]
    assert difference["low"] > 0.1
    spearman = [side["sts"][str(sts)]["spearman"] for side in (described, described["against"])]
    assert difference["difference"] == pytest.approx(spearman[0] - spearman[1])
    assert described["difference"]["classify"][str(labelled)]["difference"] > 0


def test_evaluate_prints_a_table_with_differences(model: Path, other: Path, sts: Path, lines: Path) -> None:
    result = run(model, "--sts", sts, "--word-order", lines, "--against", other)
    assert result.exit_code == 0
    for text in (str(sts), "Spearman", "95 % of draws", "chance 50 %", "50.0 %", "+0.0 … +0.0"):
        assert text in result.stdout


def test_evaluate_prints_the_mean_of_several_files(model: Path, other: Path, sts: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.tsv"
    copy.write_bytes(sts.read_bytes())
    result = run(model, "--sts", sts, "--sts", copy, "--against", other)
    assert "mean of the files" in result.stdout
    figure = found(model, "--sts", sts)["sts"][str(sts)]["spearman"]
    [row] = [line for line in run(model, "--sts", sts, "--sts", copy).stdout.splitlines() if "mean of" in line]
    assert float(row.split()[-1]) == pytest.approx(figure, abs=6e-4)


def test_evaluate_tells_scored_pairs_by_genre(model: Path, other: Path, sts: Path, tmp_path: Path) -> None:
    rows = [line.split("\t") for line in sts.read_text().splitlines()]
    genres = ["main-news\theadlines", "main-captions\timages", "main-news\tMSRpar"]
    path = tmp_path / "benchmark.csv"
    path.write_text("".join(f"{genres[i % 3]}\t2012\t{i}\t{score}\t{a}\t{b}\n" for i, (a, b, score) in enumerate(rows)))
    described = found(model, "--sts", path, "--against", other)
    own, beside = (side["sts"][str(path)]["genres"] for side in (described, described["against"]))
    assert list(own) == ["main-news", "main-news/headlines", "main-news/MSRpar", "main-captions"]
    assert [part["n_pairs"] for part in own.values()] == [40, 20, 20, 20]
    differences = described["difference"]["sts"][str(path)]["genres"]
    for name, part in own.items():
        assert differences[name]["difference"] == pytest.approx(part["spearman"] - beside[name]["spearman"])
    shown = run(model, "--sts", path, "--against", other).stdout.splitlines()
    names = [line.split()[0] for line in shown if line.startswith("  ")]
    assert names == ["main-news", "headlines", "MSRpar", "main-captions"]


@pytest.mark.parametrize(
    "option, content, message",
    [
        ("--sts", "a\tb\n", "line 1: expected two sentences and a score"),
        ("--classify", "a\tb\tc\n", "line 1: expected a label"),
        ("--word-order", "w1 w2\n", "needs 20 sentences"),
        ("--sts", None, "cannot be read"),
    ],
)
def test_evaluate_says_what_is_wrong_with_a_file(
    model: Path, tmp_path: Path, option: str, content: str | None, message: str
) -> None:
    path = tmp_path / "wrong.tsv"
    if content is not None:
        path.write_text(content)
    result = run(model, option, path)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1 and message in result.stderr


def test_evaluate_says_why_there_is_no_correlation(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    for rows, why in (
        (["w1\tw2\t1"], "there is one pair"),
        (["w1\tzz\t1", "yy\tw2\t2"], "each pair has a sentence without a known word"),
        (["w1\tw2\t1", "w1\tw3\t1"], "all scores are equal"),
        (["w1\tw2\t1", "w1\tw2\t2"], "all pairs are equally similar to the model"),
    ):
        path.write_text("\n".join(rows) + "\n")
        result = run(model, "--sts", path, "--json")
        assert result.stderr == f"{path}: no correlation, because {why}.\n"
        assert json.loads(result.stdout)["sts"][str(path)]["spearman"] is None


def test_evaluate_compares_on_sentences_only(model: Path, other: Path) -> None:
    result = run(model, "--word-pairs", "x", "--against", other)
    assert result.exit_code == 2 and "--against compares on sentences" in result.stderr


@pytest.fixture
def standard(tmp_path: Path, rng: np.random.Generator, sts: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write two of the standard sets as if they were downloaded; no package ships any."""
    monkeypatch.setattr(obtaining, "package_path", lambda package: None)
    folder = tmp_path / "sets"
    (folder / "sts-benchmark").mkdir(parents=True)
    rows = [f"{a} {b} {rng.random():.3f}\n" for a, b in rng.choice(WORDS, (30, 2))]
    (folder / "men.txt").write_text("".join(rows))
    lines = sts.read_text().splitlines(keepends=True)
    (folder / "sts-benchmark" / "sts-dev.csv").write_text("".join(lines[:30]))
    (folder / "sts-benchmark" / "sts-test.csv").write_text("".join(lines[30:]))
    return folder


def test_standard_sets_are_measured_and_the_others_named(model: Path, standard: Path) -> None:
    men, dev, test = (
        standard / name for name in ("men.txt", "sts-benchmark/sts-dev.csv", "sts-benchmark/sts-test.csv")
    )
    by_hand = found(model, "--word-pairs", men, "--sts", dev, "--sts", test)
    measured = found(model, "--standard", "--folder", standard)
    assert measured["pairs"] == {"men": by_hand["pairs"][str(men)]}
    assert measured["sts"] == {"sts-dev": by_hand["sts"][str(dev)], "sts-test": by_hand["sts"][str(test)]}
    assert measured["missing"].keys() == {"questions-words", "wordsim-353", "simlex-999", "rare-words", "sick"}
    shown = run(model, "--standard", "--folder", standard, "--against", model)
    assert "men" in shown.stdout and "sts-test" in shown.stdout and str(standard) not in shown.stdout
    assert "Missing: sick; get it with: w2v download sick\n" in shown.stderr


def test_standard_sets_of_words_are_not_for_encoders(model: Path, standard: Path, tmp_path: Path) -> None:
    SentenceEncoder(model).save(tmp_path / "an.encoder")
    measured = found(tmp_path / "an.encoder", "--standard", "--folder", standard)
    assert measured["sts"].keys() == {"sts-dev", "sts-test"} and "pairs" not in measured
    assert measured["missing"] == {"sick": "w2v download sick"}


def test_standard_sets_are_not_there_is_said(model: Path, standard: Path, tmp_path: Path) -> None:
    result = run(model, "--standard", "--folder", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert "No standard set is in" in result.stderr
    assert "w2v download questions-words, or pip install gensim" in result.stderr
    assert run(tmp_path / "no.model", "--standard").exit_code == 1
    assert "run them separately" in run(model, "--standard", "--labels", "x").stderr


def test_a_file_of_which_nothing_is_known_is_told(tmp_path: Path) -> None:
    Embeddings(["a", "b"], np.eye(2, dtype=np.float32)).save(tmp_path / "m")
    questions, pairs = tmp_path / "q.txt", tmp_path / "p.tsv"
    questions.write_text("one two three four\n", encoding="utf-8")
    pairs.write_text("one\ttwo\t3\n", encoding="utf-8")
    result = run(tmp_path / "m", "--analogies", questions, "--word-pairs", pairs, "--json")
    assert result.exit_code == 0
    assert f"Warning: {questions} has no question whose four words are all in {tmp_path / 'm'}" in result.stderr
    assert f"Warning: {pairs} has no pair whose two words are both in {tmp_path / 'm'}" in result.stderr
    found = json.loads(result.stdout)
    assert found["pairs"][str(pairs)]["spearman"] is None
    pairs.write_text("a\tb\t3\n", encoding="utf-8")
    assert "Warning" not in run(tmp_path / "m", "--word-pairs", pairs).stderr
