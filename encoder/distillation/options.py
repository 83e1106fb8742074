"""Options of a distillation: names, defaults, constraints and help texts, shared by Python and the command line."""

from __future__ import annotations

from dataclasses import dataclass

from w2v.encoder.parameters import of_encoder
from w2v.settings.constraints import DEFAULT_SEED, MAX_SEED, Integer, Seconds
from w2v.settings.descriptions import CONSTRAINTS
from w2v.settings.tables import MANY, check_parameters, documented, parameter


@documented()
@dataclass(frozen=True)
class DistilOptions:
    """Options of `distill`.

    Attributes
    ----------
    {parameters}

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    architecture: str = of_encoder("architecture", "static")
    sentences: int = parameter(
        150_000, Integer("Number of sentences to draw from TEXT and have the teacher encode.", 8, MANY)
    )
    tokenizer: str = parameter("words", CONSTRAINTS["tokenizer"])
    vector_size: int = parameter(300, CONSTRAINTS["vector_size"])
    min_count: int = parameter(5, CONSTRAINTS["min_count"])
    steps: int | None = parameter(None, Integer("Training steps of the student.", 1, MANY), "2000")
    max_time: float | None = parameter(
        None,
        Seconds(
            "Finish in about this time, e.g. 20m: a quarter for the word vectors, half for the teacher, a quarter for "
            "the student.",
            above=0,
        ),
        "no limit",
    )
    workers: int | None = parameter(None, CONSTRAINTS["workers"])
    seed: int = parameter(DEFAULT_SEED, Integer("Random seed.", 0, MAX_SEED))

    def __post_init__(self) -> None:
        check_parameters(self)
