"""The results of an evaluation, and the difference between two encoders on the same items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.display.html import html_table
from w2v.display.wording import decimals, percent
from w2v.evaluation import correlation, or_none, ranks

N_RESAMPLES = 2_000


@dataclass(frozen=True)
class StsReport:
    """Agreement of an encoder's cosines with human scores.

    Attributes
    ----------
    cosines, scores : ndarray of shape (n,), float64
        One per pair. The cosine with a zero vector is 0.
    is_empty : ndarray of shape (n,), bool, optional
        Whether either sentence of the pair has a zero vector.
    genres : tuple of n (str, str), or empty
        See `ScoredPairs`.
    """

    cosines: NDArray[np.float64]
    scores: NDArray[np.float64]
    is_empty: NDArray[np.bool_] | None = None
    genres: tuple[tuple[str, str], ...] = ()

    @property
    def n_empty(self) -> int:
        """Number of pairs in which a sentence has a zero vector."""
        return 0 if self.is_empty is None else int(self.is_empty.sum())

    @property
    def by_genre(self) -> dict[str, StsReport]:
        """Reports by genre, and by collection, as "genre/file", if a genre has several.

        They are in order of first occurrence; empty if the pairs have no genres.
        """
        rows: dict[str, dict[str, list[int]]] = {}
        for row, (genre, file) in enumerate(self.genres):
            rows.setdefault(genre, {}).setdefault(file, []).append(row)
        parts: dict[str, StsReport] = {}
        for genre, files in rows.items():
            parts[genre] = self._part(sorted(row for own in files.values() for row in own))
            if len(files) > 1:
                parts |= {f"{genre}/{file}": self._part(own) for file, own in files.items()}
        return parts

    def _part(self, rows: list[int]) -> StsReport:
        """Return the report of some pairs, without genres."""
        empty = None if self.is_empty is None else self.is_empty[rows]
        return StsReport(self.cosines[rows], self.scores[rows], empty)

    @property
    def spearman(self) -> float:
        """Spearman's rank correlation; NaN if one side is constant."""
        return spearman(self.cosines, self.scores)

    @property
    def pearson(self) -> float:
        """Pearson correlation; NaN if one side is constant."""
        return correlation(self.cosines, self.scores)

    @property
    def figure(self) -> float:
        """The figure that `compare` uses: Spearman's correlation."""
        return self.spearman

    def resampled(self, items: NDArray[np.intp]) -> float:
        """Return Spearman's correlation of the resampled pairs."""
        return spearman(self.cosines[items], self.scores[items])

    def __len__(self) -> int:
        return len(self.scores)

    def _repr_html_(self) -> str:
        parts = {"all": self} | self.by_genre
        rows = [
            (name, f"{len(part):,}", decimals(part.spearman), decimals(part.pearson), f"{part.n_empty:,}")
            for name, part in parts.items()
        ]
        return html_table(("genre", ">pairs", ">Spearman", ">Pearson", ">without a known word"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values, NaN as None; includes those of the genres, if there are any."""
        genres = {name: part.to_dict() for name, part in self.by_genre.items()}
        return {
            "n_pairs": len(self),
            "n_empty": self.n_empty,
            "spearman": or_none(self.spearman),
            "pearson": or_none(self.pearson),
            **({"genres": genres} if genres else {}),
        }


@dataclass(frozen=True)
class AccuracyReport:
    """Which items a linear classifier on the encoder's vectors classified correctly when they were held out.

    Attributes
    ----------
    correct : ndarray of shape (n,), bool
    n_labels : int
    majority : float
        Fraction of the most frequent label, the accuracy of always answering with it.
    """

    correct: NDArray[np.bool_]
    n_labels: int
    majority: float

    @property
    def accuracy(self) -> float:
        """Fraction of correct answers."""
        return float(self.correct.mean())

    @property
    def figure(self) -> float:
        """The figure that `compare` uses: the accuracy."""
        return self.accuracy

    def resampled(self, items: NDArray[np.intp]) -> float:
        """Return the accuracy of the resampled items."""
        return float(self.correct[items].mean())

    def __len__(self) -> int:
        return len(self.correct)

    def _repr_html_(self) -> str:
        row = f"{len(self):,}", f"{self.n_labels:,}", percent(self.accuracy), percent(self.majority)
        return html_table((">sentences", ">labels", ">accuracy", ">most frequent label"), [row])

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "n_sentences": len(self),
            "n_labels": self.n_labels,
            "majority": self.majority,
            "accuracy": self.accuracy,
        }


Report = StsReport | AccuracyReport


class Measured(Protocol):
    """A result per item, so that it can be compared by resampling."""

    @property
    def figure(self) -> float:
        """The figure to compare."""
        ...

    def resampled(self, items: NDArray[np.intp]) -> float:
        """Return the figure of the resampled items."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Difference:
    """How much better one encoder is than another, and how certain that is.

    Attributes
    ----------
    difference : float
        Difference of the mean figures, first minus second.
    low, high : float
        The 95 % interval of the differences over bootstrap resamples of the items.
    p_worse : float
        Fraction of resamples in which the first is not better.
    """

    difference: float
    low: float
    high: float
    p_worse: float

    @property
    def is_sure(self) -> bool:
        """Whether 0 is outside the 95 % interval."""
        return self.low > 0 or self.high < 0

    def _repr_html_(self) -> str:
        row = f"{self.difference:+.4f}", f"{self.low:+.4f} … {self.high:+.4f}", "yes" if self.is_sure else "no"
        return html_table((">difference", ">95 % of draws", "sure"), [row])

    def to_dict(self) -> dict[str, float]:
        """Return the attributes by name."""
        return asdict(self)


def compare(
    first: Sequence[Measured], second: Sequence[Measured], *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Difference:
    """Compare two encoders measured on the same files by a paired bootstrap.

    Parameters
    ----------
    first, second : sequences of reports
        Reports of the one and of the other encoder, file by file. The mean of the files' figures is compared.
    n_resamples : int, default 2000
    seed : int, default 0

    Returns
    -------
    Difference

    Raises
    ------
    ValueError
        If there is no report, or the encoders were not measured on the same items.

    References
    ----------
    .. [1] Efron and Tibshirani 1993, An introduction to the bootstrap, chapter 16.
    """
    if not first or [len(report) for report in first] != [len(report) for report in second]:
        raise ValueError("encoders can only be compared on the same items, from at least one file")
    rng = np.random.default_rng(seed)
    drawn = np.empty(n_resamples)
    for k in range(n_resamples):
        differences = []
        for a, b in zip(first, second, strict=True):
            items = rng.integers(len(a), size=len(a))
            differences.append(a.resampled(items) - b.resampled(items))
        drawn[k] = np.mean(differences)
    measured = float(np.mean([a.figure - b.figure for a, b in zip(first, second, strict=True)]))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Difference(measured, float(low), float(high), float(np.mean(drawn <= 0)))


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation, with mean ranks for ties; NaN if one side is constant."""
    return correlation(ranks(x), ranks(y))
