"""`SentenceEncoder`: sentences to vectors, as a scikit-learn transformer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from sklearn.base import clone

from w2v.corpora.columns import one_column
from w2v.display.html import html_facts
from w2v.encoder.by_path import EncoderByPath
from w2v.encoder.card import encoder_card
from w2v.encoder.formats import read_encoder
from w2v.encoder.model.state import EncoderState
from w2v.encoder.opening import open_encoder
from w2v.encoder.parameters import EncoderParameters
from w2v.encoder.places import EncoderFolder
from w2v.encoder.stateful import StatefulEncoder
from w2v.encoder.training.fit_options import FitOptions, is_generator
from w2v.encoder.training.fitting import Progress, checkpoint_at, train
from w2v.encoder.training.resuming import Interrupted, SavedEncoder, Sources, interrupted_training
from w2v.encoder.training.start import Start as Start
from w2v.encoder.training.start import stays_as_it_is, with_default_blocks
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.settings.tables import documented
from w2v.training.word2vec import Word2Vec

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer

_DEFAULTS = EncoderParameters()


@documented(EncoderParameters)
class SentenceEncoder(StatefulEncoder):
    """Vectors of sentences, grown from vectors of words.

    It can be used before it is fitted: then it is smooth inverse frequency (SIF), a weighted sum of the words' vectors
    in closed form. Any architecture starts there, and training goes on from there.

    Parameters
    ----------
    embeddings : Embeddings, EncoderState, Word2Vec, str or path-like
        What to start from: word vectors, a fitted encoder's ``state_``, or the folder of either, or of an encoder of
        another program; see `w2v.encoder.opening`. Of a `Word2Vec`, `fit` trains a clone on the corpus first, so that
        its parameters can be searched over, too.
    {parameters}
    training : FitOptions, optional
        How `fit` trains; see `w2v.encoder.training.fit_options.FitOptions`.

    Attributes
    ----------
    state_ : EncoderState
        What was learned.
    history_ : list of dict
        What training measured: stage, step, seconds, losses.
    is_complete_ : bool
        False after Ctrl-C.

    Notes
    -----
    Smooth inverse frequency is in `sif_state`, which also says what the options of the identity do; the network is in
    `w2v.encoder.model.network.NetworkConfig`. Whatever the seed, vectors are those of SIF at the network's start.

    By default `fit` trains on files, pairs or a teacher, and on texts without labels unless the start is a trained
    encoder; it leaves the encoder as it is where it is given labels, and so does `fit_transform`, which is what
    pipelines call, with labels or without. A `Word2Vec` to start from is trained in any case.

    In scikit-learn's pipelines features do not depend on whether there are labels. An encoder that was trained, here
    or before it was saved, stays as it is there, and so do its clones, as long as no parameter is set that decides what
    is learned (`architecture`, `a`, `dim` and the like): then it begins again at its start. `fit` called again trains
    again from the start.

    Examples
    --------
    >>> from w2v import Embeddings
    >>> embeddings = Embeddings(["cats", "dogs", "run"], [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> SentenceEncoder(embeddings).encode(["Cats run!", ""]).round(3)
    array([[0.545, 0.839],
           [0.   , 0.   ]], dtype=float32)
    """

    def __init__(
        self,
        embeddings: Start | None = None,
        architecture: str | None = _DEFAULTS.architecture,
        *,
        window: int = _DEFAULTS.window,
        layers: int = _DEFAULTS.layers,
        heads: int = _DEFAULTS.heads,
        dim: int = _DEFAULTS.dim,
        positions: str = _DEFAULTS.positions,
        feed_forward: float = _DEFAULTS.feed_forward,
        norm: str = _DEFAULTS.norm,
        head: str = _DEFAULTS.head,
        dropout: float = _DEFAULTS.dropout,
        a: float = _DEFAULTS.a,
        identity_scale: float = _DEFAULTS.identity_scale,
        identity_columns: int = _DEFAULTS.identity_columns,
        bag_columns: int | None = _DEFAULTS.bag_columns,
        bag_prefix: int | None = _DEFAULTS.bag_prefix,
        bag_weight: float | None = _DEFAULTS.bag_weight,
        mean_weight: float | None = _DEFAULTS.mean_weight,
        normalize: bool | None = _DEFAULTS.normalize,
        truncate_dim: int | None = _DEFAULTS.truncate_dim,
        batch_size: int = _DEFAULTS.batch_size,
        workers: int | None = _DEFAULTS.workers,
        random_state: Any = _DEFAULTS.random_state,
        training: FitOptions | None = None,
        frozen: bool | None = _DEFAULTS.frozen,
    ) -> None:
        self.embeddings = embeddings
        self.architecture = architecture
        self.window = window
        self.layers = layers
        self.heads = heads
        self.dim = dim
        self.positions = positions
        self.feed_forward = feed_forward
        self.norm = norm
        self.head = head
        self.dropout = dropout
        self.a = a
        self.identity_scale = identity_scale
        self.identity_columns = identity_columns
        self.bag_columns = bag_columns
        self.bag_prefix = bag_prefix
        self.bag_weight = bag_weight
        self.mean_weight = mean_weight
        self.normalize = normalize
        self.truncate_dim = truncate_dim
        self.batch_size = batch_size
        self.workers = workers
        self.random_state = random_state
        self.training = training
        self.frozen = frozen

    def fit(
        self,
        corpus: Any = None,
        y: Any = None,
        *,
        pairs: Any = None,
        teacher: Any = None,
        teacher_cache: str | os.PathLike[str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: Progress = None,
    ) -> SentenceEncoder:
        """Train the encoder, from its start; see `w2v.encoder.training.training.fit_encoder`.

        Parameters
        ----------
        corpus : str, path-like, list of path-like, or iterable of str, optional
            Files or texts: one paragraph a line without a teacher, one sentence a line with it. A `TextReader` of
            them, and of `pairs`, says what to do with bytes that are not UTF-8.
        y : array-like, optional
            Labels, from which nothing is learned. If there are any, `frozen` is True by default.
        pairs : path, iterable of sequences of str, or a list of paths, optional
            Sentences that mean the same. With a corpus they are trained on after it.
        teacher : callable, ndarray or path to .npy or to a model folder, or a list of these, optional
            What the encoder shall be like: makes vectors of the corpus' sentences, or holds one for each. Of several
            teachers the mean of their cosines counts; see `w2v.encoder.training.teachers.teacher_vectors`.
        teacher_cache : path-like, optional
            A folder in which the vectors that model folders make are kept, in float16: each sentence is encoded once,
            whichever training asks for it, and what a run that was killed has made is used by the next one.
        checkpoint : path-like, optional
            A model folder to keep the training in: it is saved there from time to time, after Ctrl-C, and when it is
            complete. Until then `load` and `resume` go on with it. A complete model that has the name already stays
            until the new one is complete; checkpoints are written beside it, as NAME.checkpoint, meanwhile.
        checkpoint_every : float, default 600
            Seconds from one checkpoint to the next; training waits while it is written. 0: only after Ctrl-C.
        overwrite : bool, default False
            Let `checkpoint` replace a model folder that exists.
        progress : bool, str or callable, optional
            True shows how far it is: a bar at a terminal or in a notebook, else a line of log every ten seconds; "bar"
            and "log" choose. A function is called from time to time with a `FitProgress`.

        Returns
        -------
        SentenceEncoder
            This one. Without any of these it is the closed form it starts from.

        Raises
        ------
        TrainingInterrupted
            After Ctrl-C; the best state so far is kept, and `resume` goes on.
        ValueError
            If there is not enough to train on, or an option is out of range.
        CorpusError
            If a file cannot be read or is not what it should be.
        DivergenceError
            If a loss or a parameter is not finite. A checkpoint that was written before is still whole.
        ModelError
            If `checkpoint` exists or cannot be written. One that fails between two others is a `CheckpointWarning`.
        EmptyVocabularyError
            If there is a `Word2Vec` to start from, and no word reaches its `min_count`.
        """
        parameters, sources = self._parameters(), Sources(corpus, pairs, teacher, teacher_cache)
        keeper = checkpoint_at(checkpoint, checkpoint_every, overwrite)
        is_frozen = self.frozen
        if is_frozen is None:
            is_frozen = stays_as_it_is(sources, y, self.embeddings, self._start_state)
        if not (is_frozen and self._keeps_state()):
            self._forget()
            start: Start | None = self.embeddings
            if isinstance(start, Word2Vec):
                if not is_frozen and not isinstance(corpus, (str, os.PathLike)):
                    sources = replace(sources, corpus=list(one_column(corpus)))  # read twice
                start = clone(start).fit(sources.corpus).embeddings_
            state = self._start_state(start)
            if not is_frozen and sources.used:
                state = with_default_blocks(state, parameters, sources.used)
                train(
                    state, sources, self._fit_options(),
                    parameters=parameters, keep=self._keep, progress=progress, checkpoint=keeper,
                )  # fmt: skip
                return self
            self._keep(state)
        if keeper is not None:
            keeper.finish(SavedEncoder(self.state))
        return self

    def fit_transform(self, X: Any, y: Any = None) -> NDArray[Any]:  # noqa: N803  # scikit-learn's name
        """Fit as in a pipeline and return the vectors: nothing but a `Word2Vec` is trained, unless `frozen` is False.

        Parameters
        ----------
        X : iterable of str
            Texts.
        y : array-like, optional
            Labels, from which nothing is learned.

        Returns
        -------
        ndarray of shape (S, d)
        """
        if isinstance(X, (str, os.PathLike)):
            raise TypeError("fit_transform needs a list of sentences; fit takes files")
        texts = list(one_column(X))
        if self.frozen is None and y is None:
            self.fit(texts, ())  # as with labels
        else:
            self.fit(texts, y)
        return self.transform(texts)

    def resume(
        self,
        corpus: Any = None,
        *,
        pairs: Any = None,
        teacher: Any = None,
        teacher_cache: str | os.PathLike[str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: Progress = None,
    ) -> SentenceEncoder:
        """Go on with a training that was interrupted, to where it would have come without, bit for bit.

        Parameters
        ----------
        corpus, pairs, teacher, teacher_cache : optional
            The same as before; what is left out is read from the files that were given then, if they were files.
        checkpoint, checkpoint_every, overwrite, progress : optional
            As for `fit`; `checkpoint` may have the name of this training's own.

        Returns
        -------
        SentenceEncoder
            This one.

        Raises
        ------
        ValueError
            If there is nothing to resume, the text is another, or an option of `training` was changed.
        TrainingInterrupted
            As `fit`.
        """
        began = getattr(self, "_interrupted", None)
        if began is None:
            raise ValueError("there is no interrupted training to resume")
        options = self._fit_options()
        if is_generator(self.random_state):
            options = replace(options, seed=began.options.seed)
        began.check_options(options)
        sources = began.sources_with(Sources(corpus, pairs, teacher, teacher_cache))
        keeper = checkpoint_at(checkpoint, checkpoint_every, overwrite, began.options.seed)
        train(
            self.state_, sources, options, parameters=self._parameters(), keep=self._keep, progress=progress,
            checkpoint=keeper, resumed=(self.history_, began.tensors()),
        )  # fmt: skip
        return self

    def transform(self, sentences: Iterable[str]) -> NDArray[Any]:
        """Return the vectors of sentences as `encode` does, with the options of the constructor, shape (S, d)."""
        return self.transformed(sentences)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the encoder's folder; see `w2v.encoder.model.persistence.save_encoder`."""
        began = getattr(self, "_interrupted", None)
        SavedEncoder(self.state, None if began is None else began.tensors()).save(path, overwrite=overwrite)

    @classmethod
    def import_folder(cls, path: str | os.PathLike[str]) -> SentenceEncoder:
        """Read an encoder of another program; see `w2v.encoder.formats.read_encoder`.

        Returns
        -------
        SentenceEncoder
            Fitted, as `load` returns it.
        """
        return cls._fitted(read_encoder(path))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, mmap: bool = True, tokenizer: Tokenizer | None = None
    ) -> SentenceEncoder:
        """Open the folder of an encoder, ours or another program's, or of word vectors; see `w2v.encoder.opening`.

        Returns
        -------
        SentenceEncoder
            Fitted; its ``embeddings`` is the state, so that scikit-learn's clones start from it.
        """
        state = open_encoder(path, mmap=mmap, tokenizer=tokenizer)
        encoder = cls._fitted(state, interrupted_training(path, state))
        if tokenizer is None:
            encoder._folder = os.path.abspath(path)
        return encoder

    def by_path(self) -> EncoderByPath:
        """Return this encoder, as it lies in its folder, for clusters: pickled as the path and a digest of the files.

        Where it is used, a process opens the folder once, memory-mapped. A `SentenceEncoder` itself is pickled whole,
        so that it can be moved and needs no folder.

        Raises
        ------
        ValueError
            If `load` has not opened this encoder, or was given a tokenizer.
        ModelError
            If its folder has gone.
        """
        folder = self.folder
        options = {name: getattr(self, name) for name in ("normalize", "truncate_dim", "batch_size", "workers")}
        return EncoderByPath(folder.path, folder.digest, **options)

    @property
    def folder(self) -> EncoderFolder:
        """The folder that `load` has opened, as it is now; ValueError if there is none."""
        path: str | None = self.__dict__.get("_folder")
        if path is None:
            raise ValueError(
                "only an encoder that SentenceEncoder.load has opened can be sent by its path, unless it was given a "
                "tokenizer: save this one, and load it"
            )
        return EncoderFolder.of(path)

    @classmethod
    def _fitted(cls, state: EncoderState, interrupted: Interrupted | None = None) -> SentenceEncoder:
        """Return an encoder that has learned this state, in a training that can go on if it was interrupted."""
        encoder = cls(
            state,
            state.architecture,
            normalize=state.pooling.ends_at_unit_length,
            training=None if interrupted is None else interrupted.options,
        )
        encoder._keep(state, interrupted)
        return encoder

    def _repr_html_(self) -> str:
        if self.embeddings is None:
            return html_facts("Sentence encoder, without word vectors", [])
        start = self.embeddings
        if isinstance(start, Word2Vec) and not hasattr(self, "state_") and not hasattr(start, "embeddings_"):
            return html_facts("Sentence encoder, not fitted", [("word vectors", start)])
        history = getattr(self, "history_", self.state.metadata.get("history", []))
        return encoder_card(self.state, history, self.dimension, is_complete=getattr(self, "is_complete_", True))
