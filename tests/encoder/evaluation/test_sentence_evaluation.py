"""Files of scored pairs and labelled sentences, the figures of encoders on them, and which of two is better."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from w2v.encoder.evaluation.files import LabelledSentences, ScoredPairs, read_labelled, read_scored_pairs
from w2v.encoder.evaluation.measures import evaluate_classification, evaluate_sts, probe_word_order, swapped_neighbors
from w2v.encoder.evaluation.reports import AccuracyReport, StsReport, compare, spearman
from w2v.evaluation import EvaluationError

WORDS = [f"w{i}" for i in range(40)]


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "file.tsv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def bag(sentences: Sequence[str]) -> NDArray[np.float32]:
    """Add up fixed random rows of the words: an encoder that knows no order."""
    rows = np.random.default_rng(7).normal(size=(len(WORDS), 16)).astype(np.float32)
    return np.array([sum((rows[int(w[1:])] for w in s.split()), np.zeros(16, np.float32)) for s in sentences])


def random_sentences(rng: np.random.Generator, n: int, length: int = 6) -> list[str]:
    return [" ".join(rng.choice(WORDS, size=length, replace=False)) for _ in range(n)]


# files


@pytest.mark.parametrize(
    "text",
    [
        "main\tfile\t2012\t0001\t4.5\tOne a\tOne b\nmain\tfile\t2012\t0002\t1\tTwo a\tTwo b\tsource\n",
        "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tjudgment\n"
        "1\tOne a\tOne b\t4.5\tX\n2\tTwo a\tTwo b\t1\tY\n",
        "One a\tOne b\t4.5\nTwo a\tTwo b\t1\n",
        "4.5\tOne a\tOne b\n\n1\tTwo a\tTwo b\n",
        "\ufeffOne a\tOne b\t4.5\tanything\r\nTwo a\tTwo b\t1\t\r\n",
    ],
)
def test_scored_pairs_are_read_in_every_layout(tmp_path: Path, text: str) -> None:
    pairs = read_scored_pairs(write(tmp_path, text))
    assert pairs.first == ("One a", "Two a")
    assert pairs.second == ("One b", "Two b")
    assert pairs.scores.tolist() == [4.5, 1.0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "index\tsentence1\tsentence2\tscore\n0\tOne, a\tOne b\t4.5\n1\tTwo a\tTwo b\t1\n"),
        ("a.csv", 'sentence1,sentence2,score\n"One, a",One b,4.5\nTwo a,Two b,1\n'),
        ("a.csv", "One, a\tOne b\t4.5\nTwo a\tTwo b\t1\n"),
        ("a.jsonl", '{"sentence1": "One, a", "sentence2": "One b", "score": 4.5}\n'
                    '{"score": 1, "sentence1": "Two a", "sentence2": "Two b"}\n'),
        ("a.csv", 'similarity_score;sentence2;sentence1\n4.5;One b;One, a\n1.0;"Two b";Two a\n'),
    ],
)  # fmt: skip
def test_scored_pairs_are_read_by_the_names_of_columns(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    pairs = read_scored_pairs(tmp_path / name)
    assert (pairs.first, pairs.second) == (("One, a", "Two a"), ("One b", "Two b"))
    assert pairs.scores.tolist() == [4.5, 1.0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "one,two,score\na,b,1\n", "has the columns 'one', 'two', 'score'; expected sentence1, sentence2 and"),
        ("a.csv", "sentence1,sentence2,score\na,b,1\na,b,many\n", "a.csv, line 3: expected two sentences and a score"),
        ("a.csv", "sentence1,sentence2,score\na,b\n", "a.csv, line 2: 2 columns, but the first line names 3"),
        ("a.jsonl", '{"sentence1": "a", "sentence2": null, "score": 1}\n', "a.jsonl, line 1: expected two sentences"),
        ("a.jsonl", "{\n", "a.jsonl, line 1: .*each line must be a JSON object"),
    ],
)
def test_tables_of_scored_pairs_name_the_line_that_is_wrong(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(EvaluationError, match=message):
        read_scored_pairs(tmp_path / name)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "contains no pair"),
        ("a\tb\n", "line 1: expected two sentences and a score"),
        ("a\tb\t1\nc\td\tmany\n", "line 2: the score 'many' is not a number"),
        ("a\tb\t1\nc\td\tnan\n", "line 2: the score 'nan' is not a number"),
        ("a\tb\t1\n\nc\td\n", "line 3: 2 columns, expected at least 3"),
        (b"a\tb\t1\n\xff\tb\t1\n", "line 2: not UTF-8"),
        (b"a\tb\t1\n\0\tb\t1\n", "line 2: the character .* is not text"),
    ],
)
def test_scored_pairs_name_the_line_that_is_wrong(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        read_scored_pairs(write(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        "good\tI like it\nbad\tI do not\ngood\tSo fine\n",
        "I like it \tgood\nI do not \tbad\nSo fine \tgood\n",
        "GOOD:fine I like it\nBAD:ill I do not\nGOOD:so So fine\n",
    ],
)
def test_labelled_sentences_are_read_in_every_layout(tmp_path: Path, text: str) -> None:
    found = read_labelled(write(tmp_path, text))
    assert found.sentences == ("I like it", "I do not", "So fine")
    assert [label.lower() for label in found.labels] == ["good", "bad", "good"]


def test_labelled_sentences_may_be_latin_1(tmp_path: Path) -> None:
    found = read_labelled(write(tmp_path, "A:b Où est-il ?\nC:d Là\n".encode("latin-1")))
    assert found.sentences == ("Où est-il ?", "Là")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "contains no sentence"),
        ("a\tb\nc\n", "line 2: expected a label"),
        ("a\tb\tc\n", "line 1: expected a label"),
        ("no label here\n", "line 1: expected a label"),
        ("a\tone\na\ttwo\n", "all sentences have the label 'a'"),
        (b"a\tb\nc\t\x01d\n", "line 2: the character"),
    ],
)
def test_labelled_sentences_name_the_line_that_is_wrong(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        read_labelled(write(tmp_path, text))


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"nowhere\.tsv cannot be read"):
        read_scored_pairs(tmp_path / "nowhere.tsv")


# sentence similarity


def test_sts_correlates_cosines_with_scores(rng: np.random.Generator) -> None:
    first, second = random_sentences(rng, 50), random_sentences(rng, 50)
    scores = np.round(rng.uniform(0, 5, 50))
    report = evaluate_sts(bag, ScoredPairs(tuple(first), tuple(second), scores))
    a, b = bag(first), bag(second)
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert report.spearman == pytest.approx(spearmanr(cosines, scores)[0], rel=1e-5)
    assert report.pearson == pytest.approx(pearsonr(cosines, scores)[0], rel=1e-5)
    assert report.to_dict()["n_pairs"] == 50


def test_sts_gives_empty_sentences_the_cosine_zero(rng: np.random.Generator) -> None:
    pairs = ScoredPairs(("w1 w2", "", "w3"), ("w1 w2", "w5", ""), np.array([5.0, 1.0, 2.0]))
    report = evaluate_sts(bag, pairs)
    assert report.cosines.tolist() == pytest.approx([1, 0, 0])
    assert report.n_empty == 2


def test_sts_is_told_by_genre(tmp_path: Path, rng: np.random.Generator) -> None:
    kinds = [("news", "headlines"), ("captions", "images"), ("news", "paraphrases")]
    first, second = random_sentences(rng, 60), [*random_sentences(rng, 59), ""]
    scores = rng.uniform(0, 5, 60).round(2)
    rows = [
        f"main-{kinds[i % 3][0]}\t{kinds[i % 3][1]}\t2012\t{i}\t{scores[i]}\t{first[i]}\t{second[i]}\n"
        for i in range(60)
    ]
    report = evaluate_sts(bag, read_scored_pairs(write(tmp_path, "".join(rows))))
    parts = report.by_genre
    assert list(parts) == ["main-news", "main-news/headlines", "main-news/paraphrases", "main-captions"]
    assert [len(part) for part in parts.values()] == [40, 20, 20, 20]
    own = [i for i in range(60) if i % 3 != 1]
    expected = spearmanr(report.cosines[own], scores[own])[0]
    assert parts["main-news"].spearman == pytest.approx(expected, rel=1e-9)
    assert [part.n_empty for part in parts.values()] == [1, 0, 1, 0]
    assert report.to_dict()["genres"]["main-captions"] == parts["main-captions"].to_dict()
    assert "genres" not in parts["main-captions"].to_dict()


def test_pairs_without_genres_have_one_report_only(tmp_path: Path) -> None:
    report = evaluate_sts(bag, read_scored_pairs(write(tmp_path, "w1 w2\tw1\t4\nw2\tw3\t1\n")))
    assert report.by_genre == {}
    assert "genres" not in report.to_dict()


def test_sts_refuses_what_is_no_row_for_each_sentence() -> None:
    pairs = ScoredPairs(("a",), ("b",), np.array([1.0]))
    with pytest.raises(EvaluationError, match=r"shape \(3,\) for 2 sentences"):
        evaluate_sts(lambda sentences: np.zeros(3), pairs)
    with pytest.raises(EvaluationError, match="not finite"):
        evaluate_sts(lambda sentences: np.full((2, 3), np.nan), pairs)


def test_spearman_shares_ranks_among_equals(rng: np.random.Generator) -> None:
    x, y = rng.integers(0, 5, 60).astype(float), rng.integers(0, 5, 60).astype(float)
    assert spearman(x, y) == pytest.approx(spearmanr(x, y)[0], rel=1e-12)


# classification


def planted(rng: np.random.Generator, n: int = 120) -> LabelledSentences:
    """Three labels, each with words of its own beside those that all share."""
    labels = [str(i % 3) for i in range(n)]
    sentences = [
        " ".join([*rng.choice(WORDS[30:], 2), *WORDS[int(label) * 4 : int(label) * 4 + 4]]) for label in labels
    ]
    return LabelledSentences(tuple(sentences), tuple(labels))


def test_classification_finds_planted_labels_and_no_others(rng: np.random.Generator) -> None:
    labelled = planted(rng)
    report = evaluate_classification(bag, labelled, folds=4)
    assert report.accuracy == 1
    assert (report.n_labels, len(report)) == (3, 120)
    assert report.majority == pytest.approx(1 / 3)
    shuffled = LabelledSentences(labelled.sentences, tuple(rng.permutation(labelled.labels).tolist()))
    assert evaluate_classification(bag, shuffled, folds=4).accuracy < 0.5


def test_classification_answers_a_held_out_file(rng: np.random.Generator) -> None:
    labelled, held_out = planted(rng), planted(rng, 30)
    report = evaluate_classification(bag, labelled, held_out=held_out)
    assert len(report) == 30 and report.accuracy == 1
    strange = LabelledSentences(held_out.sentences, ("other",) * 30)
    assert evaluate_classification(bag, labelled, held_out=strange).accuracy == 0


def test_classification_needs_two_sentences_of_a_label_and_two_folds(rng: np.random.Generator) -> None:
    lonely = LabelledSentences(("w1", "w2", "w3"), ("a", "a", "b"))
    with pytest.raises(EvaluationError, match="the label 'b' has one sentence only"):
        evaluate_classification(bag, lonely)
    with pytest.raises(ValueError, match="folds"):
        evaluate_classification(bag, planted(rng), folds=1)


# word order


def test_swapped_neighbors_differ_in_one_neighbouring_pair(rng: np.random.Generator) -> None:
    sentences = [*random_sentences(rng, 20), "w1 w2 w3", "w1 w1 w1 w1 w1"]
    intact, swapped = swapped_neighbors(sentences, seed=3)
    assert len(intact) == len(swapped) == 20
    for before, after in zip(intact, swapped, strict=True):
        wrong = [i for i, (a, b) in enumerate(zip(before.split(), after.split(), strict=True)) if a != b]
        assert len(wrong) == 2 and wrong[1] == wrong[0] + 1
        assert sorted(before.split()) == sorted(after.split())
    assert swapped != swapped_neighbors(sentences, seed=4)[1]


def test_word_order_probe_of_a_bag_is_chance(rng: np.random.Generator) -> None:
    report = probe_word_order(bag, random_sentences(rng, 100))
    assert len(report) == 200
    assert report.accuracy == 0.5  # both forms of a sentence get the same answer


def test_word_order_probe_finds_order_that_is_there(rng: np.random.Generator) -> None:
    ordered = [" ".join(f"w{i}" for i in sorted(rng.choice(40, 6, replace=False))) for _ in range(100)]

    def aware(sentences: Sequence[str]) -> NDArray[np.float32]:
        falls = [np.diff([int(w[1:]) for w in s.split()]).min() < 0 for s in sentences]
        return np.column_stack([bag(sentences), 5 * np.array(falls, np.float32)])

    assert probe_word_order(aware, ordered).accuracy == 1


def test_word_order_probe_needs_sentences() -> None:
    with pytest.raises(EvaluationError, match="needs 20 sentences"):
        probe_word_order(bag, ["w1 w2 w3 w4"] * 19)


# comparison


def sts_report(rng: np.random.Generator, scores: NDArray[np.float64], noise: float) -> StsReport:
    return StsReport(scores + noise * rng.normal(size=len(scores)), scores)


def test_compare_is_sure_of_a_large_difference_only(rng: np.random.Generator) -> None:
    scores = rng.normal(size=300)
    good, equal, bad = (sts_report(rng, scores, noise) for noise in (0.5, 0.5, 1.5))
    better = compare([good], [bad], n_resamples=300)
    assert better.is_sure and better.difference > 0 and better.p_worse == 0
    assert better.low < better.difference < better.high
    assert better.difference == pytest.approx(good.spearman - bad.spearman)
    assert not compare([good], [equal], n_resamples=300).is_sure
    assert compare([bad], [good], n_resamples=300).high < 0


def test_compare_draws_the_same_items_of_both(rng: np.random.Generator) -> None:
    """Of two encoders that differ in one answer, the paired difference is far narrower than each accuracy is."""
    correct = rng.random(400) < 0.5
    other = correct.copy()
    other[np.flatnonzero(~correct)[:4]] = True
    found = compare([AccuracyReport(other, 2, 0.5)], [AccuracyReport(correct, 2, 0.5)], n_resamples=300)
    assert found.difference == pytest.approx(0.01)
    assert 0 <= found.low and found.high < 0.025


def test_compare_takes_the_mean_of_files(rng: np.random.Generator) -> None:
    scores = rng.normal(size=50)
    good, bad = sts_report(rng, scores, 0.1), sts_report(rng, scores, 0.9)
    all_right, most_right = AccuracyReport(np.ones(10, bool), 2, 0.5), AccuracyReport(np.arange(10) < 6, 2, 0.5)
    expected = (good.spearman - bad.spearman + 0.4) / 2
    assert compare([good, all_right], [bad, most_right], n_resamples=20).difference == pytest.approx(expected)


def test_compare_refuses_other_items() -> None:
    report = AccuracyReport(np.ones(3, bool), 2, 0.5)
    with pytest.raises(ValueError, match="the same items"):
        compare([report], [AccuracyReport(np.ones(4, bool), 2, 0.5)])
    with pytest.raises(ValueError, match="the same items"):
        compare([], [])
