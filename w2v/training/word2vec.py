"""`Word2Vec`: from a corpus to word vectors, as a scikit-learn estimator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import get_tokenizer
from w2v.display.html import ShownAsHtml
from w2v.encoding.corpus import Corpus
from w2v.encoding.vocabulary import Vocabulary
from w2v.monitoring.history import Progress
from w2v.settings.estimator import Estimator, by_name
from w2v.settings.parameters import CHECKPOINT_INTERVAL, Parameters
from w2v.training.card import training_card
from w2v.training.cluster.session import train_on_cluster
from w2v.training.monitor import Callback
from w2v.training.running.session import train
from w2v.training.running.start import RunOptions, afresh, further, interrupted, recorded_corpus
from w2v.training.state import TrainingState, read_state
from w2v.vectors.embeddings import Embeddings

_DEFAULTS = Parameters()
_OF_VECTORS = "ask its vectors: model.wv.{}"
_HABITS = {
    "build_vocab": "fit(corpus) counts the words and trains",
    "train": "fit(corpus) trains, and continue_fit(corpus) trains further on another text",
    "get_latest_training_loss": "history_ has the loss of every epoch",
    "predict_output_word": "compute it from vectors_ and output_vectors_",
    "transform": "it trains word vectors, model.wv; SentenceEncoder(Word2Vec()) encodes texts",
    "fit_transform": "it trains word vectors, model.wv; SentenceEncoder(Word2Vec()) encodes texts",
    "save_word2vec_format": "use w2v.formats.write_vectors(model.wv, path)",
} | {
    name: _OF_VECTORS.format(f"{name}(…)")
    for name in ("most_similar", "similarity", "distance", "doesnt_match", "n_similarity", "get_vector", "neighbors")
}


class Word2Vec(ShownAsHtml, Estimator):
    """Word vectors by skip-gram or CBOW with negative sampling, hierarchical or full softmax, or by GloVe.

    Parameters
    ----------
    algorithm, vector_size, window, objective, negative, min_count, max_vocab, sample, ns_exponent, x_max, x_exponent, \
shrink_windows, alpha, min_alpha, alpha_hold, epochs, max_time, holdout, eval_analogies, eval_pairs, patience, \
monitor, workers, deterministic, random_state, tokenizer, phrases, phrase_scoring, phrase_threshold, phrase_passes, \
phrase_connectors, subwords, min_n, max_n, buckets, position_weights, lines, recipe, languages
        See `Parameters`, which also holds the defaults. With `max_time`, `epochs` is ignored.

    Attributes
    ----------
    embeddings_ : Embeddings
        The word vectors, independent of this object.
    vocabulary_ : Vocabulary
        V words, the most frequent first.
    vectors_ : ndarray of shape (V, D), float32
        Input vectors, those of `embeddings_`; with GloVe the sums of input and output vectors.
    output_vectors_ : ndarray of shape (V, D), float32
        Output vectors, needed to continue training. With hierarchical softmax they belong to the inner nodes of the
        tree.
    history_ : list of dict
        For each epoch: epoch, loss, alpha, words, kept, pairs, seconds, and if measured, holdout_loss, analogies and
        word_pairs (see `EpochRecord`).
    seed_ : int
        The seed from `random_state`.
    is_complete_ : bool
        False after Ctrl-C.
    inputs_ : tuple of str
        The files that were read; "-" is standard input. Data in memory is recorded as "in memory: sentences" or "in
        memory: lists of tokens".
    inputs_errors_ : str
        How the files are decoded, see `corpora.TextReader`.

    References
    ----------
    Mikolov et al. 2013, arXiv:1301.3781 (skip-gram and CBOW) and arXiv:1310.4546 (negative sampling).
    Morin & Bengio 2005, AISTATS (hierarchical softmax). Pennington et al. 2014, EMNLP (GloVe).

    Examples
    --------
    >>> model = Word2Vec(min_count=1, sample=0, random_state=1).fit([["a", "cat", "sat"], ["a", "dog", "sat"]])
    >>> "cat" in model.embeddings_
    True
    """

    habits = _HABITS

    @by_name
    def __init__(
        self,
        *,
        algorithm: str = _DEFAULTS.algorithm,
        vector_size: int = _DEFAULTS.vector_size,
        window: int | None = _DEFAULTS.window,
        objective: str = _DEFAULTS.objective,
        negative: int = _DEFAULTS.negative,
        min_count: int = _DEFAULTS.min_count,
        max_vocab: int | None = _DEFAULTS.max_vocab,
        sample: float | None = _DEFAULTS.sample,
        ns_exponent: float = _DEFAULTS.ns_exponent,
        x_max: float = _DEFAULTS.x_max,
        x_exponent: float = _DEFAULTS.x_exponent,
        shrink_windows: bool = _DEFAULTS.shrink_windows,
        alpha: float | None = _DEFAULTS.alpha,
        min_alpha: float | None = _DEFAULTS.min_alpha,
        alpha_hold: float | None = _DEFAULTS.alpha_hold,
        epochs: int | None = _DEFAULTS.epochs,
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
        phrases: bool = _DEFAULTS.phrases,
        phrase_scoring: str = _DEFAULTS.phrase_scoring,
        phrase_threshold: float | None = _DEFAULTS.phrase_threshold,
        phrase_passes: int = _DEFAULTS.phrase_passes,
        phrase_connectors: str = _DEFAULTS.phrase_connectors,
        subwords: bool = _DEFAULTS.subwords,
        min_n: int = _DEFAULTS.min_n,
        max_n: int = _DEFAULTS.max_n,
        buckets: int = _DEFAULTS.buckets,
        position_weights: bool = _DEFAULTS.position_weights,
        lines: str = _DEFAULTS.lines,
        recipe: str = _DEFAULTS.recipe,
        languages: str | None = _DEFAULTS.languages,
    ) -> None: ...

    def fit(
        self,
        corpus: Corpus,
        y: object = None,
        *,
        initial: Embeddings | None = None,
        freeze: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        callbacks: Iterable[Callback] = (),
        progress: Callable[[Progress], None] | bool | str | None = None,
        max_memory: int | None = None,
        work_folder: str | os.PathLike[str] | None = None,
        client: Any = None,
        round_words: int | None = None,
    ) -> Word2Vec:
        """Train from the start.

        Parameters
        ----------
        corpus : str, path-like, TextReader, or an iterable of paths, of sentences or of lists of tokens
            A single str is a file name or pattern. In an iterable, `pathlib.Path` objects are files. Strings are files
            if all of them are file names or look like ones; otherwise they are sentences. Lists of str are tokens,
            which are used unchanged. Files and iterables are read once. With `lines` "pairs", an iterable yields
            (input, target) or (input, target, weight); with "weighted", (weight, sentence or tokens); with "parallel",
            (sentence or tokens, translation).
        y : ignored
            For scikit-learn.
        initial : Embeddings, optional
            Initial vectors of the words that it has; the others start at random. See `InitialVectors`.
        freeze : bool, default False
            Keep the input vectors of these words fixed.
        checkpoint : path-like, optional
            A model folder in which to save the training at intervals, after Ctrl-C, and when it is complete. Before
            that, `load` and `resume` continue it. An existing complete model stays until the new one is complete;
            checkpoints are meanwhile written beside it, as NAME.checkpoint.
        checkpoint_every : float, default 600
            Seconds between checkpoints; training waits while one is written. 0 writes one only after Ctrl-C.
        overwrite : bool, default False
            Allow `checkpoint` to replace an existing model folder.
        callbacks : iterable of callable, optional
            Each is called with a `TrainingView` after every epoch, or at intervals if it is wrapped in `Every`, while
            training waits. Training ends early, as if complete, once one returns True.
        progress : bool, str or callable, optional
            True shows progress: a bar at a terminal or in a notebook, otherwise a log line every ten seconds; "bar" and
            "log" choose. A function is called with a `Progress` at intervals, possibly in another thread.
        max_memory : int, optional
            Maximum number of bytes of token ids in memory, by default a quarter of the machine's memory. A longer
            corpus is kept in memory-mapped files. With GloVe, this also applies to its counts.
        work_folder : path-like, optional
            Folder for those files; by default the system's temporary folder.
        client : distributed.Client or str, optional
            Train on a Dask cluster, one part of the corpus per worker; all workers must be able to read its files. A
            str is the address, ``"tcp://host:8786"``, or ``"local:4"`` for four processes on this machine. `workers` is
            then the number of threads of each. See docs/running/cluster.md.
        round_words : int, optional
            With a cluster: the words that a worker trains between two exchanges. The default gives 28 to 225 rounds.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is out of range, or `initial` has another number of dimensions or none of the words.
        CorpusError
            If a file cannot be read.
        EmptyVocabularyError
            If no word reaches `min_count`.
        NoPairsError
            If no two words are neighbours in the training or held-out text, or `sample` leaves no neighbours.
        DivergenceError
            If training diverged.
        ModelError
            If `checkpoint` exists or cannot be written. A later failure is only a `CheckpointWarning`.
        CallbackError
            If a callback raised an exception. The result so far is kept, as after Ctrl-C.
        TrainingInterrupted
            On Ctrl-C during training; `save` then writes a folder that `resume` continues.
        """
        run = RunOptions(checkpoint, checkpoint_every, overwrite, callbacks, progress, max_memory, work_folder)
        if round_words is not None and client is None:
            raise ValueError("round_words is for a cluster: give client as well")
        _trains(client, round_words)(corpus, afresh(self._given(), initial, freeze), run, self._keep)
        return self

    def resume(
        self,
        corpus: Corpus | None = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        callbacks: Iterable[Callback] = (),
        progress: Callable[[Progress], None] | bool | str | None = None,
        max_memory: int | None = None,
        work_folder: str | os.PathLike[str] | None = None,
        client: Any = None,
    ) -> Word2Vec:
        """Resume an interrupted training on the same corpus; with one worker, the result is exactly the same.

        Parameters and errors are those of `fit`. Only `workers` may differ from the original training parameters. By
        default, the corpus is read from the original files. `checkpoint` may be that of this training.

        Raises
        ------
        ValueError
            If training is complete, the corpus is different or must be given, or a parameter was changed.
        """
        run = RunOptions(checkpoint, checkpoint_every, overwrite, callbacks, progress, max_memory, work_folder)
        self._check_fitted()
        start = interrupted(self._state, self._given())
        _trains(client)(recorded_corpus(self._state) if corpus is None else corpus, start, run, self._keep)
        return self

    def continue_fit(
        self,
        corpus: Corpus,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        callbacks: Iterable[Callback] = (),
        progress: Callable[[Progress], None] | bool | str | None = None,
        max_memory: int | None = None,
        work_folder: str | os.PathLike[str] | None = None,
    ) -> Word2Vec:
        """Train the vectors further on a new corpus, and add its words that reach `min_count` there.

        Counts are added, and the rows are sorted again. Words that do not occur in the new corpus keep both of their
        vectors, bit for bit. The learning rate starts at `alpha` again. See docs/running/continuing.md.

        Parameters and errors are those of `fit`. Training parameters may be changed before, except `tokenizer` and
        those that the tables depend on, such as `algorithm` and `vector_size`.

        Raises
        ------
        ValueError
            If training is not complete, or one of these parameters was changed.
        """
        run = RunOptions(checkpoint, checkpoint_every, overwrite, callbacks, progress, max_memory, work_folder)
        self._check_fitted()
        train(corpus, further(self._state, self._given()), run, self._keep)
        return self

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a model folder with everything needed to continue training.

        Raises ModelError if it cannot be written, or exists and `overwrite` is False.
        """
        self._check_fitted()
        self._state.save(path, overwrite=overwrite)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, tokenizer: str | Callable[[str], Iterable[str]] | None = None
    ) -> Word2Vec:
        """Open a folder that `save` wrote, of a complete training or of one to `resume`.

        Its parameters are those that were given, so that a clone trains as this one did: what was left out is left out.

        Parameters
        ----------
        path : str or path-like
            The folder.
        tokenizer : callable, optional
            The tokenizer of the training, if that was your own callable: code is never stored.

        Raises
        ------
        ModelError
            If the folder is not such a model or is damaged, or if a callable tokenizer has to be given.
        """
        state = read_state(path, None if tokenizer is None else get_tokenizer(tokenizer))
        omitted: dict[str, Any] = {name: getattr(_DEFAULTS, name) for name in state.left_out}
        if "random_state" in omitted:
            omitted["random_state"] = None  # it was drawn, and a clone draws another
        model = cls(**vars(state.parameters.without_unused()) | omitted)
        model._keep(state)
        return model

    @property
    def wv(self) -> Embeddings:
        """The word vectors, `embeddings_`, under gensim's name."""
        return self.embeddings_

    def __getitem__(self, word: object) -> NoReturn:
        raise TypeError("Word2Vec has no items; ask its vectors: model.wv[word]")

    def _repr_html_(self) -> str:
        return training_card(self)

    def _given(self) -> Parameters:
        return Parameters(**self.get_params())

    def _keep(self, state: TrainingState) -> None:
        self._state = state
        self.seed_, self.is_complete_ = state.seed, state.complete
        self.vocabulary_: Vocabulary = state.vocabulary
        self.vectors_: NDArray[np.float32] = state.embeddings.vectors
        self.output_vectors_: NDArray[np.float32] = state.tables.output_vectors
        self.history_ = [record.to_dict() for record in state.history]
        self.inputs_, self.inputs_errors_ = state.inputs, state.errors
        self.embeddings_: Embeddings = state.embeddings


def _trains(client: Any, round_words: int | None = None) -> Callable[..., None]:
    """Return the function that trains, here or on a cluster, with the signature of `train`."""
    return train if client is None else partial(train_on_cluster, client, round_words)
