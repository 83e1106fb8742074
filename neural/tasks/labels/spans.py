"""Spans of words, such as names; their notation as tags in IOB1, IOB2 and BIOES; and their scores as by conlleval.

A tag is ``O``, or a letter, a hyphen and a label. Spans are read as by the program conlleval, so every tag sequence is
readable: an I- that does not continue a span starts one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from w2v.neural.tasks.labels.crf import Constraints

OUTSIDE = "O"
SCHEMES = ("IOB1", "IOB2", "BIOES")
_LETTERS = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S", "M": "I", "W": "S"}
_BEGINS, _ENDS, _ONLY_BIOES = "BS", "ES", set("ESLUMW")


class Span(NamedTuple):
    """The words start … stop − 1 of a sentence, and their label."""

    start: int
    stop: int
    label: str


def _divided(tag: str) -> tuple[str, str]:
    """Return the letter and the label of a tag; ("O", "") for tags outside of spans, or not in span notation."""
    letter, hyphen, label = tag.partition("-")
    return (_LETTERS[letter], label) if hyphen and letter in _LETTERS else (OUTSIDE, "")


def label_of(tag: str) -> str:
    """Return the label of a span's tag; `OUTSIDE` for tags outside of spans, or not in span notation."""
    return _divided(tag)[1] or OUTSIDE


def are_of_spans(tags: Iterable[str]) -> bool:
    """Return whether distinct tags are in span notation: all are O or a letter with a label, and not all are O."""
    divided = [(tag, _divided(tag)[0]) for tag in tags]
    return all((letter == OUTSIDE) == (tag == OUTSIDE) for tag, letter in divided) and any(
        letter != OUTSIDE for _, letter in divided
    )


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Return the spans of a sentence, as conlleval finds them."""
    found, start = list[Span](), None
    letter, label = OUTSIDE, ""
    for place, (next_letter, next_label) in enumerate([*map(_divided, tags), (OUTSIDE, "")]):
        changes = next_letter == OUTSIDE or next_letter in _BEGINS or letter in _ENDS or label != next_label
        if changes and start is not None:
            found.append(Span(start, place, label))
            start = None
        if changes and next_letter != OUTSIDE:
            start = place
        letter, label = next_letter, next_label
    return found


def written(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """Return the tags of spans in a sentence of `length` words, in one of `SCHEMES`."""
    tags, end, before = [OUTSIDE] * length, -1, ""
    for start, stop, label in sorted(spans):
        letters = ["I"] * (stop - start)
        if scheme != "IOB1" or (start, label) == (end, before):
            letters[0] = "B"
        if scheme == "BIOES":
            letters[-1] = "E" if stop - start > 1 else "S"
        tags[start:stop] = [f"{letter}-{label}" for letter in letters]
        end, before = stop, label
    return tags


class Found(NamedTuple):
    """The span notation of tag sequences.

    Attributes
    ----------
    scheme : str
        One of `SCHEMES`.
    n_broken : int
        Number of spans that violate the scheme, such as I- after O in IOB2; they are read as by conlleval.
    """

    scheme: str
    n_broken: int


def find_scheme(sentences: Sequence[Sequence[str]]) -> Found:
    """Return the scheme that the tags of sentences follow."""
    letters = {tag[0] for tags in sentences for tag in tags if tag != OUTSIDE}
    if letters & _ONLY_BIOES:
        return Found("BIOES", _n_broken(sentences, "BIOES"))
    broken = {scheme: _n_broken(sentences, scheme) for scheme in ("IOB2", "IOB1")}
    scheme = min(broken, key=lambda name: broken[name])
    return Found(scheme, broken[scheme])


def _n_broken(sentences: Sequence[Sequence[str]], scheme: str) -> int:
    """Return the number of spans that violate a scheme."""
    n_broken = 0
    for tags in sentences:
        spans = spans_of(tags)
        plain = ["-".join(_divided(tag)) if tag != OUTSIDE else tag for tag in tags]
        expected = written(spans, len(tags), scheme)
        n_broken += sum(plain[span.start : span.stop] != expected[span.start : span.stop] for span in spans)
    return n_broken


def constraints_of(tags: Sequence[str]) -> Constraints:
    """Return which tags may follow each other; the notation, BIOES or IOB2, is recognised from the tags."""
    closes = any(_divided(tag)[0] in _ENDS for tag in tags)
    outside = (OUTSIDE, "")
    every = [_divided(tag) for tag in tags]

    def score(before: tuple[str, str], after: tuple[str, str]) -> float:
        is_open = before[0] in "BI"
        allowed = is_open and before[1] == after[1] if after[0] in "IE" else not (closes and is_open)
        return 0.0 if allowed else -np.inf

    return Constraints(
        np.array([[score(before, after) for after in every] for before in every]),
        np.array([score(outside, after) for after in every]),
        np.array([score(before, outside) for before in every]),
    )


@dataclass(frozen=True)
class LabelScore:
    """Scores of one label.

    Attributes
    ----------
    n_wanted, n_found, n_right : int
    """

    n_wanted: int
    n_found: int
    n_right: int

    @property
    def precision(self) -> float:
        """Fraction of predicted items that are correct; 0 if there are none."""
        return self.n_right / self.n_found if self.n_found else 0.0

    @property
    def recall(self) -> float:
        """Fraction of true items that are found; 0 if there are none."""
        return self.n_right / self.n_wanted if self.n_wanted else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.n_found + self.n_wanted
        return 2 * self.n_right / total if total else 0.0

    def to_dict(self) -> dict[str, float]:
        """Return everything as JSON values."""
        return {
            "precision": self.precision, "recall": self.recall, "f1": self.f1, "wanted": self.n_wanted,
            "found": self.n_found, "right": self.n_right,
        }  # fmt: skip


@dataclass(frozen=True)
class TagScores:
    """Scores of predicted tags.

    Attributes
    ----------
    accuracy : float
        Fraction of words with the correct tag.
    n_words : int
    labels : dict of str to LabelScore
        By label of spans, or, if tags are not in span notation, by tag of words; sorted by name.
    spans : LabelScore or None
        All spans together.
    """

    accuracy: float
    n_words: int
    labels: dict[str, LabelScore]
    spans: LabelScore | None

    @property
    def main(self) -> float:
        """F1 of spans, or else the accuracy."""
        return self.accuracy if self.spans is None else self.spans.f1

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        spans = {} if self.spans is None else self.spans.to_dict()
        labels = {name: score.to_dict() for name, score in self.labels.items()}
        return {"accuracy": self.accuracy, "words": self.n_words, **spans, "labels": labels}


def score_tags(wanted: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> TagScores:
    """Compare predicted tags with true ones.

    Raises
    ------
    ValueError
        If there are no words, or the lengths of sentences differ.
    """
    if [len(tags) for tags in wanted] != [len(tags) for tags in found]:
        raise ValueError("there must be one tag for each word, but sentences and their tags differ in length")
    n_words = sum(map(len, wanted))
    if not n_words:
        raise ValueError("there are no tagged words to compare")
    right = sum(a == b for own, other in zip(wanted, found, strict=True) for a, b in zip(own, other, strict=True))
    spans = are_of_spans({tag for tags in wanted for tag in tags} | {tag for tags in found for tag in tags})
    counts = [Counter[str]() for _ in range(3)]
    for own, other in zip(wanted, found, strict=True):
        if spans:
            first, second = set(spans_of(own)), set(spans_of(other))
        else:
            first, second = ({Span(i, i + 1, tag) for i, tag in enumerate(tags)} for tags in (own, other))
        for counter, some in zip(counts, (first, second, first & second), strict=True):
            counter.update(span.label for span in some)
    labels = {
        name: LabelScore(*(counter[name] for counter in counts)) for name in sorted(counts[0].keys() | counts[1].keys())
    }
    total = LabelScore(*(counter.total() for counter in counts)) if spans else None
    return TagScores(right / n_words, n_words, labels, total)
