"""Options of a distillation: names, defaults, constraints and help texts, shared by Python and the command line."""

from __future__ import annotations

from dataclasses import dataclass

from w2v.encoder.parameters import of_encoder
from w2v.settings.constraints import DEFAULT_SEED, MAX_SEED, Flag, Integer, Seconds
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
        300_000,
        Integer("Number of sentences for the teacher to encode; each file of TEXT gives an equal share.", 8, MANY),
    )
    compress: bool | None = parameter(
        None,
        Flag("Let a teacher with attention compute in int8: three times as fast, and nearly as good."),
        "on processors with VNNI",
    )
    tokenizer: str = parameter("words", CONSTRAINTS["tokenizer"])
    vector_size: int = parameter(300, CONSTRAINTS["vector_size"])
    min_count: int = parameter(5, CONSTRAINTS["min_count"])
    steps: int = parameter(3000, Integer("Training steps of the student.", 1, MANY))
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
