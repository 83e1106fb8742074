"""A translator or language model behind its page: its output with probabilities and alternatives."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from w2v.explorer.explored import MOST_TOKENS, check_text
from w2v.explorer.guard import MOST_BODY_BYTES
from w2v.neural.names import JUDGES
from w2v.neural.tasks.folder import LANGUAGE_MODELS, TRANSLATORS, TextNetwork
from w2v.neural.tasks.text.answers import Scored, Translation
from w2v.neural.tasks.text.language_model import LanguageModel
from w2v.neural.tasks.text.translation import Translator
from w2v.settings.constraints import DEFAULT_SEED

LONGEST_TEXT = 4_000
MOST_LINES, LARGEST_BEAM, MOST_CANDIDATES, MOST_PIECES = 20, 20, 8, 500
MOST_ALTERNATIVES = 8
_LARGEST_SEED = (1 << 31) - 1


Entries = dict[str, str]
"""The entries of a request: name and kind; see `w2v.explorer.questions`."""


class Loaded(ABC):
    """A model without background work. It answers in JSON types, and its methods are thread-safe.

    It is opened by the path of its folder, with a ModelError if that is missing or damaged.

    Attributes
    ----------
    path : Path
        The model's folder.
    questions : dict of str to (Entries, Entries)
        The methods that the page calls, with their required and optional entries.
    page : str
        The file that the browser opens.
    most_bytes : int
        Maximum size of a request.
    """

    path: Path
    questions: ClassVar[dict[str, tuple[Entries, Entries]]] = {}
    page = "text.html"
    most_bytes = MOST_BODY_BYTES

    def start(self) -> None:  # noqa: B027
        """Do nothing."""

    def stop(self) -> None:  # noqa: B027
        """Do nothing."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the description of the model for the page."""


class ExploredTranslator(Loaded):
    """Answers the requests of a translator's page."""

    questions = {"translate": ({"text": "text"}, {"beam": "whole number"})}  # noqa: RUF012

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._translator = Translator.load(path)

    def describe(self) -> dict[str, Any]:
        """Return the description of the translator for the page."""
        limits = {"text": LONGEST_TEXT, "lines": MOST_LINES, "beam": LARGEST_BEAM}
        return _described(self.path, "translator", self._translator.network_, limits)

    def translate(self, text: str, beam: int = 5) -> dict[str, Any]:
        """Return the `beam` best translations of each line that is not blank, at most 8.

        Returns
        -------
        dict
            ``lines``, each with ``translations``: ``text``, ``score``, ``end``, ``source``, ``pieces`` and
            ``alignment``, row by row; long ones have only their first 64 pieces, and the ``count`` of all.

        Raises
        ------
        ValueError
            If the text is too long or has too many lines, or `beam` is out of range.
        """
        check_text(text, LONGEST_TEXT, "a text")
        _check_range("beam", beam, 1, LARGEST_BEAM)
        found = self._translator.explain(lines_of(text), beam=beam, n_best=min(beam, MOST_CANDIDATES), workers=1)
        return {"lines": [{"translations": [_translation(one) for one in translations]} for translations in found]}


class ExploredLanguageModel(Loaded):
    """Answers the requests of a language model's page."""

    questions = {"score": ({"text": "text"}, {})}  # noqa: RUF012

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._model = LanguageModel.load(path)

    def describe(self) -> dict[str, Any]:
        """Return the description of the model for the page."""
        limits = {"text": LONGEST_TEXT, "pieces": MOST_PIECES, "seed": _LARGEST_SEED}
        found = _described(self.path, "language model", self._model.network_, limits)
        return {**found, "order": self._model.ngrams_.order}

    def write(
        self,
        prompt: str,
        tell: Callable[[dict[str, Any]], None],
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = DEFAULT_SEED,
        pieces: int = 100,
    ) -> None:
        """Continue a prompt; `tell` receives every unit as soon as it is chosen.

        Raises
        ------
        ValueError
            If the prompt is too long or an option is out of range; `tell` is then never called.
        """
        check_text(prompt, LONGEST_TEXT, "a prompt")
        _check_range("pieces", pieces, 1, MOST_PIECES)
        _check_range("seed", seed, 0, _LARGEST_SEED)
        self._model.explain(
            prompt,
            max_tokens=pieces,
            temperature=temperature,
            top_k=top_k,
            seed=seed,
            alternatives=MOST_ALTERNATIVES,
            on_piece=lambda written: tell(_piece(written.piece, written.log_probability, written.alternatives)),
        )

    def score(self, text: str) -> dict[str, Any]:
        """Return the surprise of each unit of a text for the network and for the n-grams, in nats.

        Returns
        -------
        dict
            ``lines``, each with ``pieces`` and, if lines have an end, ``end``; ``perplexity`` and ``loss`` of the
            network and of the n-grams, or None for a text without a unit.

        Raises
        ------
        ValueError
            If the text is too long.
        """
        check_text(text, LONGEST_TEXT, "a text")
        is_lines = self._model.network_.metadata["lines"]
        lines = [line for line in text.splitlines() if line.strip()] if is_lines else [text]
        scored = [self._model.score(lines, by=by, workers=1) for by in JUDGES[:2]]
        losses = [_loss(each) for each in scored]
        return {
            "lines": [_surprises(network, ngrams) for network, ngrams in zip(*scored, strict=True)],
            "loss": losses,
            "perplexity": [None if loss is None else math.exp(loss) for loss in losses],
        }


OPENERS: dict[str, Callable[[str | os.PathLike[str]], Loaded]] = {
    TRANSLATORS.name: ExploredTranslator,
    LANGUAGE_MODELS.name: ExploredLanguageModel,
}
"""The class that opens each kind of model folder."""


def _described(path: Path, kind: str, network: TextNetwork, limits: dict[str, int]) -> dict[str, Any]:
    decoder = network.config.decoder
    units = dict.fromkeys(f"{len(own.pieces):,} {own.kind}" for own in network.units.values())
    written = list(network.units.values())[-1]
    return {
        "name": path.resolve().name,
        "kind": kind,
        "units": " to ".join(units),
        "isSpaced": written.kind == "words",
        "architecture": decoder.mixer,
        "layers": decoder.layers,
        "heads": decoder.heads,
        "columns": decoder.dim,
        "parameters": network.parameters.n_parameters,
        "limits": limits,
    }


def _translation(found: Translation) -> dict[str, Any]:
    probabilities = found.log_probabilities or []
    alternatives = found.alternatives or []
    shown = zip(found.pieces, probabilities, alternatives, strict=False)
    ends = probabilities[len(found.pieces) :]
    alignment = [] if found.alignment is None else found.alignment[:MOST_TOKENS, :MOST_TOKENS].tolist()
    return {
        "text": found.text,
        "score": None if found.score is None else rounded(found.score),
        "source": list(found.source_pieces[:MOST_TOKENS]),
        "pieces": [_piece(*each) for each in shown],
        "end": rounded(math.exp(ends[0])) if ends else None,
        "alignment": [[rounded(weight, 3) for weight in row] for row in alignment],
        "count": [len(found.source_pieces), len(found.pieces)],
    }


def _piece(piece: str, log_probability: float, alternatives: Iterable[tuple[str, float]]) -> dict[str, Any]:
    possible = [(other, p) for other, p in alternatives if p > -math.inf]  # small vocabularies include impossible ones
    others = [{"piece": other, "probability": rounded(math.exp(p))} for other, p in possible]
    return {"piece": piece, "probability": rounded(math.exp(log_probability)), "alternatives": others}


def _surprises(network: Scored, ngrams: Scored) -> dict[str, Any]:
    surprises = [
        [rounded(-p) for p in pair]
        for pair in zip(network.log_probabilities.tolist(), ngrams.log_probabilities.tolist(), strict=True)
    ]
    pieces = [{"piece": piece, "surprise": pair} for piece, pair in zip(network.pieces, surprises, strict=False)]
    ends = surprises[len(pieces) :]
    return {"pieces": pieces, "end": ends[0] if ends else None}


def _loss(scored: list[Scored]) -> float | None:
    """Return the mean surprise of all units, in nats."""
    n = sum(len(one.log_probabilities) for one in scored)
    return -sum(one.log_probability for one in scored) / n if n else None


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that are not blank; ValueError if there are too many."""
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    if len(lines) > MOST_LINES:
        raise ValueError(f"a text may have at most {MOST_LINES} lines here, but this one has {len(lines)}")
    return lines


def rounded(number: float, digits: int = 5) -> float:
    """Return a rounded number for the page; ValueError if it is not finite."""
    if not math.isfinite(number):
        raise ValueError("the model is damaged: a value that it computes is not finite")
    return round(float(number), digits)


def _check_range(name: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise ValueError(f"{name} must be from {low:,} to {high:,} here, not {number:,}")
