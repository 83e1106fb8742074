"""Word translation evaluated with a dictionary: precision at 1, 5 and 10, by nearest neighbours and by CSLS."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.alignment.dictionary import known_pairs, read_dictionary
from w2v.alignment.word_translator import METHODS, WordTranslator
from w2v.display.html import html_table
from w2v.display.wording import percent
from w2v.evaluation.correlations import or_none

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings

RANKS = (1, 5, 10)


@dataclass(frozen=True)
class TranslationReport:
    """The result of evaluating translations with a dictionary.

    Attributes
    ----------
    n_words : int
        Distinct words in the dictionary's first column.
    n_asked : int
        Words that could be asked: the word and at least one of its translations are in the models.
    precision : dict of str to dict of int to float
        For "nearest" and "csls", the fraction of the words asked that have a correct translation among the first 1, 5
        and 10 answers; NaN if none was asked.
    """

    n_words: int
    n_asked: int
    precision: dict[str, dict[int, float]]

    @property
    def coverage(self) -> float:
        """Fraction of the words that could be asked."""
        return self.n_asked / self.n_words

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the column names, with ">" before right-aligned ones, and a row for each method."""
        header = ("translations by", ">asked", ">coverage", *(f">P@{rank}" for rank in RANKS))
        shown = {"nearest": "nearest neighbour", "csls": "CSLS"}
        facts = f"{self.n_asked:,}", percent(self.coverage)
        return header, [
            (shown[name], *facts, *(percent(found[rank]) for rank in RANKS)) for name, found in self.precision.items()
        ]

    def _repr_html_(self) -> str:
        return html_table(*self.table())

    def to_dict(self) -> dict[str, Any]:
        """Return the result in JSON types, with None for NaN."""
        return {
            "words": self.n_words,
            "asked": self.n_asked,
            "coverage": self.coverage,
            "precision": {
                name: {str(rank): or_none(value) for rank, value in found.items()}
                for name, found in self.precision.items()
            },
        }


def evaluate_translations(
    source: Embeddings | WordTranslator, path: str | os.PathLike[str], target: Embeddings | None = None
) -> TranslationReport:
    """Translate the words of a dictionary, and count how often a correct translation is among the first answers.

    Parameters
    ----------
    source : Embeddings or WordTranslator
        The language of the dictionary's first column. A translator includes the target; it computes the means for CSLS
        once for several dictionaries.
    path : str or path-like
        A dictionary; see `w2v.alignment.dictionary.read_dictionary`. All its translations of a word count as correct.
    target : Embeddings
        The other language, in the same space.

    Returns
    -------
    TranslationReport

    Raises
    ------
    CorpusError
        If the file cannot be read, or a line is not a pair; the message names the line.
    AlignmentError
        If the numbers of dimensions differ.
    """
    if isinstance(source, WordTranslator):
        translator = source
    elif target is not None:
        translator = WordTranslator(source, target)
    else:
        raise TypeError("a target is needed: the embeddings of the other language")
    pairs = read_dictionary(path)
    answers: dict[int, set[int]] = {}
    for row, right in known_pairs(translator.source, translator.target, pairs).tolist():
        answers.setdefault(row, set()).add(right)
    precision: dict[str, dict[int, float]] = {name: dict.fromkeys(RANKS, math.nan) for name in reversed(METHODS)}
    if answers:
        units = translator.source.table.units(np.array(list(answers), np.intp))
        for name, found in precision.items():
            rows = translator.nearest_rows(units, max(RANKS), "csls" if name == "csls" else "nearest")[1]
            hits = np.array([
                [row in right for row in near] for near, right in zip(rows.tolist(), answers.values(), strict=True)
            ])  # fmt: skip
            found.update({rank: float(hits[:, :rank].any(axis=1).mean()) for rank in RANKS})
    return TranslationReport(len({word for word, _ in pairs}), len(answers), precision)
