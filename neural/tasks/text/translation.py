"""`Translator`: an encoder and a decoder, trained on pairs of texts, that translate."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from w2v.corpora.columns import checked_texts
from w2v.corpora.parallel import Pairs
from w2v.corpora.units import END, START, Units
from w2v.neural.batches import TokenBatches
from w2v.neural.configs import Config, TranslatorConfig
from w2v.neural.generation.batches import Tell
from w2v.neural.generation.beam import BeamOptions
from w2v.neural.generation.networks import GeneratingTranslator, translator_of
from w2v.neural.generation.sequential import greedy
from w2v.neural.generation.state import Limits, Wanted
from w2v.neural.models import Batch
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.progress import ProgressOption
from w2v.neural.tasks.estimator import TextEstimator, positive, stack_of
from w2v.neural.tasks.fitting import Text, Training, digest_of, train
from w2v.neural.tasks.folder import TRANSLATOR_FOLDER, TRANSLATORS, TextNetwork
from w2v.neural.tasks.parameters import TranslatorParameters
from w2v.neural.tasks.starting import start_from_words
from w2v.neural.tasks.text.answers import Translation, translations
from w2v.neural.tasks.text.bleu import bleu, has_sacrebleu, require_sacrebleu
from w2v.neural.tasks.text.long_texts import in_parts, joined
from w2v.neural.tasks.text.pairs import PairData, learn_both
from w2v.settings.constraints import Integer
from w2v.settings.environment import default_workers
from w2v.settings.estimator import of_table
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.settings.tables import MANY, documented

_MEASURED = 500
"""Held-out pairs that each evaluation during training translates."""
_LONGEST_RATIO = 100.0
_SPLIT_BEYOND = 256
"""Texts of so many tokens are translated as a whole, whatever the longest of training."""


@documented(TranslatorParameters)
class Translator(TextEstimator[TranslatorParameters]):
    """A translator from one language into another, trained on pairs of texts.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    network_ : TextNetwork
        The trained network.
    history_ : list of dict
        Evaluations during training: step, seconds, losses, held_out_loss, bleu.
    is_complete_ : bool
        False after an interrupted training, which `resume` continues.

    References
    ----------
    Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762.

    Examples
    --------
    >>> from w2v import Translator
    >>> pairs = [("eins zwei", "one two"), ("zwei drei", "two three"), ("drei eins", "three one")]
    >>> translator = Translator(source_units="words", target_units="words", dim=32, layers=1, epochs=300)
    >>> translator.fit(pairs * 30, validation=pairs).translate(["zwei drei"])
    ['two three']
    """

    kind, form, table = TRANSLATORS, TRANSLATOR_FOLDER, TranslatorParameters

    @of_table(TranslatorParameters)
    def __init__(self, **parameters: Any) -> None: ...

    def fit(
        self,
        sources: Any,
        targets: Iterable[str] | os.PathLike[str] | None = None,
        *,
        validation: Any = None,
        columns: tuple[int, int] = (1, 2),
        errors: str = "strict",
        initial_source: Any = None,
        initial_target: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> Translator:
        """Train the translator on pairs of texts.

        Parameters
        ----------
        sources : list of str, Pairs, path-like or list of path-like
            Texts, pairs, or files of pairs; see `w2v.corpora.parallel.read_pairs`.
        targets : list of str or path-like, optional
            The translations if `sources` are texts, or their file if `sources` is a file.
        validation : as `sources`, or list of (str, str), optional
            Pairs for validation. By default some are held out, and pairs with the same translations are left out of
            training.
        columns, errors : optional
            The columns of sources and targets in files, and how to handle bytes that are not UTF-8; see
            `w2v.corpora.parallel.read_pairs`.
        initial_source, initial_target : Embeddings, path-like, optional
            Initial word vectors of both embedding tables; they must have `dim` columns.
        {saving}
        CorpusError, ValueError, TypeError
            If there are too few pairs, or an option is out of range.
        ModuleNotFoundError
            If the units are subwords, but the package tokenizers is missing.
        """
        saving = checkpoint, checkpoint_every, overwrite
        with self._training(sources, saving, progress) as training:
            parameters = training.parameters
            data = PairData.of(sources, targets, validation, parameters, columns, errors)
            training.tell("learning the vocabularies")
            units = learn_both(data.trained, parameters)
            config = _config(units, parameters)
            table = ParameterTable.initialise(config.tensors(), parameters.random_state)
            for given, side, name in (
                (initial_source, "source", config.source_table), (initial_target, "target", config.table),
            ):  # fmt: skip
                if given is not None:
                    start_from_words(table[name], units[side], given)
            self._train(TextNetwork(TRANSLATORS, config, table, units), data, training)
        return self

    def resume(
        self,
        sources: Any = None,
        targets: Iterable[str] | None = None,
        *,
        validation: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> Translator:
        """Resume an interrupted training; the result is the same as without the interruption, bit for bit.

        {resuming}
        """
        saving = checkpoint, checkpoint_every, overwrite
        with self._resumed(sources, saving, progress) as training:
            began, parameters = training.began, training.parameters
            data = PairData.again(began, (sources, targets, validation), parameters)
            self._train(began, data, training)
        return self

    def translate(
        self,
        texts: Iterable[str],
        *,
        beam: int = 5,
        length_penalty: float = 1.0,
        batch_size: int = 64,
        workers: int | None = None,
        progress: Tell | None = None,
    ) -> list[str]:
        """Translate texts.

        Parameters
        ----------
        texts : iterable of str
            Texts of any length; empty and blank ones stay empty. One of more tokens than training has seen, 256 at
            least, is translated in parts, cut between sentences where possible: time grows with its length alone.
        beam : int, default 5
            Beam size; 1 is greedy decoding.
        length_penalty : float, default 1
            See `w2v.neural.generation.beam.BeamOptions`.
        batch_size : int, default 64
            Texts that a thread translates at once; more take more memory. Translations do not depend on it.
        workers : int, optional
            Number of threads; all cores by default.
        progress : callable, optional
            Called with the numbers of texts and parts that are translated, and of all.

        Returns
        -------
        list of str
        """
        found = self.explain(
            texts, beam=beam, length_penalty=length_penalty, batch_size=batch_size, workers=workers, wanted=Wanted(),
            progress=progress,
        )  # fmt: skip
        return [best[0].text for best in found]

    def explain(
        self,
        texts: Iterable[str],
        *,
        beam: int = 5,
        length_penalty: float = 1.0,
        n_best: int = 1,
        batch_size: int = 64,
        workers: int | None = None,
        wanted: Wanted = Wanted(scores=True, alternatives=5, alignments=True),  # noqa: B008
        progress: Tell | None = None,
    ) -> list[list[Translation]]:
        """Translate texts, and return scores, probabilities, alternatives and alignments.

        Parameters
        ----------
        texts, beam, length_penalty, batch_size, workers, progress
            See `translate`. A text that is translated in parts has no alignment.
        n_best : int, default 1
            Number of translations of each text, at most `beam`.
        wanted : Wanted
            What to return.

        Returns
        -------
        list of list of Translation
            Translations of each text, best first; an empty text has one empty translation.
        """
        given, options = checked_texts(texts), BeamOptions(beam, length_penalty, n_best)
        Integer("Texts at a time in each thread.", 1, MANY).check("batch_size", batch_size)
        stripped = [text.strip() for text in given]
        units, most = (
            self.network_.units["source"],
            max(_SPLIT_BEYOND, self.network_.metadata["parameters"]["max_tokens"]),
        )
        parts = in_parts(stripped, units, most)
        found = iter(
            translations(
                self.network_, self._generating(), list(chain.from_iterable(parts)), options, wanted, batch_size,
                self._threads(workers), progress,
            )
        )  # fmt: skip
        each = [[next(found) for _ in own] for own in parts]
        return [[joined(best, options) for best in zip(*own, strict=False)] for own in each]

    def score(self, sources: Sequence[str], targets: Sequence[str], **options: Any) -> float:
        """Return BLEU of the translations of texts; see `w2v.neural.tasks.text.bleu.bleu`.

        Parameters
        ----------
        sources, targets : sequence of str
        **options
            Options of `translate`.
        """
        return bleu(self.translate(sources, **options), list(targets)).score

    @classmethod
    def _check(cls, metadata: Mapping[str, Any]) -> None:
        positive(metadata, "length_ratio", _LONGEST_RATIO)

    def _keep(self, network: TextNetwork) -> None:
        super()._keep(network)
        self._packed: GeneratingTranslator | None = None

    def _generating(self) -> GeneratingTranslator:
        network = self.network_
        if self._packed is None:
            self._packed = _fuse(network.config, network.parameters)
        return self._packed

    def _train(self, start: TextNetwork, data: PairData, training: Training[TranslatorParameters]) -> None:
        parameters = training.parameters
        if parameters.monitor == "bleu":
            require_sacrebleu()
        source, target = (_encoded(start.units[side], texts) for side, texts in (
            ("source", data.trained.sources), ("target", data.trained.targets),
        ))  # fmt: skip
        lengths = np.diff(source.offsets), np.diff(target.offsets)
        short = np.flatnonzero(np.maximum(*lengths) <= parameters.max_tokens)
        if not len(short):
            raise ValueError(
                f"every pair has a side of more than {parameters.max_tokens} tokens; allow more max_tokens"
            )
        source, target = source.take(short), target.take(short)
        ratio = min(max(1, len(target.ids)) / max(1, len(source.ids)), _LONGEST_RATIO)
        counts = {
            "trained": len(short), "held_out": len(data.held_out), "incomplete": data.n_incomplete,
            "too_long": len(lengths[0]) - len(short),
        }  # fmt: skip
        start = replace(start, metadata={**start.metadata, "length_ratio": ratio, "pairs": counts})
        held = [_encoded(start.units[side], texts) for side, texts in (
            ("source", data.held_out.sources), ("target", data.held_out.targets),
        )]  # fmt: skip
        batches = TokenBatches(np.diff(target.offsets) + 1, parameters.batch_tokens, parameters.random_state)

        def draw(step: int) -> Batch:
            rows = batches[step]
            return Batch.of(target.take(rows), source.take(rows))

        measured = data.held_out.take(range(min(_MEASURED, len(data.held_out))))
        text = Text(
            draw,
            batches.n_batches,
            Batch.of(held[1], held[0]),
            partial(_measure, start, measured, parameters.workers),
            _decode_one,
            digest_of(source, target, *held),
            data.files,
            {"columns": list(data.columns), "errors": data.errors, "validation": data.validation_files},
            judged_by=None if parameters.monitor == "loss" else parameters.monitor,
        )
        train(start, text, training)


def _config(units: dict[str, Units], parameters: TranslatorParameters) -> TranslatorConfig:
    return TranslatorConfig(
        len(units["source"].pieces),
        len(units["target"].pieces),
        stack_of(parameters),
        stack_of(parameters, causal=True, memory_size=parameters.dim),
        joint=units["source"] is units["target"],
        summary=parameters.memory == "mean",
    )


def _encoded(units: Units, texts: Sequence[str]) -> Packed:
    return Packed(*units.encode(texts))


def _fuse(config: Config, table: ParameterTable) -> GeneratingTranslator:
    assert isinstance(config, TranslatorConfig)
    return translator_of(config, table)


def _measure(start: TextNetwork, pairs: Pairs, workers: int | None, table: ParameterTable) -> dict[str, float]:
    """Return BLEU of greedy translations, if the package sacrebleu is there."""
    if not has_sacrebleu():
        return {}
    found = translations(
        start, _fuse(start.config, table), pairs.sources, BeamOptions(1), Wanted(), 64, workers or default_workers()
    )
    return {"bleu": bleu([best[0].text for best in found], pairs.targets).score}


def _decode_one(config: Config, table: ParameterTable) -> None:
    """Translate a text of one token, as `_measure` translates others."""
    if has_sacrebleu():
        greedy(_fuse(config, table).start(Packed.of([[END + 1]])), np.full(1, START, np.int32), Limits(np.full(1, 2)))
