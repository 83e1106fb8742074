"""Two languages that are one, turned: what alignment has to find, and what it refuses."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.twins import naive_alignment as naive
from w2v import Embeddings, UnknownWordError
from w2v.alignment import Aligner, AlignmentError, WordTranslator, read_dictionary
from w2v.corpora import CorpusError
from w2v.evaluation import evaluate_translations
from w2v.vectors.spaces.anchors import share_space
from w2v.vectors.spaces.moving import centred
from w2v.vectors.subwords import Subwords, SubwordVectors

N, WIDTH = 300, 16


def languages(noise: float = 0.1, n: int = N) -> tuple[Embeddings, Embeddings]:
    """Return "en0", "en1", … and, turned and shaken, "de0", "de1", …: word i means word i."""
    rng = np.random.default_rng(3)
    scales = np.linspace(2, 0.3, WIDTH)  # no language is round
    english = (rng.standard_normal((n, WIDTH)) + 0.3) ** 3 * scales
    turn, _ = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))
    german = (english + noise * rng.standard_normal(english.shape)) @ turn
    return Embeddings([f"en{i}" for i in range(n)], english), Embeddings([f"de{i}" for i in range(n)], german)


def pairs(*rows: int) -> list[tuple[str, str]]:
    return [(f"en{i}", f"de{i}") for i in rows]


def right(source: Embeddings, target: Embeddings) -> float:
    """Return the fraction of words that are translated rightly."""
    found = WordTranslator(source, target).translate(list(source), top_n=1)
    return float(np.mean([near[0][0][2:] == word[2:] for word, near in zip(source, found, strict=True)]))


def test_align_finds_the_rotation_and_leaves_the_language_as_it_is() -> None:
    english, german = languages(noise=0)
    aligned = Aligner(refinements=0).fit(english, german, pairs(*range(20))).transform(english)
    np.testing.assert_allclose(aligned.vectors, german.vectors, atol=1e-4)
    for word in ("en1", "en200"):
        before, after = dict(english.neighbors(word)), dict(aligned.neighbors(word))
        assert list(before) == list(after) and after == pytest.approx(before, abs=1e-5)


@pytest.mark.parametrize("refinements", [0, 1, 3])
def test_align_does_what_the_twin_does(refinements: int) -> None:
    english, german = languages(noise=1.0)
    aligner = Aligner(refinements=refinements).fit(english, german, pairs(*range(0, 60, 2)))
    given = np.array([[i, i] for i in range(0, 60, 2)])
    done = len(aligner.history_) - 1
    assert min(refinements, 1) <= done <= refinements
    np.testing.assert_allclose(
        aligner.rotation_, naive.align(english.vectors, german.vectors, given, 10, done), atol=1e-4
    )


def test_refinement_helps_a_poor_dictionary_and_never_makes_the_languages_less_alike() -> None:
    english, german = languages(noise=0.4)
    rough = Aligner(refinements=0).fit(english, german, pairs(*range(9)))
    fine = Aligner(refinements=20).fit(english, german, pairs(*range(9)))
    assert right(fine.transform(english), german) > right(rough.transform(english), german) + 0.1
    likeness = [entry["cosine"] for entry in fine.history_]
    assert likeness == sorted(likeness) and len(likeness) < 21
    assert fine.history_[0] == rough.history_[0]


def test_align_without_a_dictionary_finds_the_same_and_depends_on_the_seed_alone() -> None:
    english, german = languages(noise=0.05)
    aligner = Aligner(random_state=4).fit(english, german, "none")
    assert right(aligner.transform(english), german) > 0.97
    again = Aligner(random_state=4).fit(english, german, "none")
    assert (again.rotation_ == aligner.rotation_).all()


def test_align_by_words_that_are_spelled_alike() -> None:
    english, german = languages()
    named = Embeddings([*(f"name{i}" for i in range(30)), *list(english)[30:]], english.vectors)
    names = Embeddings([*(f"name{i}" for i in range(30)), *list(german)[30:]], german.vectors)
    aligner = Aligner().fit(named, names)
    assert aligner.n_pairs_ == 30
    assert right(aligner.transform(named), names) > 0.95


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_aligned_models_are_saved_and_remember_their_target(tmp_path: Path, dtype: str) -> None:
    english, german = languages()
    small = english.astype(dtype)  # type: ignore[arg-type]
    assert not share_space(small, german)
    aligned = Aligner().fit(small, german, pairs(*range(60))).transform(small, name="german.model")
    aligned.save(tmp_path / "a")
    opened = Embeddings.load(tmp_path / "a")
    assert opened.dtype == dtype and opened.metadata["aligned_to"]["model"] == "german.model"
    for other in (german, german.astype("int8"), german.head(40)):
        assert share_space(opened, other) and share_space(other, opened)
    assert not share_space(opened, english) and not share_space(opened, centred(german))
    assert not share_space(centred(opened), german), "what was moved afterwards is elsewhere"


def test_two_models_that_are_aligned_to_one_are_in_one_space() -> None:
    english, german = languages()
    french = Embeddings([f"fr{i}" for i in range(N)], english.vectors[:, ::-1])
    first = Aligner().fit(english, german, pairs(*range(60))).transform(english)
    second = Aligner().fit(french, german, [(f"fr{i}", f"de{i}") for i in range(60)]).transform(french)
    assert share_space(first, second)


def test_ngrams_turn_with_the_words() -> None:
    english, german = languages()
    ngrams = SubwordVectors(Subwords(3, 4, 50), np.random.default_rng(1).standard_normal((50, WIDTH)).astype("f"))
    whole = Embeddings(list(english), english.vectors, subwords=ngrams)
    aligner = Aligner().fit(whole, german, pairs(*range(60)))
    expected = whole["unseen"] @ aligner.rotation_
    np.testing.assert_allclose(aligner.transform(whole)["unseen"], expected, atol=1e-5)


def test_translate_ranks_by_csls_or_cosine_as_the_twin_does() -> None:
    english, german = languages(noise=1.0)
    aligned = Aligner().fit(english, german, pairs(*range(60))).transform(english)
    translator = WordTranslator(aligned, german, k=7)
    x, y = aligned.vectors, german.vectors
    for method, scores in (("csls", naive.csls(x, y, 7)), ("nearest", naive.units(x) @ naive.units(y).T)):
        found = translator.translate(["en5", "en250"], top_n=4, method=method)  # type: ignore[arg-type]
        for row, near in zip((5, 250), found, strict=True):
            best = naive.best(scores[[row]], 4)[0]
            assert [word for word, _ in near] == [f"de{i}" for i in best]
            assert [score for _, score in near] == pytest.approx(scores[row, best].tolist(), abs=1e-5)
    few = WordTranslator(aligned, german, restrict_vocab=10).translate(["en250"], top_n=20)[0]
    assert len(few) == 10 and {word for word, _ in few} == {f"de{i}" for i in range(10)}


def test_words_without_a_direction_are_nobodys_translation() -> None:
    english, german = languages()
    vectors = german.vectors.copy()
    vectors[7], vectors[8] = 0, np.nan
    broken = Embeddings(list(german), vectors)
    aligner = Aligner().fit(english, broken, pairs(*range(60)))
    assert np.isfinite(aligner.rotation_).all()
    found = WordTranslator(aligner.transform(english), broken).translate(list(english), top_n=3)
    assert not {"de7", "de8"} & {word for near in found for word, _ in near}
    with pytest.raises(AlignmentError, match="'de8' is not finite"):
        WordTranslator(broken, english).translate(["de8"])


def test_evaluate_counts_words_with_several_answers_once_and_says_the_coverage(tmp_path: Path) -> None:
    english, german = languages(noise=1.2)
    aligned = Aligner().fit(english, german, pairs(*range(60))).transform(english)
    lines = [f"en{i}\tde{i}\tn\nen{i}\tde{(i + 1) % N}" for i in range(100, 160)] + ["en3\tunknown", "foo\tde1"]
    (tmp_path / "d.tsv").write_text("\n".join(lines), encoding="utf-8")
    report = evaluate_translations(aligned, tmp_path / "d.tsv", german)
    answers = {i: {i, (i + 1) % N} for i in range(100, 160)}
    assert (report.n_words, report.n_asked) == (62, 60)
    scores = {
        "csls": naive.csls(aligned.vectors, german.vectors, 10),
        "nearest": naive.units(aligned.vectors) @ naive.units(german.vectors).T,
    }
    for method, of_method in scores.items():
        for rank, found in report.precision[method].items():
            assert found == pytest.approx(naive.precision(of_method, answers, rank)), (method, rank)
    assert report.to_dict()["precision"]["csls"]["1"] == report.precision["csls"][1]
    (tmp_path / "none.tsv").write_text("foo bar\n", encoding="utf-8")
    nothing = evaluate_translations(aligned, tmp_path / "none.tsv", german)
    assert nothing.n_asked == 0 and nothing.to_dict()["precision"]["nearest"]["1"] is None


def test_aligners_are_estimators() -> None:
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError

    aligner = Aligner(refinements=2, k=5)
    assert clone(aligner).get_params() == aligner.get_params() == {
        "refinements": 2, "frequent": 10_000, "k": 5, "random_state": 1,
    }  # fmt: skip
    with pytest.raises(NotFittedError):
        aligner.transform(languages()[0])
    english, german = languages()
    aligner.fit(english, german, pairs(*range(60)))
    again = pickle.loads(pickle.dumps(aligner)).transform(english)
    assert (again.vectors == aligner.transform(english).vectors).all()


# --- what is refused --------------------------------------------------------------------------------------------------


def test_align_refuses_what_cannot_be_aligned() -> None:
    english, german = languages()
    narrow = Embeddings(list(german), german.vectors[:, :8])
    with pytest.raises(AlignmentError, match="16 and 8 dimensions"):
        Aligner().fit(english, narrow, pairs(1))
    for same in (english, Embeddings(list(english), english.vectors.copy())):
        with pytest.raises(AlignmentError, match="source and target are the same model"):
            Aligner().fit(english, same, [("en1", "en2")])
    with pytest.raises(AlignmentError, match="of the 2 pairs of the dictionary, none .* not even 'a' and 'b'"):
        Aligner().fit(english, german, [("a", "b"), ("en1", "c")])
    with pytest.raises(AlignmentError, match="no word is spelled alike"):
        Aligner().fit(english, german)
    with pytest.raises(AlignmentError, match="read_dictionary reads a file"):
        Aligner().fit(english, german, "en-de.tsv")
    nothing: Any
    for nothing in (5, None):
        with pytest.raises(
            AlignmentError, match=r"must be pairs of words, .* not (int|NoneType): pass \[\(word, trans"
        ):
            Aligner().fit(english, german, nothing)
        with pytest.raises(AlignmentError, match=f"pair 2 of the dictionary must be a word and its .*, not {nothing}"):
            Aligner().fit(english, german, [("en1", "de1"), nothing])
        with pytest.raises(TypeError, match=f"translate needs a list of words, such as .*, not {nothing}"):
            WordTranslator(english, german).translate(nothing)
    with pytest.raises(ValueError, match="refinements must be a whole number from 0"):
        Aligner(refinements=-1).fit(english, german, pairs(1))
    with pytest.raises(AlignmentError, match="the rotation has 16 dimensions"):
        Aligner().fit(english, german, pairs(*range(60))).transform(narrow)
    with pytest.raises(AlignmentError, match="16 and 8 dimensions"):
        WordTranslator(english, narrow)
    with pytest.raises(UnknownWordError, match="'foo' is not in the vocabulary"):
        WordTranslator(english, german).translate(["en1", "foo"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\nalone\n", r"d\.txt, line 2: expected a word, a tab and its translation, not 'alone'"),
        ("a b\nof the house\n", r"d\.txt, line 2: expected"),
        ("a\t\n", r"d\.txt, line 1: expected"),
        ("\n \n", "no pair of words"),
        ("", "no pair of words"),
    ],
)
def test_read_dictionary_names_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "d.txt").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        read_dictionary(tmp_path / "d.txt")


def test_read_dictionary_takes_tabs_with_further_columns_and_spaces(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("waves\twelle\tn\n\nnew york\tneu york\nhouse  haus\n", encoding="utf-8")
    expected = [("waves", "welle"), ("new york", "neu york"), ("house", "haus")]
    assert read_dictionary(tmp_path / "d.txt") == expected


def test_dictionaries_come_in_several_types() -> None:
    english = Embeddings(["one", "two"], [[1.0, 0.0], [0.0, 1.0]])
    german = Embeddings(["eins", "zwei", "zwo"], [[0.0, 1.0], [-1.0, 0.0], [-0.9, 0.1]])
    pairs = [("one", "eins"), ("two", "zwei"), ("two", "zwo")]
    pandas = pytest.importorskip("pandas")
    expected = Aligner(refinements=0).fit(english, german, pairs)
    tables: list[Any] = [
        {"one": "eins", "two": ["zwei", "zwo"]},
        pandas.DataFrame(pairs, columns=["en", "de"]),
        np.array(pairs),
        iter(pairs),
    ]
    for dictionary in tables:
        found = Aligner(refinements=0).fit(english, german, dictionary)
        assert found.pairs_.tolist() == expected.pairs_.tolist() == [[0, 0], [1, 1], [1, 2]]
    with pytest.raises(AlignmentError, match="each translation of a word needs a pair of its own"):
        Aligner().fit(english, german, [("two", "zwei, zwo")])
    with pytest.raises(AlignmentError, match="pair 1 of the dictionary must be a word and its translation"):
        Aligner().fit(english, german, pandas.DataFrame({"en": ["one"], "de": ["eins"], "n": [1]}))
    with pytest.raises(TypeError, match="vectors of words must be Embeddings, not str"):
        expected.transform("one.model")  # type: ignore[arg-type]
