"""Training here and in other programs side by side, and the report."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from w2v.commands.main import main
from w2v.comparison import comparison as compare
from w2v.comparison import contenders
from w2v.comparison.figures import Comparison, Run, cell, ratio
from w2v.comparison.report import check_report_path, save_report, to_markdown
from w2v.corpora.readers import TextReader
from w2v.evaluation import AnalogyReport, AnalogySection, PairsReport
from w2v.settings.constraints import DEFAULT_SEED
from w2v.settings.parameters import Parameters
from w2v.storage.files import ModelError

gensim = pytest.importorskip("gensim")
pytestmark = pytest.mark.interop

SMALL = Parameters(vector_size=8, min_count=1, epochs=2, workers=1, random_state=1)


@pytest.fixture
def corpus(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Write 200 sentences of eight words, some in upper case."""
    words = np.array(["One", "two", "three", "FOUR", "five", "six", "seven", "eight"])
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(words[rng.permutation(8)]) + ".\n" for _ in range(200)), encoding="utf-8")
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text(": numbers\none two three four\n", encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.txt"
    path.write_text("one\ttwo\t3\none\tfour\t2\none\tnine\t1\n", encoding="utf-8")
    return path


@pytest.fixture
def measured() -> Comparison:
    """Return what three programs might have done with two seeds."""

    def run(seed: int, seconds: float, correct: int) -> Run:
        total = AnalogySection("total", correct, 100, 25)
        pairs = {"/data/no|pairs.tsv": PairsReport(math.nan, math.nan, 10, 1)}
        return Run(seed, 50, 1.0, seconds, {"/data/questions.txt": AnalogyReport((), total)}, pairs)

    runs = {
        "w2v": [run(3, 1.0, 40), run(4, 3.0, 42)],
        "gensim": [run(3, 10.0, 41), run(4, 10.0, 41)],
        "fasttext": [run(3, 20.0, 39), run(4, 22.0, 39)],
    }
    titles = {"w2v": "w2v 1", "gensim": "gensim 4", "fasttext": "fastText 0"}
    return Comparison(replace(SMALL, workers=2), 6000, 0.5, titles, runs)


def test_both_train_on_the_same_words(corpus: Path, questions: Path, pairs: Path) -> None:
    steps: list[str] = []
    comparison = compare.compare_programs(
        TextReader(corpus), SMALL, analogies=[questions], pairs=[pairs], tell=steps.append
    )
    assert comparison.n_words == 1600
    assert len(steps) == 4
    assert list(comparison.runs) == ["w2v", "gensim"]
    for (run,) in comparison.runs.values():
        assert run.seed == 1
        assert run.vocabulary_size == 8
        assert run.training_seconds > 0
        assert run.vocabulary_seconds > 0
        assert run.analogies[str(questions)].total.total == 1
        assert run.pairs[str(pairs)].n_used == 2
    assert comparison.titles["gensim"] == f"gensim {gensim.__version__}"


def test_programs_take_turns_with_each_seed(corpus: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[tuple[str, int | None]] = []

    def train(key: str, text: Path, parameters: Parameters, corpus: TextReader) -> contenders.Trained:
        trained.append((key, parameters.random_state))
        return contenders.train_w2v(text, parameters)

    monkeypatch.setattr(compare, "_train", train)
    parameters = replace(SMALL, random_state=None)
    comparison = compare.compare_programs(TextReader(corpus), parameters, n_seeds=2, pairs=[pairs])
    assert trained == [("w2v", 1), ("gensim", 1), ("w2v", 2), ("gensim", 2)]
    assert comparison.seeds == [1, 2]


def test_fasttext_trains_on_the_same_words_and_leaves_no_seed_behind(corpus: Path, pairs: Path) -> None:
    fasttext = pytest.importorskip("fasttext")
    before = dict(fasttext.FastText.unsupervised_default)
    comparison = compare.compare_programs(
        TextReader(corpus), replace(SMALL, sample=0.0), programs=["fasttext"], pairs=[pairs]
    )
    (run,) = comparison.runs["fasttext"]
    assert run.vocabulary_size == 8
    assert run.pairs[str(pairs)].n_used == 2
    assert math.isfinite(run.pairs[str(pairs)].spearman)
    assert comparison.titles["fasttext"].startswith("fastText")
    assert fasttext.FastText.unsupervised_default == before


def test_fasttext_draws_other_vectors_from_another_seed(corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("fasttext")
    text = tmp_path / "tokenised.txt"
    text.write_text(corpus.read_text(encoding="utf-8").replace(".", ""), encoding="utf-8")
    first, again, other = (
        contenders.train_fasttext(text, replace(SMALL, random_state=seed)).embeddings.vectors for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_to_dict_can_be_written_as_json(corpus: Path, questions: Path, pairs: Path) -> None:
    comparison = compare.compare_programs(TextReader(corpus), SMALL, analogies=[questions], pairs=[pairs])
    written = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert written["parameters"]["vector_size"] == 8
    assert written["w2v"]["runs"][0]["analogies"][str(questions)]["coverage"] == 1
    speeds = written["w2v"]["words_per_second"], written["gensim"]["words_per_second"]
    assert written["training_speedup"]["gensim"] == pytest.approx(speeds[0] / speeds[1])


def test_the_files_that_gensim_brings_are_the_default(corpus: Path) -> None:
    comparison = compare.compare_programs(TextReader(corpus), SMALL)
    (run,) = comparison.runs["w2v"]
    assert [Path(path).name for path in run.analogies] == ["questions-words.txt"]
    assert [Path(path).name for path in run.pairs] == ["wordsim353.tsv"]


def test_every_parameter_reaches_gensim() -> None:
    parameters = Parameters(
        algorithm="cbow", vector_size=7, window=3, negative=4, min_count=2, max_vocab=50, sample=1e-4, ns_exponent=0.5,
        shrink_windows=False, alpha=0.03, min_alpha=0.001, epochs=6, workers=3, random_state=9,
    )  # fmt: skip
    model = gensim.models.Word2Vec(**contenders.gensim_arguments(parameters))
    learned = {name: getattr(model, name) for name in ("window", "negative", "sample", "ns_exponent", "min_alpha")}
    assert learned == {"window": 3, "negative": 4, "sample": 1e-4, "ns_exponent": 0.5, "min_alpha": 0.001}
    assert (model.sg, model.hs, model.cbow_mean, model.vector_size, model.min_count) == (0, 0, 1, 7, 2)
    assert (model.max_final_vocab, model.shrink_windows, model.alpha, model.epochs) == (50, False, 0.03, 6)
    assert (model.workers, model.seed) == (3, 9)


def test_subwords_reach_the_other_programs() -> None:
    parameters = Parameters(subwords=True, min_n=2, max_n=4, buckets=1000)
    theirs = contenders.gensim_arguments(parameters)
    assert (theirs["min_n"], theirs["max_n"], theirs["bucket"]) == (2, 4, 1000)
    assert "min_n" not in contenders.gensim_arguments(Parameters())
    theirs = contenders.fasttext_arguments(parameters)
    assert (theirs["minn"], theirs["maxn"], theirs["bucket"]) == (2, 4, 1000)
    assert contenders.fasttext_arguments(Parameters())["maxn"] == 0


def test_every_parameter_reaches_fasttext() -> None:
    parameters = Parameters(
        algorithm="cbow", vector_size=7, window=3, negative=4, min_count=2, sample=1e-4, alpha=0.03, epochs=6, workers=3
    )
    theirs = contenders.fasttext_arguments(parameters)
    expected = {"model": "cbow", "dim": 7, "ws": 3, "neg": 4, "minCount": 2, "t": 1e-4, "lr": 0.03, "epoch": 6}
    assert expected.items() <= theirs.items()
    assert (theirs["thread"], theirs["loss"]) == (3, "ns")


def test_defaults_of_each_program_are_left_alone() -> None:
    arguments = contenders.gensim_arguments(Parameters())
    assert not {"alpha", "min_alpha", "max_final_vocab", "workers"} & set(arguments)
    assert arguments["seed"] == DEFAULT_SEED == 1  # which is gensim's own
    assert not {"lr", "thread"} & set(contenders.fasttext_arguments(Parameters()))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"max_time": 1.0}, "max_time cannot be compared"),
        ({"random_state": np.random.default_rng(1)}, "random_state must be an int"),
        ({"holdout": 0.1}, "holdout cannot be compared"),
        ({"objective": "softmax", "negative": 5}, "objective='softmax' cannot be compared"),
        ({"shrink_windows": False}, "shrink_windows cannot be compared with fastText"),
        ({"max_vocab": 5}, "max_vocab cannot be compared with fastText"),
    ],
)
def test_parameters_without_a_counterpart_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        contenders.check_counterparts(replace(SMALL, **changed), ("w2v", "gensim", "fasttext"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"programs": ["glove"]}, "gensim and fasttext, not 'glove'"),
        ({"programs": []}, "no program"),
        ({"n_seeds": 0}, "n_seeds must be from 1 to 100"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(corpus: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare.compare_programs(TextReader(corpus), SMALL, **options)


@pytest.mark.parametrize(
    ("module", "program", "command"),
    [("gensim", "gensim", "pip install gensim"), ("fasttext", "fasttext", "pip install fasttext-community")],
)
def test_a_missing_program_is_named_before_training(
    corpus: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch, module: str, program: str, command: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=command):
        compare.compare_programs(TextReader(corpus), SMALL, programs=[program], pairs=[pairs])


@pytest.mark.parametrize("kind", ["analogies", "pairs"])
def test_a_missing_evaluation_file_is_found_before_training(corpus: Path, tmp_path: Path, kind: str) -> None:
    steps: list[str] = []
    files: dict[str, Any] = {kind: [tmp_path / "missing.txt"]}
    with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
        compare.compare_programs(TextReader(corpus), SMALL, **files, tell=steps.append)
    assert steps == []


# --- the report ------------------------------------------------------------------------------------------------------


def test_cells_hold_means_deviations_and_ratios(measured: Comparison) -> None:
    measures = {measure.name: measure for measure in measured.measures()}
    training = measures["training, seconds"]
    assert cell(training, "w2v") == "2.00 ± 1.41"
    assert ratio(training, "gensim") == "5.0x"
    assert cell(measures["vocabulary, words"], "gensim") == "50"
    accuracy = measures["questions.txt (80.0 % of it), accuracy"]
    assert cell(accuracy, "w2v") == "41.0 ± 1.4 %"
    assert ratio(accuracy, "gensim") == ""
    assert cell(measures["no|pairs.tsv (10.0 % of it), Spearman"], "w2v") == "-"
    assert measures["words a second"].values["w2v"] == [12000, 4000]


def test_markdown_is_a_table_with_a_cell_for_every_column(measured: Comparison) -> None:
    text = to_markdown(measured, "r.svg")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 7
    assert {line.replace("\\|", "").count("|") for line in rows} == {7}
    assert "| training, seconds | 2.00 ± 1.41 | 10.00 ± 0.00 | 21.00 ± 1.41 | 5.0× | 10.5× |" in rows
    assert "with the seeds 3, 4" in text
    assert "(<r.svg>)" in text
    assert "fastText always draws noise words" in text


@pytest.mark.parametrize("title", ["gensim 4", "W" * 40])
def test_all_text_of_the_picture_is_inside(measured: Comparison, title: str) -> None:
    pytest.importorskip("matplotlib")
    from w2v.plots.comparison import plot_comparison

    figure = plot_comparison(replace(measured, titles={**measured.titles, "gensim": title}))
    width, height = figure.get_size_inches()
    for dpi in (72, 100, 200):
        figure.set_dpi(dpi)
        box = figure.get_tightbbox()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, (dpi, box)


def test_report_is_written_with_a_picture_beside_it(measured: Comparison, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "report.md"
    save_report(measured, path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report.md", "report.svg"]
    assert "report.svg" in path.read_text(encoding="utf-8")
    assert (tmp_path / "report.svg").read_text(encoding="utf-8").startswith("<?xml")
    with pytest.raises(ModelError, match="exists already"):
        save_report(measured, path)
    save_report(measured, path, overwrite=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [("report.txt", r"must end in \.md"), ("/dev/null/report.md", "is not a folder"), ("taken.md", "taken.svg exists")],
)
def test_a_report_that_could_not_be_saved_is_found_early(tmp_path: Path, name: str, message: str) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "taken.svg").touch()
    with pytest.raises(ModelError, match=message):
        check_report_path(tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--with", "glove"], 2, "'glove' is not one of 'gensim', 'fasttext'"),
        (["--seeds", "0"], 2, "--seeds"),
        (["--report", "r.txt"], 1, "must end in .md"),
        (["--report", "/dev/null/r.md"], 1, "is not a folder"),
        (["--report", "taken.md"], 1, "exists already"),
        (["--with", "fasttext", "--max-vocab", "5"], 1, "--max-vocab cannot be compared with fastText"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_options_end_with_one_line_before_training(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.md").touch()
    result = CliRunner().invoke(main, ["compare", str(corpus), *arguments])
    assert result.exit_code == code, result.output
    assert message in result.stderr.rpartition("Error: ")[2]
    assert result.stdout == ""
    assert sorted(file.name for file in tmp_path.iterdir()) == ["corpus.txt", "taken.md"]
