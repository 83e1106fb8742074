"""Analogies and word pairs, against the questions asked one by one and against gensim."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from w2v import Word2Vec
from w2v.evaluation import (
    AnalogySection,
    EvaluationError,
    analogies,
    evaluate_analogies,
    evaluate_spelling,
    evaluate_word_pairs,
)
from w2v.vectors.embeddings import Embeddings

N_PAIRS = 40


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    """Pairs (a0, b0), (a1, b1), …, whose difference is roughly constant; some words in two cases, and noise words."""
    first = rng.normal(size=(N_PAIRS, 12))
    second = first + 1.2 * rng.normal(size=12) + 0.45 * rng.normal(size=(N_PAIRS, 12))
    words = [f"a{i}" for i in range(N_PAIRS)] + [f"b{i}" for i in range(N_PAIRS)] + [f"noise{i}" for i in range(50)]
    vectors = np.concatenate([first, second, rng.normal(size=(50, 12))])
    doubles = rng.permutation(2 * N_PAIRS)[:20]
    words += [words[row].upper() for row in doubles]
    vectors = np.concatenate([vectors, vectors[doubles] + 0.1 * rng.normal(size=(20, 12))])
    order = rng.permutation(len(words))
    lengths = rng.uniform(0.5, 3, size=(len(words), 1))
    return Embeddings([words[row] for row in order], (vectors * lengths)[order].astype(np.float32))


@pytest.fixture
def questions(tmp_path: Path, rng: np.random.Generator) -> Path:
    lines = []
    for section in ("one", "two words"):
        lines.append(f": {section}")
        for _ in range(150):
            i, j = rng.choice(N_PAIRS, size=2, replace=False)
            line = f"a{i} b{i} a{j} b{j}"
            lines.append(line.upper() if rng.random() < 0.3 else line)
        lines.append("a1 b1 unknown b2")
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def naive_correct(embeddings: Embeddings, path: Path, method: Literal["add", "mul"], n_words: int) -> list[bool]:
    """Ask one question after another through `Embeddings.analogy`, ignoring case by hand."""
    words = embeddings.index_to_key[:n_words]
    first = {}
    for word in reversed(words):
        first[word.lower()] = word
    results = []
    for line in path.read_text().lower().splitlines():
        asked = line.split()
        if line.startswith(":") or any(word not in first for word in asked):
            continue
        a, b, c = (first[word] for word in asked[:3])
        ranked = embeddings.analogy(a, b, c, method=method, top_n=len(words), restrict_vocab=n_words)
        answer = next(word.lower() for word, _ in ranked if word.lower() not in asked[:3])
        results.append(answer == asked[3])
    return results


# analogies


@pytest.mark.parametrize("method", ["add", "mul"])
@pytest.mark.parametrize(("block", "restrict_vocab"), [(1, 120), (7, None), (7, 1000), (4096, None), (4096, 120)])
def test_analogies_are_right_where_asking_one_by_one_is(
    embeddings: Embeddings,
    questions: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: Literal["add", "mul"],
    restrict_vocab: int | None,
    block: int,
) -> None:
    monkeypatch.setattr(analogies, "_BLOCK_WORDS", block)
    monkeypatch.setattr(analogies, "_BLOCK_QUESTIONS", block)
    report = evaluate_analogies(embeddings, questions, method=method, restrict_vocab=restrict_vocab)
    expected = naive_correct(embeddings, questions, method, restrict_vocab or len(embeddings))
    assert 0.2 < np.mean(expected) < 0.98  # a model that knows all or nothing would test nothing
    assert report.total.total == len(expected)
    assert report.total.correct == sum(expected)


@pytest.mark.interop
@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("restrict_vocab", [110, 300_000])
def test_analogies_agree_with_gensim(
    embeddings: Embeddings, questions: Path, lowercase: bool, restrict_vocab: int
) -> None:
    pytest.importorskip("gensim")
    report = evaluate_analogies(embeddings, questions, restrict_vocab=restrict_vocab, lowercase=lowercase)
    accuracy, sections = embeddings.to_gensim().evaluate_word_analogies(
        str(questions), restrict_vocab=restrict_vocab, case_insensitive=lowercase
    )
    assert report.total.accuracy == pytest.approx(accuracy)
    assert [section.name for section in report.sections] == [section["section"] for section in sections[:-1]]
    for ours, theirs in zip([*report.sections, report.total], sections, strict=True):
        assert (ours.correct, ours.total - ours.correct) == (len(theirs["correct"]), len(theirs["incorrect"]))


def test_analogies_count_sections_and_unknown_words(embeddings: Embeddings, questions: Path) -> None:
    report = evaluate_analogies(embeddings, questions)
    assert [section.name for section in report.sections] == ["one", "two words"]
    assert [section.total for section in report.sections] == [150, 150]
    assert [section.skipped for section in report.sections] == [1, 1]
    assert report.total.total == 300 and report.total.name == "total"
    assert report.total.correct == sum(section.correct for section in report.sections)
    assert report.total.coverage == pytest.approx(300 / 302)


def test_analogies_never_answer_with_a_given_word_in_any_case(tmp_path: Path) -> None:
    vectors = [[1, 0], [0, 1], [0.7, 0.7], [0.69, 0.71], [0.5, 0.5]]
    embeddings = Embeddings(["man", "king", "woman", "WOMAN", "queen"], np.array(vectors))
    path = tmp_path / "q"
    path.write_text("man king woman queen\n")
    assert evaluate_analogies(embeddings, path).total.correct == 1
    assert evaluate_analogies(embeddings, path, method="mul").total.correct == 1
    assert evaluate_analogies(embeddings, path, lowercase=False).total.correct == 0


def test_analogies_pass_over_rows_that_are_not_finite(tmp_path: Path) -> None:
    vectors = [[1, 0, 0], [1, 1, 0], [0, 0, 1], [np.nan, 1, 1], [np.inf, 0, 0], [0, 0.1, 0.1]]
    embeddings = Embeddings(["a", "b", "c", "nan", "inf", "d"], np.array(vectors))
    path = tmp_path / "q"
    path.write_text("a b c d\nnan b c d\n")
    for method in ("add", "mul"):
        report = evaluate_analogies(embeddings, path, method=method)
        assert (report.total.correct, report.total.total) == (1, 2)


def test_analogies_without_any_other_word_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "q"
    path.write_text("a b a a\n")
    assert evaluate_analogies(Embeddings(["a", "b"], np.eye(2)), path).total.correct == 0


def test_analogies_of_unknown_words_give_nan_and_null(tmp_path: Path) -> None:
    path = tmp_path / "q"
    path.write_text(": empty\n: s\nw x y z\n")
    report = evaluate_analogies(Embeddings(["a"], [[1.0]]), path)
    assert report.sections == (AnalogySection("empty", 0, 0, 0), AnalogySection("s", 0, 0, 1))
    assert math.isnan(report.total.accuracy) and report.total.coverage == 0
    encoded = json.dumps(report.to_dict(), allow_nan=False)
    assert json.loads(encoded)["total"] == {
        "name": "total", "correct": 0, "total": 0, "skipped": 1, "accuracy": None, "coverage": 0.0,
    }  # fmt: skip
    assert json.loads(encoded)["sections"][0]["coverage"] is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b": s\na b c\n", "q, line 2: a question must be four words, but this line has 3"),
        (b": s\na b c d\n\na b c d e\n", "q, line 4: .* has 5"),
        (b": s\na b c \xff\n", "q, line 2: not UTF-8"),
        (b"", "no analogy question"),
        (b": only a name\n", "no analogy question"),
    ],
)
def test_analogies_name_file_and_line_of_a_mistake(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "q").write_bytes(content)
    with pytest.raises(EvaluationError, match=message):
        evaluate_analogies(Embeddings(["a"], [[1.0]]), tmp_path / "q")


def test_evaluation_rejects_missing_files_and_bad_options(embeddings: Embeddings, questions: Path) -> None:
    for evaluate in (evaluate_analogies, evaluate_word_pairs):
        with pytest.raises(EvaluationError, match="nothing cannot be read: No such file"):
            evaluate(embeddings, questions.parent / "nothing")
        with pytest.raises(EvaluationError, match="cannot be read"):
            evaluate(embeddings, questions.parent)
    with pytest.raises(ValueError, match="method"):
        evaluate_analogies(embeddings, questions, method="div")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="restrict_vocab"):
        evaluate_analogies(embeddings, questions, restrict_vocab=0)


# pairs


@pytest.fixture
def pairs(tmp_path: Path, rng: np.random.Generator) -> Path:
    lines = ["# a comment"]
    for _ in range(80):
        i, j = rng.choice(N_PAIRS, size=2)
        lines.append(f"A{i}\tb{j}\t{rng.integers(0, 10)}")  # whole numbers: many ties
    lines.append("a1\tunknown\t3")
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_pairs_agree_with_scipy(embeddings: Embeddings, pairs: Path) -> None:
    stats = pytest.importorskip("scipy.stats")
    first = {}
    for word in reversed(embeddings.index_to_key):
        first[word.lower()] = word
    rows = [line.lower().split("\t") for line in pairs.read_text().splitlines()[1:-1]]
    cosines = [embeddings.similarity(first[a], first[b]) for a, b, _ in rows]
    scores = [float(score) for _, _, score in rows]
    report = evaluate_word_pairs(embeddings, pairs)
    assert report.spearman == pytest.approx(stats.spearmanr(cosines, scores).statistic, abs=1e-6)
    assert report.pearson == pytest.approx(stats.pearsonr(cosines, scores).statistic, abs=1e-5)
    assert (report.n_pairs, report.n_used) == (81, 80)
    assert report.coverage == pytest.approx(80 / 81)
    assert report.to_dict() == {
        "spearman": report.spearman, "pearson": report.pearson, "n_pairs": 81, "n_used": 80,
        "coverage": report.coverage,
    }  # fmt: skip


@pytest.mark.interop
@pytest.mark.parametrize("lowercase", [True, False])
def test_pairs_agree_with_gensim(embeddings: Embeddings, pairs: Path, lowercase: bool) -> None:
    pytest.importorskip("gensim")
    pearson, spearman, unknown = embeddings.to_gensim().evaluate_word_pairs(str(pairs), case_insensitive=lowercase)
    report = evaluate_word_pairs(embeddings, pairs, lowercase=lowercase)
    assert report.pearson == pytest.approx(pearson[0], abs=1e-5)
    assert report.spearman == pytest.approx(spearman[0], abs=1e-3)  # rounding may swap near ties
    assert 100 * (1 - report.coverage) == pytest.approx(unknown)


@pytest.mark.parametrize(
    "content",
    [
        "a b 1\nb c 2\na c 5\n",
        "a\tb\t1\nb\tc\t2\na\tc\t5\n",
        "\ufeffWord 1,Word 2,Human (mean)\r\nA,b,1\r\nb,C,2\r\na,c,5\r\n",
        "word1\tword2\tPOS\tSimLex999\tconc\na\tb\tA\t1\t7\nb\tc\tN\t2\t7\na\tc\tV\t5\t3\n",
        "# note\n\n  a   b  1 \nb , c , 2\n#\na\tc\t5",
        "a;b;1,0\nb;c;2,5\na;c;5,0\n",
        "a\tb\t1,0\nb\tc\t2,5\na\tc\t5\n",
        "a b 1,5\nb c 2,5\na c 5,5\n",
        '"a","b","1"\n"b","c","2"\n"a","c","5"\n',
        ",w1,w2,score\n0,a,b,1\n1,b,c,2\n2,a,c,5\n",
        "1\ta\tb\t1\n2\tb\tc\t2\n3\ta\tc\t5\n",
    ],
)
def test_pairs_of_every_usual_layout_are_read(tmp_path: Path, content: str) -> None:
    embeddings = Embeddings(["a", "b", "c"], np.array([[1, 0], [0, 1], [1, 0.5]]))
    (tmp_path / "p").write_text(content)
    report = evaluate_word_pairs(embeddings, tmp_path / "p")
    assert (report.n_pairs, report.n_used) == (3, 3)
    assert report.spearman == pytest.approx(1)


def test_pairs_without_variation_give_nan_and_null(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a b 1\nx y 2\n")
    for words in (["a", "b"], ["c", "d"]):
        report = evaluate_word_pairs(Embeddings(words, np.eye(2)), tmp_path / "p")
        assert math.isnan(report.spearman) and math.isnan(report.pearson)
        assert report.to_dict()["spearman"] is None
        assert report.n_used == (words == ["a", "b"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a b 1\na b\n", "p, line 2: expected two words and a score"),
        (b"a b 1\n\na b x\n", "p, line 3: expected"),
        (b"a b 1\na b nan\n", "p, line 2: expected"),
        (b"a b 1\n,b,1\n", "p, line 2: expected"),
        (b"a b\n", "no word pair"),
        (b"# a b 1\n", "no word pair"),
        (b"a \xff 1\n", "p, line 1: not UTF-8"),
        (b"a\tb\tnan\nb\tc\t2\n", "p, line 1: expected two words and a score"),  # it is not the names of columns
        (b"a;b;inf\nb;c;2\n", "p, line 1: expected two words and a score"),
    ],
)
def test_pairs_name_file_and_line_of_a_mistake(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(EvaluationError, match=message):
        evaluate_word_pairs(Embeddings(["a"], [[1.0]]), tmp_path / "p")


def test_spelling_knows_words_that_share_letters_only(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("river rivers 9\nriver driver 5\nriver sea 8\n")
    report = evaluate_spelling(tmp_path / "p")
    # trigrams of <river>: <ri riv ive ver er>; of <rivers> 4 of its 6, of <driver> 4 of its 6; of <sea> none
    shared = np.array([2 * 4 / 11, 2 * 4 / 11, 0])
    assert report.pearson == pytest.approx(np.corrcoef(shared, [9, 5, 8])[0, 1])
    assert (report.n_pairs, report.n_used) == (3, 3)


def test_spelling_ignores_case_unless_told(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("SEA sea 3\nlake like 2\na b 1\n")
    assert evaluate_spelling(tmp_path / "p").spearman == pytest.approx(1)
    assert evaluate_spelling(tmp_path / "p", lowercase=False).spearman < 1


def test_analogies_refuse_an_unknown_method(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'add', 'mul' or 'nearest', not 'best'"):
        evaluate_analogies(Embeddings(["a"], [[1.0]]), tmp_path / "q", method="best")  # type: ignore[arg-type]


def test_words_that_are_numbers_are_not_line_numbers(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("1\t2\t9\n1\tone\t5\n2\ttwo\t7\n", encoding="utf-8")
    report = evaluate_word_pairs(Embeddings(["1", "2", "one", "two"], np.eye(4)), tmp_path / "p")
    assert (report.n_pairs, report.n_used) == (3, 3)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_compressed_questions_and_pairs_are_read(tmp_path: Path, suffix: str) -> None:
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    pack = packers[suffix]
    embeddings = Embeddings(["a", "b", "c", "d"], np.eye(4) + 1)
    questions, pairs = tmp_path / f"q.txt{suffix}", tmp_path / f"p.txt{suffix}"
    questions.write_bytes(pack(b": one\na b c d\n"))
    pairs.write_bytes(pack(b"a b 1\n"))
    assert evaluate_analogies(embeddings, questions).total.total == 1
    assert evaluate_word_pairs(embeddings, pairs).n_used == 1
    questions.write_bytes(pack(b": one\na b c d\n")[:-6])
    with pytest.raises(EvaluationError, match=rf"q\.txt\{suffix} is truncated"):
        evaluate_analogies(embeddings, questions)


def test_questions_and_pairs_find_words_as_queries_do(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    text = [f"new york has a {composed}", "b c d a", "d b a c", "c a b d"] * 30
    options: dict[str, Any] = {"phrases": True, "phrase_scoring": "npmi", "phrase_threshold": 0.99}
    model = Word2Vec(min_count=1, vector_size=4, epochs=1, workers=1, random_state=1, **options).fit(text)
    embeddings = model.embeddings_
    assert "new_york" in embeddings.key_to_index and composed in embeddings.key_to_index
    (tmp_path / "p").write_text(f"New York\t{decomposed}\t1\nb\tc\t2\n", encoding="utf-8")
    assert evaluate_word_pairs(embeddings, tmp_path / "p").n_used == 2
    (tmp_path / "q").write_text(f"b c d {decomposed}\n", encoding="utf-8")
    assert evaluate_analogies(embeddings, tmp_path / "q").total.total == 1
    assert evaluate_analogies(embeddings, tmp_path / "q", restrict_vocab=1).total.total == 0
