"""The parameters of an alignment, for Python and the command line alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from w2v.settings.constraints import Integer, Seed
from w2v.settings.tables import MANY, parameter


@dataclass(frozen=True, kw_only=True)
class AlignmentParameters:
    """How vectors of two languages are brought together."""

    refinements: int = parameter(
        5, Integer("How many times to learn the rotation again, from words that are each other's nearest.", 0, 1_000)
    )
    frequent: int = parameter(
        10_000, Integer("Look for such words among the N most frequent of each language.", 1, MANY)
    )
    k: int = parameter(10, Integer("Nearest words of the other language that tell how crowded a place is.", 1, 10_000))
    random_state: Any = parameter(0, Seed("Seed of the search without a dictionary."))
