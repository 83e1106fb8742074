"""`SentenceEncoder`: sentences to vectors, as a scikit-learn transformer."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Union, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _clone_parametrized,
    clone,
)
from sklearn.exceptions import NotFittedError

from w2v.corpora.columns import one_column
from w2v.corpora.readers import TextReader
from w2v.display.html import Html, ShownAsHtml, escape, html_curve, html_facts
from w2v.display.progress import mode_of, show_progress
from w2v.display.wording import decimals
from w2v.encoder.formats import read_encoder, write_encoder
from w2v.encoder.model.inference import BATCH_SIZE, Encoded, Inference, Output, Precision
from w2v.encoder.model.network import Network, NetworkConfig
from w2v.encoder.model.state import DEFAULT_A, EncoderState, sif_state
from w2v.encoder.opening import open_encoder, open_start
from w2v.encoder.training.fit_options import FitOptions, show_fitting
from w2v.encoder.training.resuming import (
    ENCODERS,
    Interrupted,
    SavedEncoder,
    Sources,
    describe_training,
    interrupted_training,
)
from w2v.encoder.training.training import Fitted, Kept, fit_encoder
from w2v.monitoring.history import TrainingInterrupted
from w2v.settings.estimator import FitFirst
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.storage.claims import claimed
from w2v.training.checkpoints import Checkpoint
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.encoder.training.fit_options import FitOptions, FitProgress
    from w2v.training.word2vec import Word2Vec

ARCHITECTURES = ("static", "attention")

_DIM = 128
_OF_OUTPUT = ("normalize", "truncate_dim", "batch_size", "workers", "frozen")
_OF_TRAINING = ("training", "random_state")

Start = Union[Embeddings, EncoderState, "Word2Vec", str, os.PathLike[str]]


class SentenceEncoder(ShownAsHtml, ClassNamePrefixFeaturesOutMixin, TransformerMixin, FitFirst, BaseEstimator):  # type: ignore[misc]
    """Vectors of sentences, grown from vectors of words.

    It can be used before it is fitted: then it is smooth inverse frequency (SIF), a weighted sum of the words' vectors
    in closed form. Any architecture starts there, and training goes on from there.

    Parameters
    ----------
    embeddings : Embeddings, EncoderState, Word2Vec, str or path-like
        What to start from: word vectors, a fitted encoder's ``state_``, or the folder of either, or of an encoder of
        another program; see `w2v.encoder.opening`. Of a `Word2Vec`, `fit` trains a clone on the corpus first, so that
        its parameters can be searched over, too.
    architecture : {"static", "attention"}, optional
        Sum up weighted rows of a table, or let the words of a sentence attend to each other first. By default that of
        the encoder to start from; of word vectors static.
    a : float, default 3e-4
        A word of probability p starts with the weight a / (a + p); see `sif_state`, also for the next two.
    identity_scale : float, default 0
    identity_columns : int, default 0
    layers : int, default 1
    heads : int, default 4
    dim : int, default 128, inside the network; the width of the vectors is `dimension`
    positions : str, default "relative"
    feed_forward : float, default 2
    norm : {"pre", "post"}, default "pre"
    head : {"branch", "linear"}, default "branch"
    dropout : float, default 0.1
        Of the network, with attention; see `w2v.encoder.model.network.NetworkConfig`.
    normalize : bool, optional
        Vectors have length 1, so that their products are cosines; that of a sentence without a known word is zero. By
        default so, unless an imported encoder leaves their lengths.
    truncate_dim : int, optional
        Keep so many of the first columns.
    batch_size : int, default 1024
        Sentences that a thread takes at once. The vectors do not depend on it.
    workers : int, optional
        Threads; all cores by default. The vectors do not depend on it.
    random_state : int, numpy.random.Generator or None
        Seed of training and of the network's start, at which the vectors are those of SIF whatever it is. None takes
        that of `training`.
    training : FitOptions, optional
        How `fit` trains; see `w2v.encoder.training.fit_options.FitOptions`.
    frozen : bool, optional
        Whether fitting leaves the encoder as it is (True) or trains it (False). By default `fit` trains on files, pairs
        or a teacher, and on texts without labels unless the start is a trained encoder; it leaves the encoder as it is
        where it is given labels, and so does `fit_transform`, which is what pipelines call, with labels or without. A
        `Word2Vec` to start from is trained in any case. See Notes.

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
        architecture: str | None = None,
        *,
        a: float = DEFAULT_A,
        identity_scale: float = 0.0,
        identity_columns: int = 0,
        layers: int = 1,
        heads: int = 4,
        dim: int | None = None,
        positions: str = "relative",
        feed_forward: float = 2.0,
        norm: str = "pre",
        head: str = "branch",
        dropout: float = 0.1,
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        batch_size: int = BATCH_SIZE,
        workers: int | None = None,
        random_state: Any = None,
        training: FitOptions | None = None,
        frozen: bool | None = None,
    ) -> None:
        self.embeddings = embeddings
        self.architecture = architecture
        self.a = a
        self.identity_scale = identity_scale
        self.identity_columns = identity_columns
        self.layers = layers
        self.heads = heads
        self.dim = dim
        self.positions = positions
        self.feed_forward = feed_forward
        self.norm = norm
        self.head = head
        self.dropout = dropout
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
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: Callable[[FitProgress], None] | bool | str | None = None,
    ) -> SentenceEncoder:
        """Train the encoder, from its start; see `w2v.encoder.training.training.fit_encoder`.

        Parameters
        ----------
        corpus : str, path-like, list of path-like, or iterable of str, optional
            Files or texts: one paragraph a line without a teacher, one sentence a line with it.
        y : array-like, optional
            Labels, from which nothing is learned. If there are any, `frozen` is True by default.
        pairs : path, iterable of sequences of str, or a list of paths, optional
            Sentences that mean the same. With a corpus they are trained on after it.
        teacher : callable, ndarray or path to .npy or to a model folder, optional
            What the encoder shall be like: makes rows of the corpus' sentences, or holds one for each.
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
        keeper = None
        if checkpoint is not None:
            keeper = Checkpoint(checkpoint, checkpoint_every, overwrite=overwrite, kind=ENCODERS)
        trainer = self._trainer()
        is_frozen = self._stays(Sources(corpus, pairs, teacher), y) if self.frozen is None else self.frozen
        if is_frozen and self._keeps_state():
            if keeper is not None:
                keeper.finish(SavedEncoder(self.state))
            return self
        self._forget()
        if trainer is not None and not is_frozen and not isinstance(corpus, (str, os.PathLike)):
            corpus = list(one_column(corpus))  # read twice
        start = self._start_state() if trainer is None else self._state_of(clone(trainer).fit(corpus).embeddings_)
        if is_frozen or (corpus is None and pairs is None and teacher is None):
            self.state_, self.is_complete_ = start, True
            self.history_: list[dict[str, Any]] = list(start.metadata.get("history", []))
            if keeper is not None:
                keeper.finish(SavedEncoder(start))
            return self
        return self._train(start, Sources(corpus, pairs, teacher), self._fit_options(), progress, keeper)

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

    def _stays(self, sources: Sources, y: Any) -> bool:
        """Say whether `fit` leaves the encoder as it is where `frozen` does not say it."""
        if y is not None:
            return True
        is_of_files = isinstance(sources.corpus, (str, os.PathLike, TextReader)) or _are_paths(sources.corpus)
        if is_of_files or sources.pairs is not None or sources.teacher is not None or self._trainer() is not None:
            return False
        start = self._start_state() if sources.corpus is not None else None
        if start is None or not is_trained(start):
            return False
        warnings.warn(
            "the encoder to start from is trained already, so fit leaves it as it is; frozen=False trains it on these "
            "texts, and frozen=True says that it shall stay",
            stacklevel=3,
        )
        return True

    def _keeps_state(self) -> bool:
        """Say whether what was learned is what these parameters ask for, so that a frozen encoder keeps it."""
        before: tuple[Any, ...] | None = self.__dict__.get("_fitted_key")
        if before is None or not hasattr(self, "state_") or self._trainer() is not None:
            return False
        return all(one is other or _are_equal(one, other) for one, other in zip(before, self._shape_key(), strict=True))

    def __sklearn_clone__(self) -> SentenceEncoder:
        """Return a clone that keeps what a direct `fit` has learned, as one that was loaded does."""
        cloned: SentenceEncoder = _clone_parametrized(self)
        if getattr(self, "history_", []):
            if self.frozen is not False and self._keeps_state():
                cloned.state_, cloned.history_, cloned.is_complete_ = self.state_, self.history_, self.is_complete_
                cloned._fitted_key = cloned._shape_key()
        return cloned

    def resume(
        self,
        corpus: Any = None,
        *,
        pairs: Any = None,
        teacher: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: Callable[[FitProgress], None] | bool | str | None = None,
    ) -> SentenceEncoder:
        """Go on with a training that was interrupted, to where it would have come without, bit for bit.

        Parameters
        ----------
        corpus, pairs, teacher : optional
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
        if hasattr(self.random_state, "integers"):  # it gives another seed each time
            options = replace(options, seed=began.options.seed)
        began.check_options(options)
        sources, keeper = began.sources_with(Sources(corpus, pairs, teacher)), None
        if checkpoint is not None:
            keeper = Checkpoint(
                checkpoint, checkpoint_every, overwrite=overwrite, seed=began.options.seed, kind=ENCODERS
            )
        return self._train(self.state_, sources, options, progress, keeper, began.tensors())

    def transform(self, sentences: Iterable[str]) -> NDArray[Any]:
        """Return the vectors of sentences as `encode` does, with the options of the constructor, shape (S, d)."""
        vectors: NDArray[Any] = self.encode(sentences)
        return vectors

    @overload
    def encode(
        self,
        sentences: Iterable[str],
        *,
        batch_size: int | None = ...,
        normalize: bool | None = ...,
        truncate_dim: int | None = ...,
        precision: Precision = ...,
        return_tokens: Literal[False] = ...,
        return_attention: Literal[False] = ...,
        progress: Callable[[int, int], None] | bool | str | None = ...,
    ) -> NDArray[Any]: ...
    @overload
    def encode(
        self,
        sentences: Iterable[str],
        *,
        batch_size: int | None = ...,
        normalize: bool | None = ...,
        truncate_dim: int | None = ...,
        precision: Precision = ...,
        return_tokens: bool = ...,
        return_attention: bool = ...,
        progress: Callable[[int, int], None] | bool | str | None = ...,
    ) -> NDArray[Any] | Encoded: ...
    def encode(
        self,
        sentences: Iterable[str],
        *,
        batch_size: int | None = None,
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        precision: Precision = "float32",
        return_tokens: bool = False,
        return_attention: bool = False,
        progress: Callable[[int, int], None] | bool | str | None = None,
    ) -> NDArray[Any] | Encoded:
        """Return the vectors of sentences.

        Parameters
        ----------
        sentences : iterable of str
            Of any length, empty ones too; a table of one column, as a data frame, is its texts.
        batch_size, normalize, truncate_dim : optional
            In place of the constructor's.
        precision : {"float32", "float16", "int8"}, default "float32"
            See `w2v.encoder.model.inference.Output`.
        return_tokens : bool, default False
            Return the tokens and their rows as well.
        return_attention : bool, default False
            Return the tokens, their rows and the weights of attention as well.
        progress : bool, str or callable, optional
            True, "bar" or "log" shows how far it is, as in `fit`; a function is called with the number of sentences
            done and of all.

        Returns
        -------
        ndarray of shape (S, d) of `precision`, or Encoded
            A sentence's vector does not depend on the other sentences, bit for bit. That of a sentence without a known
            word is zero.

        Raises
        ------
        TypeError
            If `sentences` is one str, a table of several columns, a dict or a set, or if a sentence is no str; the
            message counts sentences from 0.
        ValueError
            If an option is out of range, or a static encoder is asked for attention.
        """
        if isinstance(sentences, (str, bytes)):
            raise TypeError("encode needs a list of sentences, not one string")
        sentences = one_column(sentences)
        listed: Sequence[str] = sentences if isinstance(sentences, list) else list(sentences)
        output = self._output(normalize, truncate_dim, precision)
        if return_tokens or return_attention:
            return self.inference.explain(listed, output, with_attention=return_attention)
        size = self.batch_size if batch_size is None else batch_size
        if size < 1:
            raise ValueError(f"batch_size must be at least 1, not {size}")
        if callable(progress):
            return self.inference.encode(listed, output, size, progress)
        with show_progress(mode_of(progress), "encoding") as update:
            told = None if update is None else partial(update, "encoding")
            return self.inference.encode(listed, output, size, told)

    @property
    def state(self) -> EncoderState:
        """What was learned, or, before `fit`, what learning starts from."""
        if hasattr(self, "state_"):
            return self.state_
        key = self._start_key()
        if self.__dict__.get("_start", (None,))[0] != key:
            self._start = key, self._start_state()
        return self._start[1]

    @property
    def dimension(self) -> int:
        """The width of the vectors."""
        return self._output(None, None, "float32").columns(self.state.dimension)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the encoder's folder; see `w2v.encoder.model.persistence.save_encoder`."""
        began = getattr(self, "_interrupted", None)
        SavedEncoder(self.state, None if began is None else began.tensors()).save(path, overwrite=overwrite)

    def export(self, path: str | os.PathLike[str], *, format: str, overwrite: bool = False) -> None:
        """Write the encoder for another program; see `w2v.encoder.formats.write_encoder`."""
        write_encoder(self.state, path, format=format, overwrite=overwrite)

    @classmethod
    def import_folder(cls, path: str | os.PathLike[str]) -> SentenceEncoder:
        """Read an encoder of another program; see `w2v.encoder.formats.read_encoder`.

        Returns
        -------
        SentenceEncoder
            Fitted, as `load` returns it.
        """
        return cls._fitted(read_encoder(path))

    def to_embeddings(self) -> Embeddings:
        """Return word vectors with the weights folded in: sums of them are what a static encoder makes.

        As word vectors they can be written for tools that know words only; see `w2v.formats.write_vectors`.

        Raises
        ------
        ValueError
            If the encoder has attention or a dense map, which no table of words can hold.
        """
        state = self.state
        if state.network is not None:
            raise ValueError(
                "an encoder with attention is more than a table of words, so it has no word vectors; the format onnx "
                "takes every encoder"
            )
        if not state.pooling.is_linear:
            raise ValueError("an encoder that maps its vectors is more than a table of words; export it as onnx")
        return Embeddings(state.vocabulary, state.table * state.gains[:, None], tokenizer=state.tokenizer)

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
        encoder = cls._fitted(open_encoder(path, mmap=mmap, tokenizer=tokenizer))
        began = interrupted_training(path, encoder.state_)
        if began is not None:
            encoder.is_complete_ = False
            encoder._interrupted, encoder.training = began, began.options
        return encoder

    @classmethod
    def _fitted(cls, state: EncoderState) -> SentenceEncoder:
        """Return an encoder that has learned this state."""
        architecture = "static" if state.network is None else "attention"
        encoder = cls(state, architecture, normalize=state.pooling.ends_at_unit_length)
        encoder.state_, encoder.is_complete_, encoder._fitted_key = state, True, encoder._shape_key()
        encoder.history_ = list(state.metadata.get("history", []))
        return encoder

    @property
    def _n_features_out(self) -> int:
        return self.dimension

    @property
    def inference(self) -> Inference:
        """What encodes; for streams of text see `Inference.encode_blocks`."""
        state = self.state
        cached: Inference | None = self.__dict__.get("_cached_inference")
        if cached is None or cached.state is not state or cached.workers != (self.workers or cached.workers):
            cached = self._cached_inference = Inference(state, self.workers)
        return cached

    def _output(self, normalize: bool | None, truncate_dim: int | None, precision: Precision) -> Output:
        wanted = [given for given in (normalize, self.normalize) if given is not None]
        return Output(
            wanted[0] if wanted else self.state.pooling.normalize,
            self.truncate_dim if truncate_dim is None else truncate_dim,
            precision,
        )

    def _start_key(self) -> tuple[Any, ...]:
        return tuple(value for name, value in self.get_params(deep=False).items() if name not in _OF_OUTPUT)

    def _shape_key(self) -> tuple[Any, ...]:
        """Return the parameters that decide what is learned, but for how."""
        ignored = (*_OF_OUTPUT, *_OF_TRAINING)
        return tuple(value for name, value in self.get_params(deep=False).items() if name not in ignored)

    def _start_state(self) -> EncoderState:
        """Return what training starts from."""
        if self.architecture not in (None, *ARCHITECTURES):
            raise ValueError(f"architecture must be one of {', '.join(ARCHITECTURES)}, not {self.architecture!r:.80}")
        start = self.embeddings
        if start is None:
            raise ValueError("a SentenceEncoder needs word vectors to start from: pass `embeddings`")
        if isinstance(start, (str, os.PathLike)):
            start = open_start(start)
        if isinstance(start, EncoderState):
            return self._with_architecture(start)
        trainer = self._trainer()
        if trainer is not None:
            if not hasattr(trainer, "embeddings_"):
                raise NotFittedError("the Word2Vec to start from is not trained yet: call fit with the texts first")
            start = trainer.embeddings_
        if not isinstance(start, Embeddings):
            raise TypeError(f"embeddings must be Embeddings, an EncoderState or a folder, not {type(start).__name__}")
        return self._state_of(start)

    def _trainer(self) -> Word2Vec | None:
        """Return what trains the word vectors, where that is given in their place."""
        start: Any = self.embeddings
        if start is None or isinstance(start, (str, os.PathLike, Embeddings, EncoderState)):
            return None

        return start if isinstance(start, Word2Vec) else None

    def _state_of(self, start: Embeddings) -> EncoderState:
        """Return the closed form of word vectors."""
        return self._with_architecture(
            sif_state(start, self.a, identity_scale=self.identity_scale, identity_columns=self.identity_columns)
        )

    def _with_architecture(self, state: EncoderState) -> EncoderState:
        """Return the state with a network at its start, if there shall be one and is none."""
        if self.architecture == "static" and state.network is not None:
            raise ValueError("the encoder to start from has attention: pass architecture='attention'")
        if self.architecture != "attention" or state.network is not None:
            return state
        config = NetworkConfig(
            state.width,
            _DIM if self.dim is None else self.dim,
            self.heads,
            self.layers,
            self.feed_forward,
            self.norm,
            self.positions,
            self.dropout,
            head=self.head,
        )
        return replace(state, network=config, parameters=Network(config).initialise(self._fit_options().seed))

    def _train(
        self,
        start: EncoderState,
        sources: Sources,
        options: FitOptions,
        progress: Callable[[FitProgress], None] | bool | str | None,
        checkpoint: Checkpoint | None,
        tensors: Mapping[str, NDArray[Any]] | None = None,
    ) -> SentenceEncoder:
        """Train from a state, or from where another training was interrupted, and keep what came of it."""
        before = self.history_ if tensors is not None else []

        def saved(fitted: Fitted) -> SavedEncoder:
            history, is_complete = before + fitted.history, not fitted.interrupted
            has_network = fitted.state.network is not None
            metadata = describe_training(self, sources, options, history, complete=is_complete, has_network=has_network)
            return SavedEncoder(replace(fitted.state, metadata=metadata), fitted.training)

        with nullcontext() if checkpoint is None else claimed(checkpoint.output):
            with show_fitting(progress, sources.corpus) as told:
                fitted = fit_encoder(
                    start, sources.corpus, pairs=sources.pairs, teacher=sources.teacher, options=options, progress=told,
                    resume=tensors, kept=None if checkpoint is None else Kept(checkpoint, saved),
                )  # fmt: skip
            self._forget()
            kept = saved(fitted)
            self.state_, self.history_, self.is_complete_ = kept.state, before + fitted.history, not fitted.interrupted
            self._fitted_key = self._shape_key()
            if checkpoint is not None:
                checkpoint.finish(kept)
        if fitted.interrupted:
            assert fitted.training is not None
            self._interrupted = Interrupted(sources, sources.used, options, fitted.training)
            raise TrainingInterrupted("training was interrupted; `resume` goes on") from fitted.interrupt
        return self

    def _repr_html_(self) -> str:
        if self.embeddings is None:
            return html_facts("Sentence encoder, without word vectors", [])
        trainer = None if hasattr(self, "state_") else self._trainer()
        if trainer is not None and not hasattr(trainer, "embeddings_"):
            return html_facts("Sentence encoder, not fitted", [("word vectors", trainer)])
        state = self.state
        facts: list[tuple[str, object]] = [
            (
                "architecture",
                "static" if state.network is None else f"{state.network.layers} layers of attention",
            ),
            ("words", f"{len(state.vocabulary):,}"),
            ("columns", f"{self.dimension:,}"),
        ]
        history = getattr(self, "history_", state.metadata.get("history", []))
        losses = [loss for record in history if (loss := record.get("held_out_loss")) is not None]
        if losses:
            curve = html_curve(losses, "loss on held-out sentences")
            facts.append(("held-out loss", Html(f"{curve} {escape(decimals(min(losses)))} at best")))
        elif isinstance(imported := state.metadata.get("imported_from"), dict):
            facts.append(("imported from", f"{imported.get('folder')}, {imported.get('format')}"))
        elif state.network is None:
            facts.append(("training", "none: weights in closed form"))
        else:
            facts.append(("training", "none: a network at its start"))
        return html_facts("Sentence encoder" if getattr(self, "is_complete_", True) else "… interrupted", facts)

    def _fit_options(self) -> FitOptions:
        """Return how to train: `training`, with the seed and the threads of this encoder."""
        options = FitOptions() if self.training is None else self.training
        if self.random_state is not None:
            options = replace(options, seed=self._seed())
        return options if self.workers is None else replace(options, workers=self.workers)

    def _seed(self) -> int:
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)  # what --seed is, too
        return int(np.random.default_rng(self.random_state).integers(1 << 31))

    def _forget(self) -> None:
        for name in (
            "state_",
            "history_",
            "is_complete_",
            "_start",
            "_cached_inference",
            "_interrupted",
            "_fitted_key",
        ):
            self.__dict__.pop(name, None)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made again when it is needed."""
        kept: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in kept.items() if name not in ("_start", "_cached_inference")}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "state_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.requires_fit = False
        return tags


def is_trained(state: EncoderState) -> bool:
    """Say whether an encoder was trained, here or elsewhere, and is no closed form of word vectors."""
    return bool(state.metadata.get("history")) or "imported_from" in state.metadata


def _are_paths(corpus: Any) -> bool:
    return isinstance(corpus, (list, tuple)) and bool(corpus) and all(isinstance(one, os.PathLike) for one in corpus)


def _are_equal(one: Any, other: Any) -> bool:
    plain = (str, int, float, os.PathLike)
    return isinstance(one, plain) and isinstance(other, plain) and one == other
