"""The training of a `SentenceEncoder`, with progress, checkpoints and a record of the result."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from w2v.encoder.model.state import EncoderState
from w2v.encoder.parameters import EncoderParameters
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.resuming import ENCODERS, Interrupted, SavedEncoder, Sources, describe_training
from w2v.encoder.training.training import Fitted, Kept, fit_encoder
from w2v.monitoring.history import TrainingInterrupted
from w2v.neural.progress import FitProgress, show_fitting
from w2v.storage.claims import claimed
from w2v.training.checkpoints import Checkpoint

History = list[dict[str, Any]]
Progress = Callable[[FitProgress], None] | bool | str | None


def checkpoint_at(
    path: str | os.PathLike[str] | None, seconds: float, overwrite: bool, seed: int | None = None
) -> Checkpoint | None:
    """Return the checkpoint in this folder, or None without a folder; `seed` is that of a resumed training."""
    return None if path is None else Checkpoint(path, seconds, overwrite=overwrite, seed=seed, kind=ENCODERS)


def train(
    start: EncoderState,
    sources: Sources,
    options: FitOptions,
    *,
    parameters: EncoderParameters,
    keep: Callable[[EncoderState, Interrupted | None], None],
    progress: Progress = None,
    checkpoint: Checkpoint | None = None,
    resumed: tuple[History, Mapping[str, NDArray[Any]]] | None = None,
) -> None:
    """Train from a state, or resume an interrupted training.

    Parameters
    ----------
    start : EncoderState
    sources : Sources
    options : FitOptions
    parameters : EncoderParameters
        Saved with the trained state.
    keep : callable
        Receives the trained state and, after an interruption, what is needed to resume. It is called before the result
        is saved, so that nothing is lost if saving fails.
    progress : bool, str or callable, optional
        As `SentenceEncoder.fit` takes it.
    checkpoint : Checkpoint, optional
        Where to save the training.
    resumed : (list of dict, mapping of str to ndarray), optional
        History and state of the interrupted training.

    Raises
    ------
    TrainingInterrupted
        After Ctrl-C, once everything is saved.
    """
    before, tensors = ([], None) if resumed is None else resumed

    def saved(fitted: Fitted) -> SavedEncoder:
        metadata = describe_training(
            parameters,
            sources,
            options,
            before + fitted.history,
            complete=not fitted.interrupted,
            architecture=fitted.state.architecture,
        )
        return SavedEncoder(replace(fitted.state, metadata=metadata), fitted.training)

    with nullcontext() if checkpoint is None else claimed(checkpoint.output):
        with show_fitting(progress, sources.corpus) as told:
            fitted = fit_encoder(
                start, sources.corpus, pairs=sources.pairs, teacher=sources.teacher,
                teacher_cache=sources.teacher_cache, options=options, progress=told,
                resume=tensors, kept=None if checkpoint is None else Kept(checkpoint, saved),
            )  # fmt: skip
        result, interrupted = saved(fitted), None
        if fitted.training is not None:
            interrupted = Interrupted(sources, sources.used, options, fitted.training)
        keep(result.state, interrupted)
        if checkpoint is not None:
            checkpoint.finish(result)
    if fitted.interrupted:
        raise TrainingInterrupted("training was interrupted; `resume` continues it") from fitted.interrupt
