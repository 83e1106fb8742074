"""`LanguageModel`: a decoder trained on text that writes and scores text."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_text, checked_texts
from w2v.corpora.units import END, Units
from w2v.neural.configs import CausalConfig
from w2v.neural.generation.networks import GeneratingDecoder, decoder_of
from w2v.neural.generation.sequential import Chosen, OnToken, Sampling
from w2v.neural.generation.state import TOKENS_ONLY, Wanted
from w2v.neural.names import JUDGES, Judge
from w2v.neural.ngrams import NgramModel
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.progress import ProgressOption
from w2v.neural.tasks.estimator import TextEstimator, stack_of
from w2v.neural.tasks.fitting import Text, Training, digest_of, train
from w2v.neural.tasks.folder import LANGUAGE_MODEL_FOLDER, LANGUAGE_MODELS, TextNetwork
from w2v.neural.tasks.parameters import LanguageModelParameters
from w2v.neural.tasks.starting import start_from_words
from w2v.neural.tasks.text.answers import Scored, log_probabilities
from w2v.neural.tasks.text.mixture import best_weight, mixed
from w2v.neural.tasks.text.texts import TextData, learn_text_units
from w2v.neural.tasks.text.windows import Streams, Windows
from w2v.neural.tasks.text.writing import Pieces, Writing, Written, continued, go_on
from w2v.settings.constraints import DEFAULT_SEED, Integer
from w2v.settings.estimator import of_table
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.settings.tables import MANY, documented


@documented(LanguageModelParameters)
class LanguageModel(TextEstimator[LanguageModelParameters]):
    """A language model: predicts the next unit of a text, continues texts, and scores them.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    network_ : TextNetwork
        The trained network.
    ngrams_ : NgramModel
        An n-gram model of the same text, as a baseline.
    history_ : list of dict
        Evaluations during training: step, seconds, losses, held_out_loss.
    is_complete_ : bool
        False after an interrupted training, which `resume` continues.

    References
    ----------
    Radford et al. 2019, Language models are unsupervised multitask learners. Kneser and Ney 1995, Improved backing-off
    for m-gram language modeling.

    Examples
    --------
    >>> from w2v import LanguageModel
    >>> model = LanguageModel(units="words", dim=32, layers=1, epochs=60, held_out=0.1)
    >>> model.fit(["one two three", "two three four", "three four five"] * 40).write("one", greedy=True)
    'one two three'
    """

    kind, form, table = LANGUAGE_MODELS, LANGUAGE_MODEL_FOLDER, LanguageModelParameters

    @of_table(LanguageModelParameters)
    def __init__(self, **parameters: Any) -> None: ...

    def fit(
        self,
        corpus: Any,
        y: object = None,
        *,
        validation: Any = None,
        initial: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> LanguageModel:
        """Train the language model on text.

        Parameters
        ----------
        corpus : str, path-like, list of path-like, TextReader, or iterable of str
            Files, or texts; the lines of a running text.
        y : ignored
        validation : as `corpus`, optional
            Text for validation. By default the fraction `held_out` of the corpus is held out.
        initial : Embeddings, path-like, optional
            Initial word vectors of the embedding table; they must have `dim` columns.
        {saving}
        CorpusError, ValueError, TypeError
            If there is not enough text, or an option is out of range.
        ModuleNotFoundError
            If the units are subwords, but the package tokenizers is missing.
        """
        saving = checkpoint, checkpoint_every, overwrite
        with self._training(corpus, saving, progress) as training:
            parameters = training.parameters
            data = TextData.of(corpus, validation, parameters)
            training.tell("learning the vocabulary")
            units = learn_text_units(data.trained, parameters)
            config = _config(units, parameters)
            table = ParameterTable.initialise(config.tensors(), parameters.random_state)
            if initial is not None:
                start_from_words(table[config.table], units, initial)
            self._train(TextNetwork(LANGUAGE_MODELS, config, table, {"text": units}), data, training)
        return self

    def resume(
        self,
        corpus: Any = None,
        *,
        validation: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> LanguageModel:
        """Resume an interrupted training; the result is the same as without the interruption, bit for bit.

        {resuming}
        """
        saving = checkpoint, checkpoint_every, overwrite
        with self._resumed(corpus, saving, progress) as training:
            began, parameters = training.began, training.parameters
            data = TextData.again(began, corpus, validation, parameters)
            self._train(began, data, training)
        return self

    def write(
        self,
        prompt: str = "",
        *,
        max_tokens: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        greedy: bool = False,
        seed: int = DEFAULT_SEED,
        on_piece: Callable[[str], Any] | None = None,
    ) -> str:
        """Continue a prompt.

        Parameters
        ----------
        prompt : str
            Text to continue. Of a long prompt, the network reads only the last half of its context.
        max_tokens : int, default 200
            Maximum number of units to write; a line may end earlier.
        temperature : float, default 1
            Sampling temperature; below 1, probable units become more probable.
        top_k : int, optional
            Sample only from the top_k most probable units.
        top_p : float, default 1
            Sample only from the smallest set of units with at least this total probability.
        greedy : bool, default False
            Always write the most probable unit.
        seed : int, default 1
        on_piece : callable, optional
            Receives every unit in readable form as soon as it is chosen; bytes of one character come together.

        Returns
        -------
        str
            The prompt and its continuation.

        Raises
        ------
        ValueError
            If an option is out of range.
        """
        told = Pieces(self._units, prompt, on_piece)

        def tell(chosen: Chosen) -> None:
            if chosen.token != self._end:
                told.add(chosen.token)

        units, ids = self._units, self._units.encode([checked_text(prompt, 1)])[0].tolist()
        writing = Writing(max_tokens, Sampling(temperature, top_k, top_p, seed), greedy)
        written = self._continue(ids, writing, TOKENS_ONLY, tell)
        told.end()
        return continued(units, prompt, ids, written)

    def explain(
        self,
        prompt: str = "",
        *,
        max_tokens: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        greedy: bool = False,
        seed: int = DEFAULT_SEED,
        alternatives: int = 5,
        on_piece: Callable[[Written], Any] | None = None,
    ) -> list[Written]:
        """Continue a prompt as `write` does, and return probabilities and alternatives of each unit.

        Parameters
        ----------
        prompt, max_tokens, temperature, top_k, top_p, greedy, seed
            See `write`.
        alternatives : int, default 5
            Number of most probable units to return at each place.
        on_piece : callable, optional
            Receives every unit as soon as it is chosen.

        Returns
        -------
        list of Written
            The continuation; if the line ended, its end is the last entry.

        Raises
        ------
        ValueError
            If an option is out of range.
        """
        Integer("Units to return at each position.", 1, MANY).check("alternatives", alternatives)
        pieces, found = self._units.pieces, list[Written]()

        def tell(chosen: Chosen) -> None:
            assert chosen.log_probability is not None and chosen.alternatives is not None
            others = zip(*(array.tolist() for array in chosen.alternatives), strict=True)
            found.append(
                Written(pieces[chosen.token], chosen.log_probability, [(pieces[token], p) for token, p in others])
            )
            if on_piece is not None:
                on_piece(found[-1])

        ids = self._units.encode([checked_text(prompt, 1)])[0].tolist()
        writing = Writing(max_tokens, Sampling(temperature, top_k, top_p, seed), greedy)
        self._continue(ids, writing, Wanted(scores=True, alternatives=alternatives), tell)
        return found

    def _continue(self, prompt: Sequence[int], writing: Writing, wanted: Wanted, tell: OnToken) -> list[int]:
        """Return the units that follow those of a prompt, without the end."""
        return go_on(self._generating(), prompt, self._context, self._end, writing, wanted, tell)

    def score(self, texts: Iterable[str], *, by: Judge = "network", workers: int | None = None) -> list[Scored]:
        """Score texts by their probability.

        Parameters
        ----------
        texts : iterable of str
            Lines, or one or more running texts.
        by : {{'network', 'ngrams', 'mixture'}}, default 'network'
            Score with the network, the n-gram model, or the mixture of both, whose weight made the held-out text most
            probable. The mixture is nearly always best.
        workers : int, optional
            Number of threads; all cores by default.

        Returns
        -------
        list of Scored
        """
        given = checked_texts(texts)
        units = self._units
        packed = Packed(*units.encode(given))
        found = self._log_probabilities(packed, by, workers)
        extra = int(self._lines)
        borders = packed.offsets + extra * np.arange(packed.n_sequences + 1)
        shown = units.pieces
        return [
            Scored(
                text,
                [shown[token] for token in packed.ids[packed.offsets[i] : packed.offsets[i + 1]].tolist()],
                found[borders[i] : borders[i + 1]],
            )
            for i, text in enumerate(given)
        ]

    def _log_probabilities(self, packed: Packed, by: Judge, workers: int | None) -> NDArray[np.float64]:
        if by not in JUDGES:
            raise ValueError(f"by must be one of {', '.join(JUDGES)}, not {by!r:.80}")
        network = self.network_
        if by == "mixture" and "mixture_weight" not in network.metadata:
            raise ValueError("the weight of the mixture is only known after training, which is not complete")
        if by == "ngrams":
            return self.ngrams_.log_probabilities(packed)
        streams = Streams(packed, self._lines)
        found = log_probabilities(network, network.parameters, streams, self._context, self._threads(workers))
        if by == "network":
            return found
        return mixed(found, self.ngrams_.log_probabilities(packed), network.metadata["mixture_weight"])

    def perplexity(self, texts: Iterable[str], *, by: Judge = "network") -> float:
        """Return the perplexity over all tokens of the texts; NaN without any."""
        found = np.concatenate([np.zeros(0), *(one.log_probabilities for one in self.score(texts, by=by))])
        return math.exp(-float(found.mean())) if len(found) else math.nan

    @classmethod
    def _check(cls, metadata: Mapping[str, Any]) -> None:
        if type(metadata.get("lines")) is not bool:
            raise ValueError("the entry 'lines' is missing or not a boolean")
        weight = metadata.get("mixture_weight", 0.0)
        if type(weight) is not float or not 0 <= weight <= 1:
            raise ValueError(f"mixture_weight must be from 0 to 1, not {weight!r:.80}")
        if "context" not in metadata["parameters"]:
            raise ValueError("the parameter 'context' is missing")

    def _keep(self, network: TextNetwork) -> None:
        super()._keep(network)
        self.ngrams_ = NgramModel.from_arrays(network.further["ngrams"])
        self._packed: GeneratingDecoder | None = None

    def _generating(self) -> GeneratingDecoder:
        network = self.network_
        if self._packed is None:
            self._packed = decoder_of(network.config, network.parameters)
        return self._packed

    @property
    def _units(self) -> Units:
        units: Units = self.network_.units["text"]
        return units

    @property
    def _lines(self) -> bool:
        return bool(self.network_.metadata["lines"])

    @property
    def _end(self) -> int | None:
        return END if self._lines else None

    @property
    def _context(self) -> int:
        return int(self.network_.metadata["parameters"]["context"])

    def _train(self, start: TextNetwork, data: TextData, training: Training[LanguageModelParameters]) -> None:
        parameters = training.parameters
        units = start.units["text"]
        trained, held_out = (Packed(*units.encode(texts)) for texts in (data.trained, data.held_out))
        streams = Streams(trained, data.lines)
        windows = Windows(streams, parameters.context, parameters.batch_tokens, parameters.random_state)
        measured = Streams(held_out, data.lines)
        if not measured.lengths.any():
            raise ValueError("the held-out text contains no tokens to predict")
        training.tell("counting n-grams")
        ngrams = NgramModel.fit(trained, parameters.order, len(units.pieces), sentences=data.lines)
        by_ngrams = ngrams.log_probabilities(held_out)
        start = replace(
            start,
            metadata={**start.metadata, "lines": data.lines, "ngram_loss": -float(by_ngrams.mean())},
            further={"ngrams": ngrams.arrays()},
        )
        text = Text(
            windows.__getitem__,
            windows.n_batches,
            measured.batch(*measured.cut(parameters.context)),
            lambda table: {},
            lambda config, table: None,
            digest_of(trained, held_out),
            data.files,
            {"validation": data.validation_files, "errors": data.errors},
            concluded=lambda learned: _mixing(learned, measured, by_ngrams, self._threads(parameters.workers)),
        )
        train(start, text, training)


def _mixing(learned: TextNetwork, text: Streams, by_ngrams: NDArray[np.float64], workers: int) -> TextNetwork:
    """Return the trained network with the weight of its mixture with the n-gram model."""
    context = int(learned.metadata["parameters"]["context"])
    by_network = log_probabilities(learned, learned.parameters, text, context, workers)
    weight = best_weight(by_network, by_ngrams)
    loss = -float(mixed(by_network, by_ngrams, weight).mean())
    return replace(learned, metadata=learned.metadata | {"mixture_weight": weight, "mixture_loss": loss})


def _config(units: Units, parameters: LanguageModelParameters) -> CausalConfig:
    return CausalConfig(len(units.pieces), stack_of(parameters, max_positions=parameters.context, causal=True))
