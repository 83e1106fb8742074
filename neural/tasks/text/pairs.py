"""Training and held-out pairs of a translator, and the vocabularies of both languages."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any

from w2v.corpora.columns import checked_text, checked_texts, row_tuples
from w2v.corpora.parallel import Pairs, complete_pairs, read_pairs, split_pairs
from w2v.corpora.units import Units, learn_units
from w2v.neural.tasks.fitting import DataWarning, seed_of
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.parameters import AUTO, TranslatorParameters


class LeftOutWarning(DataWarning):
    """Some pairs are left out of training; the message says how many, and why."""


@dataclass(frozen=True)
class PairData:
    """Training and held-out pairs, and their files."""

    trained: Pairs
    held_out: Pairs
    files: list[str] | None
    validation_files: list[str] | None
    columns: tuple[int, int]
    errors: str
    n_incomplete: int

    @classmethod
    def of(
        cls,
        sources: Any,
        targets: Any,
        validation: Any,
        parameters: TranslatorParameters,
        columns: tuple[int, int] = (1, 2),
        errors: str = "strict",
    ) -> PairData:
        """Return the pairs from the arguments of `Translator.fit`; ValueError if there are too few."""
        pairs = _read(sources, targets, columns, errors)
        if pairs.n_incomplete:
            warnings.warn(
                LeftOutWarning(f"{pairs.n_incomplete:,} pairs have an empty side and are left out"), stacklevel=4
            )
        if validation is not None:
            apart = _read(validation, None, columns, errors)
            return cls(pairs, apart, pairs.files, apart.files, columns, errors, pairs.n_incomplete)
        n = parameters.held_out or max(1, min(1000, len(set(pairs.targets)) // 10))
        trained, apart = split_pairs(pairs, n, seed_of(parameters.random_state))
        return cls(trained, apart, pairs.files, None, columns, errors, pairs.n_incomplete)

    @classmethod
    def again(cls, began: TextNetwork, given: tuple[Any, Any, Any], parameters: TranslatorParameters) -> PairData:
        """Return the pairs of a resumed training: those given, or else from their files."""
        training = began.metadata["training"]
        sources, targets, validation = given
        columns = tuple(training.get("columns", (1, 2)))
        sources, validation = began.trained_on(sources, validation, "pairs", "Translator.load(…).resume(pairs)")
        return cls.of(sources, targets, validation, parameters, columns, training.get("errors", "strict"))


def _read(sources: Any, targets: Any, columns: tuple[int, int], errors: str) -> Pairs:
    if isinstance(sources, Pairs):
        return sources
    if isinstance(sources, (str, os.PathLike)) and isinstance(targets, (str, os.PathLike)):
        sources, targets = [sources, targets], None
    if targets is not None:
        first, second = checked_texts(sources), checked_texts(targets)
        if len(first) != len(second):
            raise ValueError(f"there are {len(first)} sources but {len(second)} targets; give one for each source")
        return complete_pairs(zip(first, second, strict=True))
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    rows = list(row_tuples(sources))
    if rows and all(isinstance(item, (str, os.PathLike)) for item in rows):
        return read_pairs(rows, columns=columns, errors=errors)
    if not rows or any(isinstance(row, str) or not isinstance(row, Sized) or len(row) != 2 for row in rows):
        raise ValueError("pairs must be rows of a text and its translation")
    return complete_pairs(tuple(checked_text(text, i) for text in row) for i, row in enumerate(rows, 1))


def learn_both(pairs: Pairs, parameters: TranslatorParameters) -> dict[str, Units]:
    """Learn the vocabularies of both languages, or one that they share."""
    kinds = {
        side: _units_for(texts) if kind == AUTO else kind
        for side, kind, texts in (
            ("source", parameters.source_units, pairs.sources), ("target", parameters.target_units, pairs.targets),
        )
    }  # fmt: skip
    size = parameters.vocabulary_size
    if parameters.joint and set(kinds.values()) == {"subwords"}:
        joint = learn_units("subwords", [*pairs.sources, *pairs.targets], size=size)
        return {"source": joint, "target": joint}
    return {
        side: learn_units(kinds[side], texts, size=size if kinds[side] == "subwords" else None)
        for side, texts in (("source", pairs.sources), ("target", pairs.targets))
    }


def _units_for(texts: Sequence[str]) -> str:
    """Return the units for a language: characters if it has no spaces between words, else subwords."""
    sample = "".join(texts[:1000])
    unspaced = sum("\u2e80" <= character <= "\u9fff" or "\u0e00" <= character <= "\u0eff" for character in sample)
    return "characters" if unspaced > len(sample) / 3 else "subwords"
