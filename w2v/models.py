"""`Word2Vec`: from a corpus to word vectors, as a scikit-learn estimator."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from corpora.tokenizers import get_tokenizer

from .embeddings import Embeddings
from .parameters import MAX_SEED, Parameters
from .persistence import LAYOUT, load_embeddings, save_embeddings
from .stream import Corpus, WorkFolder, count_cores, encode_corpus, open_corpus
from .trainer import Progress, Trainer
from .training_state import TrainingState, read_state
from .vocabulary import Vocabulary

_DEFAULTS = Parameters()


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped `fit`; what was learned is on the estimator, and `Word2Vec.save` writes it to go on later."""


class Word2Vec(BaseEstimator):  # type: ignore[misc]
    """Word vectors by skip-gram or CBOW with negative sampling.

    Parameters
    ----------
    algorithm, vector_size, window, negative, min_count, max_vocab, sample, ns_exponent, shrink_windows, alpha, \
min_alpha, epochs, max_time, holdout, eval_analogies, eval_pairs, patience, monitor, workers, deterministic, \
random_state, tokenizer
        See `Parameters`, which also holds the defaults. With `max_time`, `epochs` is ignored.

    Attributes
    ----------
    embeddings_ : Embeddings
        The result, which needs nothing else here.
    vocabulary_ : Vocabulary
        V words by falling count.
    vectors_ : ndarray of shape (V, D), float32
        Input vectors, those of `embeddings_`.
    output_vectors_ : ndarray of shape (V, D), float32
        The other table, needed to go on training.
    history_ : list of dict
        For each epoch: epoch, loss, alpha, words, kept, pairs, seconds (see `EpochRecord`).
    seed_ : int
        What `random_state` came to.
    is_complete_ : bool
        False after Ctrl-C.

    References
    ----------
    Mikolov et al. 2013, arXiv:1301.3781 (skip-gram and CBOW) and arXiv:1310.4546 (negative sampling).

    Examples
    --------
    >>> model = Word2Vec(min_count=1, random_state=1).fit([["a", "cat", "sat"], ["a", "dog", "sat"]])
    >>> "cat" in model.embeddings_
    True
    """

    def __init__(
        self,
        algorithm: str = _DEFAULTS.algorithm,
        vector_size: int = _DEFAULTS.vector_size,
        window: int = _DEFAULTS.window,
        negative: int = _DEFAULTS.negative,
        min_count: int = _DEFAULTS.min_count,
        max_vocab: int | None = _DEFAULTS.max_vocab,
        sample: float = _DEFAULTS.sample,
        ns_exponent: float = _DEFAULTS.ns_exponent,
        shrink_windows: bool = _DEFAULTS.shrink_windows,
        alpha: float | None = _DEFAULTS.alpha,
        min_alpha: float | None = _DEFAULTS.min_alpha,
        epochs: int = _DEFAULTS.epochs,
        max_time: float | None = _DEFAULTS.max_time,
        holdout: float | None = _DEFAULTS.holdout,
        eval_analogies: str | os.PathLike[str] | None = _DEFAULTS.eval_analogies,
        eval_pairs: str | os.PathLike[str] | None = _DEFAULTS.eval_pairs,
        patience: int | None = _DEFAULTS.patience,
        monitor: str | None = _DEFAULTS.monitor,
        workers: int | None = _DEFAULTS.workers,
        deterministic: bool = _DEFAULTS.deterministic,
        random_state: Any = _DEFAULTS.random_state,
        tokenizer: str | Callable[[str], Iterable[str]] = _DEFAULTS.tokenizer,
    ) -> None:
        self.algorithm = algorithm
        self.vector_size = vector_size
        self.window = window
        self.negative = negative
        self.min_count = min_count
        self.max_vocab = max_vocab
        self.sample = sample
        self.ns_exponent = ns_exponent
        self.shrink_windows = shrink_windows
        self.alpha = alpha
        self.min_alpha = min_alpha
        self.epochs = epochs
        self.max_time = max_time
        self.holdout = holdout
        self.eval_analogies = eval_analogies
        self.eval_pairs = eval_pairs
        self.patience = patience
        self.monitor = monitor
        self.workers = workers
        self.deterministic = deterministic
        self.random_state = random_state
        self.tokenizer = tokenizer

    def fit(
        self,
        corpus: Corpus,
        y: object = None,
        *,
        progress: Callable[[Progress], None] | None = None,
        max_memory: int | None = None,
        work_folder: str | os.PathLike[str] | None = None,
    ) -> Word2Vec:
        """Train from the start.

        Parameters
        ----------
        corpus : str, path-like, TextReader, or an iterable of paths, of sentences or of lists of tokens
            A str alone is a file name or pattern. In an iterable, `pathlib.Path` objects are files, str are sentences,
            lists of str are tokens. Files and iterables are read once.
        y : ignored
            For scikit-learn.
        progress : callable, optional
            Called with a `Progress` from time to time, not always in the calling thread.
        max_memory : int, optional
            Bytes of token ids to hold in memory, a quarter of the machine's by default; a longer corpus is kept in
            files that are mapped into memory.
        work_folder : path-like, optional
            Where those files go; by default the system's temporary folder.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is out of range.
        CorpusError
            If a file cannot be read.
        EmptyVocabularyError
            If no word reaches `min_count`.
        DivergenceError
            If training diverged.
        TrainingInterrupted
            On Ctrl-C during training; `save` then writes a folder from which `resume` goes on.
        """
        parameters = self._validated()
        seed = _draw_seed(self.random_state)
        return self._train(corpus, parameters, seed, None, progress, max_memory, work_folder)

    def resume(
        self,
        corpus: Corpus,
        *,
        progress: Callable[[Progress], None] | None = None,
        max_memory: int | None = None,
        work_folder: str | os.PathLike[str] | None = None,
    ) -> Word2Vec:
        """Go on with a training that was interrupted, on the same corpus; with one worker, exactly.

        Parameters and errors are those of `fit`. Training parameters are those that it began with, but for `workers`.

        Raises
        ------
        ValueError
            If training is complete, or the corpus is not the one that training began with.
        """
        check_is_fitted(self)
        if self.is_complete_:
            raise ValueError("training is complete: there is nothing to resume")
        parameters = replace(self._state.parameters, tokenizer=self.tokenizer, workers=self.workers)
        return self._train(corpus, parameters, self.seed_, self._state, progress, max_memory, work_folder)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False, inputs: Iterable[str] = ()) -> None:
        """Write a model folder with what is needed to go on training.

        Parameters
        ----------
        path : str or path-like
            Name of the folder.
        overwrite : bool, default False
            Replace a model folder that exists.
        inputs : iterable of str, optional
            The files that were trained on, as a note for `resume`.

        Raises
        ------
        ModelError
            If the folder exists or cannot be written.
        """
        check_is_fitted(self)
        save_embeddings(
            self.embeddings_,
            path,
            overwrite=overwrite,
            extra_tensors={LAYOUT.training: {"output_vectors": self.output_vectors_}},
            extra_config={"training": self._state.to_dict(inputs)},
        )

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, tokenizer: str | Callable[[str], Iterable[str]] | None = None
    ) -> Word2Vec:
        """Open a folder that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            The folder.
        tokenizer : callable, optional
            The tokenizer that the model was trained with, if that was a callable of your own: code is never stored.

        Returns
        -------
        Word2Vec
            Fitted, or interrupted and ready for `resume`.

        Raises
        ------
        ModelError
            If it is no such folder, or damaged, or was trained with a callable and none is given.
        """
        embeddings = load_embeddings(path, tokenizer=None if tokenizer is None else get_tokenizer(tokenizer))
        state = read_state(path, embeddings)
        model = cls(**vars(state.parameters))
        model._keep(state, embeddings.vocabulary, embeddings.metadata, embeddings.tokenizer)
        return model

    def _validated(self) -> Parameters:
        parameters = Parameters(**self.get_params(deep=False))
        parameters.validate()
        return parameters

    def _train(
        self,
        corpus: Corpus,
        parameters: Parameters,
        seed: int,
        state: TrainingState | None,
        progress: Callable[[Progress], None] | None,
        max_memory: int | None,
        work_folder: str | os.PathLike[str] | None,
    ) -> Word2Vec:
        started = time.perf_counter()
        workers = parameters.workers or count_cores()
        tokenizer = get_tokenizer(parameters.tokenizer)
        with WorkFolder(work_folder) as folder:
            vocabulary, stream = encode_corpus(
                open_corpus(corpus),
                tokenizer,
                min_count=parameters.min_count,
                max_vocab=parameters.max_vocab,
                workers=workers,
                max_memory=max_memory,
                work_folder=folder,
                progress=progress and (lambda read, size: progress(Progress("reading", read / size if size else None))),
            )
            if state is not None:
                _check_same_corpus(vocabulary, self.vocabulary_)
            if progress is not None:
                progress(Progress("compiling"))
            trainer = Trainer(
                parameters,
                vocabulary,
                stream,
                seed,
                tables=state.tables if state else None,
                step=state.step if state else 0,
                history=state.history if state else None,
                started=started,
            )
            trainer.compile()
            try:
                trainer.run(workers, progress)
            except KeyboardInterrupt as interrupt:
                interrupted: KeyboardInterrupt | None = interrupt
            else:
                interrupted = None
        metadata = {
            "parameters": {name: value for name, value in vars(parameters).items() if name != "tokenizer"}
            | {"random_state": seed},
            "history": [record.to_dict() for record in trainer.history],
            "corpus": {"words": stream.n_words, "tokens": len(stream), "sentences": stream.n_sentences},
            "schedule": {
                "alpha": trainer.alpha,
                "min_alpha": trainer.min_alpha,
                "workers": workers,
                "chunk_targets": trainer.n_targets,
                "chunk_noise": trainer.n_noise,
            },
        }
        complete = interrupted is None and trainer.is_complete
        state = TrainingState(parameters, seed, complete, trainer.step, trainer.history, trainer.tables)
        self._keep(state, vocabulary, metadata, tokenizer)
        if interrupted is not None:
            raise TrainingInterrupted("training was interrupted; save() keeps what was learned, resume() goes on")
        return self

    def _keep(self, state: TrainingState, vocabulary: Vocabulary, metadata: dict[str, Any], tokenizer: Any) -> None:
        self._state = state
        self.seed_, self.is_complete_ = state.seed, state.complete
        self.vocabulary_ = vocabulary
        self.vectors_: NDArray[np.float32] = state.tables.input_vectors
        self.output_vectors_: NDArray[np.float32] = state.tables.output_vectors
        self.history_ = [record.to_dict() for record in state.history]
        self.embeddings_ = Embeddings(vocabulary, self.vectors_, tokenizer=tokenizer, metadata=metadata)


def _check_same_corpus(found: Vocabulary, expected: Vocabulary) -> None:
    assert found.counts is not None
    same_counts = expected.counts is not None and np.array_equal(found.counts, expected.counts)
    if found.index_to_key != expected.index_to_key or not same_counts:
        raise ValueError(
            "the corpus is not the one that training began with: its words and counts differ; "
            "resume with the same text, or train anew"
        )


def _draw_seed(random_state: Any) -> int:
    """Return an int seed: the given one, one drawn from the given generator, or a fresh one."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if hasattr(random_state, "integers"):
        return int(random_state.integers(MAX_SEED + 1))
    if hasattr(random_state, "randint"):
        return int(random_state.randint(MAX_SEED))
    return int(random_state)
