"""`LanguageModel`: text in, a decoder that goes on writing it, and says how probable a text is."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_text, one_column
from w2v.corpora.readers import TextReader
from w2v.corpora.units import END, START, UNKNOWN, Units, learn_units
from w2v.neural import models
from w2v.neural.generation.sequential import Sampling, greedy, sample
from w2v.neural.generation.state import Limits
from w2v.neural.generation.transformer import FusedDecoder
from w2v.neural.models import CausalConfig
from w2v.neural.ngrams import NgramModel
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.progress import ProgressOption
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.fitting import Text, digest_of, seed_of, train
from w2v.neural.tasks.folder import LANGUAGE_MODELS, NGRAMS_FILE, TextNetwork
from w2v.neural.tasks.parameters import LANGUAGE_MODEL, LanguageModelParameters
from w2v.neural.tasks.starting import start_from_words
from w2v.neural.tasks.windows import Streams, Windows, token_windows
from w2v.settings.environment import default_workers
from w2v.settings.estimator import Estimator, by_name
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.settings.tables import documented
from w2v.storage.files import ModelError
from w2v.training.checkpoints import Checkpoint, find_checkpoint

_AT_ONCE = 1 << 14
"""Tokens that are scored at a time; what memory grows with."""
_D = LANGUAGE_MODEL


@dataclass(frozen=True, eq=False)
class Scored:
    """How probable a text is.

    Attributes
    ----------
    text : str
    pieces : list of str
        Its units, as people read them; ``<unk>`` for what is unknown.
    log_probabilities : ndarray of shape (n,), float64
        Natural logarithms of the probability of each, and, of a line, of the end behind them.
    """

    text: str
    pieces: list[str]
    log_probabilities: NDArray[np.float64]

    @property
    def log_probability(self) -> float:
        """Of the whole text."""
        return float(self.log_probabilities.sum())

    @property
    def perplexity(self) -> float:
        """Exp of the mean surprise; NaN of an empty running text."""
        return math.exp(-self.log_probabilities.mean()) if len(self.log_probabilities) else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON types."""
        found = self.log_probabilities.tolist()
        pieces = [{"piece": piece, "log_probability": p} for piece, p in zip(self.pieces, found, strict=False)]
        end = found[len(self.pieces) :]
        return {
            "text": self.text,
            "log_probability": self.log_probability,
            "perplexity": self.perplexity,
            "pieces": pieces,
            **({"end_log_probability": end[0]} if end else {}),
        }


@documented(LanguageModelParameters)
class LanguageModel(Estimator):
    """Says what comes next, after it has read text: it goes on writing, and scores what others wrote.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    network_ : TextNetwork
        What was learned.
    ngrams_ : NgramModel
        N-grams of the same text, which a network has to be better than to be worth its time.
    history_ : list of dict
        What training measured: step, seconds, losses, held_out_loss.

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

    @by_name
    def __init__(
        self,
        *,
        layers: int = _D.layers,
        heads: int = _D.heads,
        dim: int = _D.dim,
        feed_forward: float = _D.feed_forward,
        positions: str = _D.positions,
        norm: str = _D.norm,
        activation: str = _D.activation,
        dropout: float = _D.dropout,
        smoothing: float = _D.smoothing,
        batch_tokens: int = _D.batch_tokens,
        learning_rate: float = _D.learning_rate,
        warmup: int = _D.warmup,
        weight_decay: float = _D.weight_decay,
        clip: float = _D.clip,
        averaged: int = _D.averaged,
        epochs: int | None = _D.epochs,
        max_time: float | None = _D.max_time,
        evaluate_every: int | None = _D.evaluate_every,
        patience: int | None = _D.patience,
        workers: int | None = _D.workers,
        random_state: Any = _D.random_state,
        units: str = _D.units,
        vocabulary_size: int | None = _D.vocabulary_size,
        min_count: int = _D.min_count,
        tokenizer: Any = _D.tokenizer,
        lines: bool | None = _D.lines,
        context: int = _D.context,
        held_out: float = _D.held_out,
        order: int = _D.order,
    ) -> None: ...

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
        """Learn to say what comes next.

        Parameters
        ----------
        corpus : str, path-like, list of path-like, TextReader, or iterable of str
            Files, or texts: of a running text the lines.
        y : ignored
        validation : as `corpus`, optional
            Text to measure training by. By default `held_out` of the corpus is set aside.
        initial : Embeddings, path-like, optional
            Word vectors that the table of units starts with; they must have `dim` columns.
        checkpoint, checkpoint_every, overwrite, progress : optional
            See `Translator.fit`.

        Returns
        -------
        LanguageModel
            This one.

        Raises
        ------
        TrainingInterrupted
            After Ctrl-C; the best so far is kept, and `resume` goes on.
        CorpusError, ValueError, TypeError
            If there is not enough to train on, or an option is out of range.
        DivergenceError
            If a loss or a parameter is not finite.
        ModelError
            If `checkpoint` exists or cannot be written.
        ModuleNotFoundError
            If a vocabulary of subwords is to be learned and the package tokenizers is missing.
        """
        parameters = self._parameters()
        keeper = None if checkpoint is None else _checkpoint(checkpoint, checkpoint_every, overwrite)
        seed = seed_of(parameters.random_state)
        data = _Data.of(corpus, validation, parameters, seed)
        units = _learn_units(data.trained, parameters)
        config = _config(units, parameters)
        table = ParameterTable.initialise(config.tensors(), seed)
        if initial is not None:
            start_from_words(table[config.table], units, initial)
        start = TextNetwork(LANGUAGE_MODELS, config, table, {"text": units})
        self._train(start, data, replace(parameters, random_state=seed), keeper, progress, None)
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
        """Go on with a training that was interrupted, to where it would have come without, bit for bit.

        Parameters
        ----------
        corpus, validation : optional
            The same as before; what is left out is read from the files that were given then, if they were files.
        checkpoint, checkpoint_every, overwrite, progress : optional
            As for `fit`; `checkpoint` may have the name of this training's own.

        Returns
        -------
        LanguageModel
            This one.

        Raises
        ------
        ValueError
            If there is nothing to resume, or a parameter or the text was changed.
        TrainingInterrupted
            As `fit`.
        """
        began = self.network_
        if began.training is None:
            raise ValueError("there is no interrupted training to resume")
        keeper = None if checkpoint is None else _checkpoint(checkpoint, checkpoint_every, overwrite, began.seed)
        parameters = replace(self._parameters(), random_state=began.seed)
        if corpus is None:
            training = began.metadata["training"]
            if not training.get("files"):
                raise ValueError("the text that was trained on was no file: pass it again")
            corpus = [Path(name) for name in training["files"]]
            validation = [Path(name) for name in training["validation"]] if training.get("validation") else None
        data = _Data.of(corpus, validation, parameters, seed_of(began.seed))
        self._train(began, data, parameters, keeper, progress, began)
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
        seed: int = 1,
        on_piece: Callable[[str], Any] | None = None,
    ) -> str:
        """Go on writing.

        Parameters
        ----------
        prompt : str
            Where to begin. Of a long one, the network sees the last half of its context.
        max_tokens : int, default 200
            Units to write at most; a line may end before.
        temperature : float, default 1
            Below 1, probable units are written more often than they should be.
        top_k : int, optional
            Draw among so many of the most probable.
        top_p : float, default 1
            Draw among the fewest that have this probability together.
        greedy : bool, default False
            Write the most probable unit each time.
        seed : int, default 1
        on_piece : callable, optional
            Told every unit as soon as it is chosen, as people read it.

        Returns
        -------
        str
            The prompt and what follows it.

        Raises
        ------
        ValueError
            If an option is out of range.
        """
        if max_tokens < 1:
            raise ValueError(f"max_tokens must be 1 or more, not {max_tokens}")
        sampling = Sampling(temperature, top_k, top_p, seed)
        units, lines = self._units, self._lines
        ids = units.encode([checked_text(prompt, 1)])[0].tolist()
        written: list[int] = []
        end = END if lines else None
        while len(written) < max_tokens:
            seen = [START, *ids, *written]
            if len(seen) >= self._context:
                seen = seen[-(self._context // 2) :]
            left = min(max_tokens - len(written), self._context - len(seen) + 1)
            more, ended = self._written(seen, left, end, replace(sampling, seed=seed + len(written)), greedy, on_piece)
            written += more
            if ended or not more:
                break
        return units.decode([*ids, *written])

    def _written(
        self,
        seen: Sequence[int],
        n: int,
        end: int | None,
        sampling: Sampling,
        is_greedy: bool,
        on_piece: Callable[[str], Any] | None,
    ) -> tuple[list[int], bool]:
        """Return at most n units behind those that are seen, and whether the text has ended."""
        state, starts = self._fused().prompted(Packed.of([seen[1:]]), seen[0])
        banned = (START, UNKNOWN) if end is not None else (START, UNKNOWN, END)
        limits = Limits(n, end=end, banned=banned)
        pieces = self._units.pieces

        def tell(_: int, token: int) -> None:
            if on_piece is not None and token != end:
                on_piece(pieces[token])

        if is_greedy:
            [found] = greedy(state, starts, limits, on_token=tell)
        else:
            [found] = sample(state, starts, limits, sampling, on_token=tell)
        return found.tokens.tolist(), found.finished

    def score(self, texts: Iterable[str], *, ngrams: bool = False, workers: int | None = None) -> list[Scored]:
        """Say how probable texts are.

        Parameters
        ----------
        texts : iterable of str
            Lines, or one or more running texts.
        ngrams : bool, default False
            Ask the n-grams instead of the network.
        workers : int, optional
            Threads; all cores by default.

        Returns
        -------
        list of Scored
        """
        given = [checked_text(text, i) for i, text in enumerate(one_column(texts), 1)]
        units = self._units
        packed = Packed(*units.encode(given))
        found = self.ngrams_.log_probabilities(packed) if ngrams else self._log_probabilities(packed, workers)
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

    def _log_probabilities(self, packed: Packed, workers: int | None) -> NDArray[np.float64]:
        network = self.network_
        n_workers = workers or self.workers or default_workers()
        found = _told(network, network.parameters, Streams(packed, self._lines), self._context, n_workers)
        return found

    def perplexity(self, texts: Iterable[str], *, ngrams: bool = False) -> float:
        """Return the perplexity of texts, each token of which counts alike."""
        found = np.concatenate([one.log_probabilities for one in self.score(texts, ngrams=ngrams)])
        return math.exp(-float(found.mean())) if len(found) else math.nan

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the model's folder; see `TextNetwork.save`."""
        self.network_.save(path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LanguageModel:
        """Open a language model's folder, or the checkpoint of an interrupted training.

        Raises
        ------
        ModelError
            If it is missing, holds another kind of model, is of a newer version, or damaged.
        """
        try:
            folder, _ = find_checkpoint(path, LANGUAGE_MODELS)
        except ModelError:
            folder = Path(path)
            network = TextNetwork.load(folder, LANGUAGE_MODELS)
        else:
            network = TextNetwork.load(folder, LANGUAGE_MODELS, for_training=True)
        known = {field.name for field in fields(LanguageModelParameters)}
        try:
            began = {name: value for name, value in network.metadata["parameters"].items() if name in known}
            LanguageModelParameters(**began)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder} is damaged: its parameters: {error}") from error
        model = cls(**began)
        try:
            model._keep(network)
        except ValueError as error:
            raise ModelError(f"{folder / NGRAMS_FILE} is damaged: {error}") from error
        if type(network.metadata.get("lines")) is not bool:
            raise ModelError(f"{folder} is damaged: it does not say whether its texts are lines")
        return model

    def _parameters(self) -> LanguageModelParameters:
        return LanguageModelParameters(**self.get_params())

    def _keep(self, network: TextNetwork) -> None:
        self.network_: TextNetwork = network
        self.history_: list[dict[str, Any]] = network.metadata.get("history", [])
        self.ngrams_ = NgramModel.from_arrays(network.further["ngrams"])
        self._packed: FusedDecoder | None = None

    def _fused(self) -> FusedDecoder:
        network = self.network_
        if self._packed is None:
            self._packed = FusedDecoder(network.config, network.parameters)
        return self._packed

    @property
    def _units(self) -> Units:
        return self.network_.units["text"]

    @property
    def _lines(self) -> bool:
        return bool(self.network_.metadata["lines"])

    @property
    def _context(self) -> int:
        return int(self.network_.metadata["parameters"]["context"])

    def _train(
        self,
        start: TextNetwork,
        data: _Data,
        parameters: LanguageModelParameters,
        keeper: Checkpoint | None,
        progress: ProgressOption,
        resumed: TextNetwork | None,
    ) -> None:
        units = start.units["text"]
        trained, held_out = (Packed(*units.encode(texts)) for texts in (data.trained, data.held_out))
        streams = Streams(trained, data.lines)
        windows = Windows(streams, parameters.context, parameters.batch_tokens, seed_of(parameters.random_state))
        measured = Streams(held_out, data.lines)
        ngrams = NgramModel.fit(trained, parameters.order, len(units.pieces), sentences=data.lines)
        floor = -float(ngrams.log_probabilities(held_out).mean())
        start = replace(
            start,
            metadata={**start.metadata, "lines": data.lines, "ngram_loss": floor},
            further={"ngrams": ngrams.arrays()},
        )
        text = Text(
            windows.__getitem__,
            windows.n_batches,
            measured.batch(*measured.cut(parameters.context)),
            lambda table: {},
            digest_of(trained, held_out),
            data.files,
            {"validation": data.validation_files},
        )
        train(start, text, parameters, keep=self._keep, checkpoint=keeper, progress=progress, resumed=resumed)


@dataclass(frozen=True)
class _Data:
    """Texts to train on and to measure by, and the files that they came from."""

    trained: list[str]
    held_out: list[str]
    lines: bool
    files: list[str] | None
    validation_files: list[str] | None

    @classmethod
    def of(cls, corpus: Any, validation: Any, parameters: LanguageModelParameters, seed: int) -> _Data:
        lines = parameters.lines if parameters.lines is not None else parameters.units != "characters"
        every, files = _read(corpus, lines)
        if validation is not None:
            apart, validation_files = _read(validation, lines)
            return cls(every, apart, lines, files, validation_files)
        if lines:
            n = max(1, round(parameters.held_out * len(every)))
            chosen = set(np.random.default_rng(seed).permutation(len(every))[:n].tolist())
            trained = [text for i, text in enumerate(every) if i not in chosen]
            apart = [every[i] for i in sorted(chosen)]
        else:
            [text] = every
            cut = len(text) - max(1, round(parameters.held_out * len(text)))
            trained, apart = [text[:cut]], [text[cut:]]
        if not any(trained) or not any(apart):
            raise ValueError("the text is too short to hold a part of it out; give more, or a validation text")
        return cls(trained, apart, lines, files, None)


def _read(corpus: Any, lines: bool) -> tuple[list[str], list[str] | None]:
    """Return lines that are not blank, or all of them as one running text, and the files that they are from."""
    files = None
    found: Iterator[str]
    if isinstance(corpus, (str, os.PathLike)):
        corpus = [Path(corpus)]
    if isinstance(corpus, (list, tuple)) and corpus and all(isinstance(item, os.PathLike) for item in corpus):
        corpus = TextReader(corpus)
    if isinstance(corpus, TextReader):
        found = corpus.lines()
        files = None if "-" in corpus.paths else [os.path.abspath(path) for path in corpus.paths]
    else:
        found = (checked_text(text, i) for i, text in enumerate(one_column(corpus), 1))
    texts = [line for line in found if line.strip()] if lines else ["\n".join(found)]
    if not any(text.strip() for text in texts):
        raise ValueError("there is no text to train on")
    return texts, files


def _checkpoint(path: str | os.PathLike[str], seconds: float, overwrite: bool, seed: int | None = None) -> Checkpoint:
    return Checkpoint(path, seconds, overwrite=overwrite, seed=seed, kind=LANGUAGE_MODELS)


def _learn_units(texts: Sequence[str], parameters: LanguageModelParameters) -> Units:
    options = {"tokenizer": parameters.tokenizer} if parameters.units == "words" else {}
    min_count = parameters.min_count if parameters.units != "subwords" else None
    return learn_units(parameters.units, texts, size=parameters.vocabulary_size, min_count=min_count, **options)


def _config(units: Units, parameters: LanguageModelParameters) -> CausalConfig:
    return CausalConfig(
        len(units.pieces),
        StackConfig(
            parameters.dim, parameters.heads, parameters.layers,
            max(1, round(parameters.feed_forward * parameters.dim)), norm=parameters.norm,
            positions=parameters.positions, activation=parameters.activation,
            max_positions=parameters.context, causal=True,
        ),
    )  # fmt: skip


def _told(
    network: TextNetwork, table: ParameterTable, streams: Streams, context: int, workers: int
) -> NDArray[np.float64]:
    """Return log p of every token of the streams but START, each seen with half a context before it at least."""
    starts, lengths, told = token_windows(streams, context)
    n = int(streams.lengths.sum())
    found = np.empty(n)
    ends = np.cumsum(lengths - told)
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(np.cumsum(lengths[first:]), _AT_ONCE, side="right")) + first)
        batch = streams.batch(starts[first:last], lengths[first:last])
        losses = models.token_losses(network.config, table, batch, workers=workers)
        place = np.arange(len(losses)) - np.repeat(batch.inputs.offsets[:-1], lengths[first:last])
        new = place >= np.repeat(told[first:last], lengths[first:last])
        begin = int(ends[first - 1]) if first else 0
        found[begin : int(ends[last - 1])] = -losses[new]
        first = last
    return found
