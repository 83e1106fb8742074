"""The parameters of an alignment, for Python and the command line alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from w2v.settings.constraints import DEFAULT_SEED, Integer, Seed
from w2v.settings.tables import MANY, parameter


@dataclass(frozen=True, kw_only=True)
class AlignmentParameters:
    """How the vectors of one language are mapped into the space of another."""

    refinements: int = parameter(
        5, Integer("How often to learn the rotation again from mutual nearest neighbours.", 0, 1_000)
    )
    frequent: int = parameter(
        10_000, Integer("Search for mutual nearest neighbours among the N most frequent words.", 1, MANY)
    )
    k: int = parameter(10, Integer("Number of nearest words that CSLS averages over.", 1, 10_000))
    random_state: Any = parameter(DEFAULT_SEED, Seed("Random seed of the search without a dictionary."))
