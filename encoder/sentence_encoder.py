"""`SentenceEncoder`: sentences to vectors, as a scikit-learn transformer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from sklearn.base import clone

from w2v.corpora.columns import listed
from w2v.display.html import html_facts
from w2v.encoder.by_path import EncoderByPath
from w2v.encoder.card import encoder_card
from w2v.encoder.formats import read_encoder
from w2v.encoder.model.state import EncoderState
from w2v.encoder.opening import open_encoder
from w2v.encoder.parameters import EncoderParameters
from w2v.encoder.places import EncoderFolder
from w2v.encoder.stateful import StatefulEncoder
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.fitting import Progress, checkpoint_at, train
from w2v.encoder.training.resuming import Interrupted, SavedEncoder, Sources, interrupted_training
from w2v.encoder.training.start import Start as Start
from w2v.encoder.training.start import stays_as_it_is, telling_of_frozen, with_defaults
from w2v.settings.constraints import is_generator
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.settings.tables import documented
from w2v.training.word2vec import Word2Vec

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer

_DEFAULTS = EncoderParameters()


@documented(EncoderParameters)
class SentenceEncoder(StatefulEncoder):
    """A sentence encoder built on word vectors.

    It can be used before it is fitted: it is then smooth inverse frequency (SIF), a weighted sum of the word vectors in
    closed form. Training of any architecture starts from there.

    Parameters
    ----------
    embeddings : Embeddings, EncoderState, Word2Vec, str or path-like
        Word vectors, a fitted encoder's ``state_``, the folder of either, or that of another program's encoder; see
        `w2v.encoder.opening`. If it is a `Word2Vec`, `fit` first trains a clone of it on the corpus, so that a
        parameter search can include its parameters.
    {parameters}
    training : FitOptions, optional
        How `fit` trains; see `w2v.encoder.training.fit_options.FitOptions`.

    Attributes
    ----------
    state_ : EncoderState
        The trained state.
    history_ : list of dict
        Evaluations during training: stage, step, seconds, losses.
    is_complete_ : bool
        False after Ctrl-C.

    Notes
    -----
    `sif_state` implements smooth inverse frequency and explains the options of the identity;
    `w2v.encoder.model.network.NetworkConfig` describes the network. An untrained network gives the vectors of SIF,
    whatever the seed.

    By default, `fit` trains on files, pairs or a teacher, and also on texts without labels unless the encoder is
    already trained. With labels, it leaves the encoder unchanged. So does `fit_transform`, which pipelines call, with
    or without labels. A `Word2Vec` to start from is always trained.

    In scikit-learn's pipelines, features therefore do not depend on labels. A trained encoder stays unchanged there,
    and so do its clones, until a parameter is set that decides the network or the weights (such as `architecture`, `a`
    or `dim`): it is then untrained again. A second call of `fit` trains again from the start.

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
        dropout: float | None = _DEFAULTS.dropout,
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
        """Train the encoder from its initial state; see `w2v.encoder.training.training.fit_encoder`.

        Parameters
        ----------
        corpus : str, path-like, list of path-like, or iterable of str, optional
            Files or texts: one paragraph per line, or with a teacher, one sentence per line. A `TextReader` for it, and
            for `pairs`, sets how to handle bytes that are not UTF-8.
        y : array-like, optional
            Labels, which are not used for training. With labels, `frozen` is True by default.
        pairs : path, iterable of sequences of str, or a list of paths, optional
            Paraphrases. With a corpus, training on pairs follows that on the corpus.
        teacher : callable, ndarray or path to .npy or to a model folder, or a list of these, optional
            Teacher to imitate: it makes the vectors of the corpus' sentences, or has one for each. For several
            teachers, the mean of their cosines counts; see `w2v.encoder.training.teachers.teacher_vectors`.
        teacher_cache : path-like, optional
            A folder for the vectors of teachers that are model folders, in float16: each sentence is encoded only once
            across trainings, also after a killed run.
        checkpoint : path-like, optional
            A model folder in which to save the training at intervals, after Ctrl-C, and when it is complete. Before
            that, `load` and `resume` continue it. An existing complete model stays until the new one is complete;
            checkpoints are meanwhile written beside it, as NAME.checkpoint.
        checkpoint_every : float, default 600
            Seconds between checkpoints; training waits while one is written. 0 writes one only after Ctrl-C.
        overwrite : bool, default False
            Let `checkpoint` replace a model folder that exists.
        progress : bool, str or callable, optional
            True shows progress: a bar at a terminal or in a notebook, otherwise a log line every ten seconds; "bar" and
            "log" choose. A function is called at intervals with a `FitProgress`.

        Returns
        -------
        SentenceEncoder
            This encoder. Without training data it is the closed form.

        Raises
        ------
        TrainingInterrupted
            After Ctrl-C; the best state so far is kept, and `resume` continues the training.
        ValueError
            If there is not enough training data, or an option is out of range.
        CorpusError
            If a file cannot be read or has the wrong format.
        DivergenceError
            If a loss or a parameter is not finite. An earlier checkpoint stays intact.
        ModelError
            If `checkpoint` exists or cannot be written. A later failure is only a `CheckpointWarning`.
        EmptyVocabularyError
            If it starts from a `Word2Vec`, and no word reaches its `min_count`.
        """
        parameters, sources = self._parameters(), Sources(corpus, pairs, teacher, teacher_cache)
        keeper = checkpoint_at(checkpoint, checkpoint_every, overwrite)
        is_frozen = stays_as_it_is(self.frozen, sources, y, self.embeddings, self._start_state)
        if not (is_frozen and self._keeps_state()):
            self._forget()
            start: Start | None = self.embeddings
            if isinstance(start, Word2Vec):
                if not is_frozen and not isinstance(corpus, (str, os.PathLike)):
                    sources = replace(sources, corpus=listed(corpus))  # iterated over twice
                start = clone(start).fit(sources.corpus).embeddings_
            state = self._start_state(start)
            if not is_frozen and sources.used:
                state = with_defaults(state, parameters, sources.used)
                with telling_of_frozen(self.frozen):
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
        """Fit as in a pipeline and return the vectors; this trains only a `Word2Vec`, unless `frozen` is False.

        Parameters
        ----------
        X : iterable of str
            Texts.
        y : array-like, optional
            Labels, which are not used.

        Returns
        -------
        ndarray of shape (S, d)
        """
        if isinstance(X, (str, os.PathLike)):
            raise TypeError("fit_transform needs a list of sentences; fit takes files")
        texts = listed(X)
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
        """Resume an interrupted training; the result is the same as without the interruption, bit for bit.

        Parameters
        ----------
        corpus, pairs, teacher, teacher_cache : optional
            The same as before; by default they are read from the original files, if they were files.
        checkpoint, checkpoint_every, overwrite, progress : optional
            As for `fit`; `checkpoint` may be that of this training.

        Returns
        -------
        SentenceEncoder
            This encoder.

        Raises
        ------
        ValueError
            If there is nothing to resume, the text is different, or an option of `training` was changed.
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

    def compress(self) -> SentenceEncoder:
        """Return this encoder with a network that multiplies in int8: two to three times as fast if it is large.

        Its vectors differ slightly. The speed needs a processor with an instruction for products of bytes, such as
        AVX-512 VNNI; others compute the same vectors, more slowly than in float32.

        Raises
        ------
        ValueError
            If it has no attention, or computes in int8 already.
        """
        return self._fitted(self.state.compress())

    def by_path(self) -> EncoderByPath:
        """Return this encoder for clusters, pickled as the path of its folder and a digest of the files.

        Each process that uses it opens the folder once, memory-mapped. A `SentenceEncoder` itself is pickled
        completely, so that it needs no folder.

        Raises
        ------
        ValueError
            If this encoder was not opened by `load`, or was opened with a tokenizer.
        ModelError
            If its folder no longer exists.
        """
        folder = self.folder
        options = {name: getattr(self, name) for name in ("normalize", "truncate_dim", "batch_size", "workers")}
        return EncoderByPath(folder.path, folder.digest, **options)

    @property
    def folder(self) -> EncoderFolder:
        """The current folder that `load` opened; ValueError if there is none."""
        path: str | None = self.__dict__.get("_folder")
        if path is None:
            raise ValueError(
                "only an encoder opened by SentenceEncoder.load, without a tokenizer, can be sent by its path: save "
                "this one, and load it"
            )
        return EncoderFolder.of(path)

    @classmethod
    def _fitted(cls, state: EncoderState, interrupted: Interrupted | None = None) -> SentenceEncoder:
        """Return an encoder with this state, and with its training if that can be resumed."""
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
