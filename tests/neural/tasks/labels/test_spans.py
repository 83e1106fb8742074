"""Spans: every way in which tags write them, exhaustively against conlleval's rules, and against seqeval."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from w2v.neural.tasks.labels.crf import Constraints
from w2v.neural.tasks.labels.spans import (
    SCHEMES,
    LabelScore,
    Span,
    are_of_spans,
    constraints_of,
    find_scheme,
    score_tags,
    spans_of,
    written,
)

IOB = ["O", "B-X", "I-X", "B-Y", "I-Y"]
BIOES = [*IOB, "E-X", "S-X", "E-Y", "S-Y"]


def conlleval(tags: tuple[str, ...]) -> list[Span]:
    """Return spans by conlleval.pl's two tables, endOfChunk and startOfChunk."""
    found: list[Span] = []
    start, before, kept = None, "O", ""
    for place, tag in enumerate([*tags, "O"]):
        letter, _, label = tag.partition("-")
        pair = before + letter
        ends = pair in ("BB", "BS", "BO", "IB", "IS", "IO") or before in "ES" or (before != "O" and kept != label)
        starts = letter in "BS" or pair in ("EE", "EI", "SE", "SI", "OE", "OI") or (letter != "O" and kept != label)
        if ends and start is not None:
            found.append(Span(start, place, kept))
            start = None
        if starts and letter != "O":
            start = place
        before, kept = letter, label
    return found


@pytest.mark.parametrize("tags", [IOB, BIOES])
def test_spans_are_those_of_conlleval_whatever_the_tags(tags: list[str]) -> None:
    for length in range(5 if tags is BIOES else 6):
        for way in itertools.product(tags, repeat=length):
            assert spans_of(way) == conlleval(way), way


def allowed(way: tuple[str, ...], constraints: Constraints, tags: list[str]) -> bool:
    rows = [tags.index(tag) for tag in way]
    total = constraints.start[rows[0]] + constraints.end[rows[-1]]
    return bool(np.isfinite(total + sum(constraints.transitions[pair] for pair in itertools.pairwise(rows))))


@pytest.mark.parametrize(("scheme", "tags"), [("IOB2", IOB), ("BIOES", BIOES)])
def test_constraints_allow_what_is_written_and_nothing_else(scheme: str, tags: list[str]) -> None:
    constraints = constraints_of(tags)
    for length in range(1, 5):
        for way in itertools.product(tags, repeat=length):
            is_whole = written(spans_of(way), length, scheme) == list(way)
            assert allowed(way, constraints, tags) == is_whole, way


@pytest.mark.parametrize("scheme", SCHEMES)
def test_schemes_write_the_same_spans_and_are_found(scheme: str) -> None:
    draw, sentences = random.Random(1), []
    for _ in range(200):
        spans, place, length = [], 0, draw.randint(1, 12)
        while place < length:
            stop = min(length, place + draw.randint(1, 3))
            if draw.random() < 0.5:
                spans.append(Span(place, stop, draw.choice("XY")))
            place = stop
        sentences.append(written(spans, length, scheme))
        assert spans_of(sentences[-1]) == spans
    assert find_scheme(sentences) == (scheme, 0)


def test_broken_tags_are_counted_and_read_as_conlleval_does() -> None:
    sentences = [["B-X", "I-X", "O"], ["O", "I-X"], ["B-X", "I-Y"], ["B-X", "B-X"], ["B-X"]]
    assert find_scheme(sentences) == ("IOB2", 2)
    assert find_scheme([["I-X", "I-X"], ["I-X", "B-X"]]) == ("IOB1", 0)
    assert find_scheme([["S-X"], ["B-X", "O"]]) == ("BIOES", 1)
    assert find_scheme([["B-X", "L-X", "U-Y"]]) == ("BIOES", 0)
    assert spans_of(["U-X", "B-Y", "L-Y", "M-Z", "W-Z"]) == [(0, 1, "X"), (1, 3, "Y"), (3, 4, "Z"), (4, 5, "Z")]


def test_tags_of_spans_are_told_from_others() -> None:
    assert are_of_spans(IOB) and are_of_spans({"B-NP"}) and are_of_spans(["O", "I-A-B"])
    assert not any(map(are_of_spans, (["O"], ["NN", "VB"], ["O", "PRON"], ["B-X", "NN"], ["-LRB-", "O"], [])))


def test_scores_are_what_one_counts() -> None:
    wanted = [["B-X", "I-X", "O", "B-Y"], ["O", "B-X"]]
    found = [["B-X", "I-X", "B-Y", "I-Y"], ["O", "O"]]
    scores = score_tags(wanted, found)
    assert scores.spans == LabelScore(3, 2, 1) and scores.accuracy == 3 / 6
    assert scores.labels == {"X": LabelScore(2, 1, 1), "Y": LabelScore(1, 1, 0)}
    assert scores.main == pytest.approx(0.4) and LabelScore(0, 0, 0).f1 == 0
    assert scores.to_dict()["labels"]["X"] == {
        "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "wanted": 2, "found": 1, "right": 1
    }  # fmt: skip
    words = score_tags([["NN", "VB"], ["NN"]], [["NN", "NN"], ["NN"]])
    assert words.spans is None and words.main == words.accuracy == 2 / 3
    assert words.labels == {"NN": LabelScore(2, 3, 2), "VB": LabelScore(1, 0, 0)}
    with pytest.raises(ValueError, match="differ in length"):
        score_tags([["O"]], [["O", "O"]])
    with pytest.raises(ValueError, match="there are no tagged words to compare"):
        score_tags([[]], [[]])


@pytest.mark.interop
def test_scores_are_those_of_seqeval() -> None:
    metrics = pytest.importorskip("seqeval.metrics")
    draw = random.Random(2)
    for tags in (IOB, BIOES):
        wanted, found = ([[draw.choice(tags) for _ in range(9)] for _ in range(300)] for _ in range(2))
        scores = score_tags(wanted, found)
        assert scores.spans is not None
        assert scores.spans.precision == pytest.approx(metrics.precision_score(wanted, found))
        assert scores.spans.recall == pytest.approx(metrics.recall_score(wanted, found))
        assert scores.main == pytest.approx(metrics.f1_score(wanted, found))
        by_label = metrics.classification_report(wanted, found, output_dict=True)
        assert scores.labels["X"].f1 == pytest.approx(by_label["X"]["f1-score"])
