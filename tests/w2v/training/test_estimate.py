"""Estimates before a training: samples of text, extrapolated vocabularies, and the table of what is needed."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from w2v.commands.main import main
from w2v.corpora.readers import CorpusError, TextReader
from w2v.corpora.sampling import sample_text
from w2v.encoding.stream import EmptyVocabularyError
from w2v.settings.parameters import Parameters
from w2v.training import estimate
from w2v.training.estimate import Estimate, estimate_training, extrapolate_vocabulary


def zipf_lines(n_lines: int, seed: int = 1) -> list[str]:
    words = np.random.default_rng(seed).zipf(1.2, (n_lines, 12)) % 100_000
    return [" ".join(f"w{word}" for word in line) for line in words.tolist()]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(zipf_lines(4000)) + "\n", encoding="utf-8")
    return path


# Samples.


def test_sample_of_a_small_corpus_is_all_of_it(text: Path) -> None:
    sample = sample_text(TextReader(text))
    assert sample.lines == text.read_text().splitlines()
    assert sample.share == 1 and sample.n_bytes == sample.total_bytes == text.stat().st_size


def test_sample_of_a_large_file_comes_from_all_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.corpora.sampling._SLICE_BYTES", 2000)
    path = tmp_path / "numbers.txt"
    path.write_text("".join(f"line {i:06d}\n" for i in range(20_000)))
    sample = sample_text(TextReader(path), 20_000)
    numbers = [int(line.removeprefix("line ")) for line in sample.lines]
    assert numbers == sorted(set(numbers)) and numbers[0] == 0 and numbers[-1] == 19_999
    assert max(np.diff(numbers)) < 3000
    assert sample.total_bytes == 240_000 and sample.share == pytest.approx(20_000 / 240_000, rel=0.02)


def test_sample_leaves_out_a_byte_order_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.corpora.sampling._SLICE_BYTES", 2000)
    (tmp_path / "text.txt").write_text("one two three\n" * 10_000, encoding="utf-8-sig")
    assert set(sample_text(TextReader(tmp_path / "text.txt"), 20_000).lines) == {"one two three"}


def test_sample_of_compressed_files_knows_their_size_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.corpora.sampling._SLICE_BYTES", 10_000)
    lines = zipf_lines(20_000)
    path = tmp_path / "text.txt.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    size = len("\n".join(lines))
    sample = sample_text(TextReader(path), 100_000)
    assert sample.lines[:-1] == lines[: len(sample.lines) - 1]
    assert 100_000 <= sample.n_bytes < 120_000 and sample.total_bytes == pytest.approx(size, rel=0.25)
    assert sample_text(TextReader(path), 1 << 30).share == 1


def test_sample_of_text_without_line_ends_is_cut_at_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.corpora.sampling._SLICE_BYTES", 1000)
    path = tmp_path / "line.txt"
    path.write_text(" ".join(f"{i:05d}" for i in range(10_000)))
    words = " ".join(sample_text(TextReader(path), 5000).lines).split()
    assert len(words) > 600 and all(len(word) == 5 for word in words)


def test_sample_refuses_standard_input() -> None:
    with pytest.raises(CorpusError, match="standard input and pipes can be read only once"):
        sample_text(TextReader("-"))


# Vocabulary.


def test_vocabulary_of_all_the_text_is_counted() -> None:
    tokens = np.array([0, 1, 1, 2, 2, 2] * 20, np.int32)
    assert [extrapolate_vocabulary(tokens, n, 1.0) for n in (1, 20, 21, 60, 61)] == [3, 3, 2, 1, 0]


@pytest.mark.parametrize("min_count", [1, 5])
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_vocabulary_is_extrapolated(min_count: int, share: float) -> None:
    words = np.random.default_rng(3).zipf(1.3, 500_000) % (1 << 22)
    _, tokens = np.unique(words, return_inverse=True)
    true = int((np.bincount(tokens) >= min_count).sum())
    sample = np.unique(tokens[: int(share * len(tokens))], return_inverse=True)[1].astype(np.int32)
    assert extrapolate_vocabulary(sample, min_count, share) == pytest.approx(true, rel=0.15)


# Estimates.


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train on the sample for a moment only."""
    monkeypatch.setattr(estimate, "SECONDS", 0.01)


def estimated(text: Path, **options: Any) -> Estimate:
    return estimate_training(TextReader(text), Parameters(workers=1, **options), seconds=0.01)


def test_estimate_of_a_small_corpus_is_counted(text: Path) -> None:
    found = estimated(text, vector_size=20)
    words = text.read_text().split()
    counts = np.unique(words, return_counts=True)[1]
    assert (found.words, found.sentences, found.sample_share) == (len(words), 4000, 1)
    assert found.vocabulary_size == (counts >= 5).sum() and found.tokens == counts[counts >= 5].sum()
    assert found.tables == 2 * 4 * 32 * found.vocabulary_size
    assert found.encoded_text == 4 * found.tokens + 8 * 4000
    assert found.model_folder == pytest.approx(2 * 4 * 20 * found.vocabulary_size, rel=0.2)
    assert found.peak_memory > found.tables + found.encoded_text + found.vocabulary
    assert found.training_seconds == pytest.approx(5 * found.tokens / found.words_per_second)
    assert found.total_seconds == found.reading_seconds + found.training_seconds > 0


def test_estimate_follows_the_parameters(text: Path, tmp_path: Path) -> None:
    plain = estimated(text)
    assert estimated(text, patience=1, holdout=0.1).tables == 2 * plain.tables
    assert estimated(text, subwords=True, buckets=5000).tables > plain.tables
    assert estimated(text, subwords=True, buckets=5000).model_folder > plain.model_folder
    assert estimated(text, max_vocab=7).vocabulary_size == 7
    assert estimated(text, max_time=30.0).total_seconds == 30
    together = estimate_training(TextReader(text), Parameters(workers=2, deterministic=True), seconds=0.01)
    assert together.tables > plain.tables and together.workers == 2


def n_neighbours(lines: list[str], min_count: int, window: int) -> int:
    counts = Counter(word for line in lines for word in line.split())
    found = set()
    for line in lines:
        words = [word for word in line.split() if counts[word] >= min_count]
        for i, word in enumerate(words):
            found |= {tuple(sorted((word, other))) for other in words[max(0, i - window) : i]}
    return len(found)


def test_estimate_of_glove_counts_neighbours(text: Path, tmp_path: Path) -> None:
    plain, found = estimated(text), estimated(text, objective="glove", window=3)
    assert plain.cells == 0
    assert found.cells == 8 * n_neighbours(text.read_text().splitlines(), 5, 3)
    assert found.peak_memory >= found.cells + found.tables + found.encoded_text
    shown = run("train", text, "--objective", "glove", "--dry-run", "--workers", 1).stdout
    assert "memory: co-occurrence counts" in shown


def test_estimate_of_glove_extrapolates_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.corpora.sampling._SLICE_BYTES", 4000)
    path, lines = tmp_path / "text.txt", zipf_lines(12_000)
    path.write_text("\n".join(lines) + "\n")
    parameters = Parameters(workers=1, objective="glove", window=3)
    found = estimate_training(TextReader(path), parameters, seconds=0.01, sample_bytes=path.stat().st_size // 5)
    assert found.sample_share < 0.3
    assert found.cells == pytest.approx(8 * n_neighbours(lines, 5, 3), rel=0.35)


def test_estimate_needs_frequent_words(text: Path, tmp_path: Path) -> None:
    with pytest.raises(EmptyVocabularyError, match="no word occurs 1000000 times"):
        estimated(text, min_count=1_000_000)
    empty = tmp_path / "empty.txt"
    empty.write_text("...\n")
    with pytest.raises(EmptyVocabularyError):
        estimated(empty)


# The command.


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_dry_run_prints_a_table_and_writes_nothing(text: Path) -> None:
    result = run("train", text, "--dry-run", "--output", text.parent / "out", "--workers", 1)
    assert result.exit_code == 0, result.output
    for fact in ("counted in all of the text", "memory: tables", "disk: model folder", "time: in all", "1 thread"):
        assert fact in result.stdout
    assert [path.name for path in text.parent.iterdir()] == ["text.txt"]


def test_dry_run_prints_json_without_an_output(text: Path) -> None:
    result = run("train", text, "--dry-run", "--json", "--workers", 1)
    assert set(json.loads(result.stdout)) == set(Estimate.__dataclass_fields__)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--dry-run"], 2, "Missing argument"),
        (["-", "--dry-run"], 1, "standard input and pipes can be read only once"),
        (["nowhere.txt", "--dry-run"], 1, "nowhere.txt"),
        (["text.txt", "--dry-run", "--resume", "x"], 2, "--resume and --dry-run exclude"),
        (["text.txt", "--dry-run", "--continue", "x"], 2, "--continue and --dry-run exclude"),
        (["text.txt", "--dry-run", "--patience", "3"], 2, "patience needs something to watch"),
    ],
)
def test_dry_run_refuses_what_it_cannot_estimate(arguments: list[str], code: int, message: str) -> None:
    result = run("train", *arguments)
    assert result.exit_code == code and message in result.stderr and result.stdout == ""
    assert "Traceback" not in result.output
