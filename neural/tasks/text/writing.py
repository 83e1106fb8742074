"""How a language model continues a text, and how its output is reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from w2v.corpora.units import END, START, UNKNOWN, Units
from w2v.neural.generation.networks import GeneratingDecoder
from w2v.neural.generation.sequential import OnToken, Sampling, greedy, sample
from w2v.neural.generation.state import Limits, Wanted
from w2v.neural.packing import Packed
from w2v.settings.constraints import MAX_SEED, Integer
from w2v.settings.tables import MANY

_COUNT = Integer("Maximum number of units to write.", 1, MANY)


class Written(NamedTuple):
    """A unit that a language model wrote.

    Attributes
    ----------
    piece : str
        The unit in readable form; "</s>" is the end of a line.
    log_probability : float
        Log-probability by the network, independent of the temperature.
    alternatives : list of (str, float)
        The most probable units at its place, with their log-probabilities.
    """

    piece: str
    log_probability: float
    alternatives: list[tuple[str, float]]


@dataclass(frozen=True)
class Writing:
    """How to continue a text: the maximum number of units, and sampling or greedy decoding.

    Raises
    ------
    ValueError
        If the maximum is below 1.
    """

    max_tokens: int
    sampling: Sampling
    is_greedy: bool

    def __post_init__(self) -> None:
        _COUNT.check("max_tokens", self.max_tokens)


def go_on(
    decoder: GeneratingDecoder,
    prompt: Sequence[int],
    context: int,
    end: int | None,
    writing: Writing,
    wanted: Wanted,
    tell: OnToken,
) -> list[int]:
    """Return the units that continue a prompt, without the end.

    If the text is longer than the context, the network reads its last half.
    """
    banned = (START, UNKNOWN, END) if end is None else (START, UNKNOWN)
    written: list[int] = []
    while len(written) < writing.max_tokens:
        seen = [START, *prompt, *written]
        if len(seen) >= context:
            seen = seen[-(context // 2) :]
        state, starts = decoder.prompted(Packed.of([seen[1:]]), seen[0])
        limits = Limits(min(writing.max_tokens - len(written), context - len(seen) + 1), end=end, banned=banned)
        if writing.is_greedy:
            [found] = greedy(state, starts, limits, wanted, tell)
        else:
            seed = (writing.sampling.seed + len(written)) % (MAX_SEED + 1)
            [found] = sample(state, starts, limits, replace(writing.sampling, seed=seed), wanted, tell)
        written += found.tokens.tolist()
        if found.finished or not len(found.tokens):
            break
    return written


def continued(units: Units, prompt: str, ids: Sequence[int], written: Sequence[int]) -> str:
    """Return the prompt as given, including unknown characters, and its continuation."""
    added = units.decode([*ids, *written])[len(units.decode(ids)) :]
    return prompt + (added.removeprefix(" ") if _has_space(units, prompt) else added)


def _has_space(units: Units, prompt: str) -> bool:
    """Return whether a first word needs no space before it."""
    return not prompt or (units.kind == "words" and prompt[-1].isspace())


class Pieces:
    """Reports units as they are written; the bytes of a character, at most four, are collected first."""

    def __init__(self, units: Units, prompt: str, tell: Callable[[str], Any] | None) -> None:
        self._units, self._tell = units, tell
        self._waiting: list[int] = []
        self._has_space = _has_space(units, prompt)

    def add(self, token: int) -> None:
        """Report a unit, unless it ends within a character."""
        self._waiting.append(token)
        if len(self._waiting) >= 4 or not self._units.joined(self._waiting).endswith("\ufffd"):
            self.end()

    def end(self) -> None:
        """Report the bytes that are left."""
        text = self._units.joined(self._waiting)
        if self._tell is not None and self._waiting:
            self._tell(text.removeprefix(" ") if self._has_space else text)
        self._waiting, self._has_space = [], False
