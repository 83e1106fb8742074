"""`SentenceEncoder`: sentences to vectors, as a scikit-learn transformer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.exceptions import NotFittedError

from encoder.inference import BATCH_SIZE, Encoded, Inference, Output, Precision
from encoder.network import Network, NetworkConfig
from encoder.persistence import load_encoder, save_encoder
from encoder.resuming import Interrupted, Sources, describe_training, interrupted_training
from encoder.state import DEFAULT_A, EncoderState, sif_state
from w2v._html import Html, ShownAsHtml, escape, html_curve, html_facts
from w2v._wording import decimals
from w2v.embeddings import Embeddings
from w2v.model_files import LAYOUT

if TYPE_CHECKING:
    from corpora.tokenizers import Tokenizer
    from encoder.fit_options import FitOptions, FitProgress
    from w2v.models import Word2Vec

ARCHITECTURES = ("static", "attention")

Start = Union[Embeddings, EncoderState, "Word2Vec", str, os.PathLike[str]]


class SentenceEncoder(ShownAsHtml, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Vectors of sentences, grown from vectors of words.

    It can be used before it is fitted: then it is smooth inverse frequency (SIF), a weighted sum of the words' vectors
    in closed form. Any architecture starts there, and training goes on from there.

    Parameters
    ----------
    embeddings : Embeddings, EncoderState, Word2Vec, str or path-like
        What to start from: word vectors, a fitted encoder's ``state_``, or the folder of either. Of a `Word2Vec`, `fit`
        trains a clone on the corpus first, so that its parameters can be searched over, too.
    architecture : {"static", "attention"}, default "static"
        Sum up weighted rows of a table, or let the words of a sentence attend to each other first.
    a : float, default 3e-4
        A word of probability p starts with the weight a / (a + p); see `sif_state`, also for the next two.
    identity_scale : float, default 0
    identity_columns : int, default 0
    layers : int, default 1
    heads : int, default 4
    dim : int, default 128
    positions : str, default "relative"
    feed_forward : float, default 2
    norm : {"pre", "post"}, default "pre"
    head : {"branch", "linear"}, default "branch"
    dropout : float, default 0.1
        Of the network, with attention; see `encoder.network.NetworkConfig`.
    normalize : bool, default True
        Vectors have length 1, so that their products are cosines; that of a sentence without a known word is zero.
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
        How `fit` trains; see `encoder.fit_options.FitOptions`.
    frozen : bool, optional
        Let `fit` leave the encoder as it starts, for pipelines whose data is no corpus. By default it does so if it is
        given labels, as in a classifier's pipeline. (A `Word2Vec` to start from is trained in any case.)

    Attributes
    ----------
    state_ : EncoderState
        What was learned.
    history_ : list of dict
        What training measured: stage, step, seconds, losses.
    is_complete_ : bool
        False after Ctrl-C.

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
        architecture: str = "static",
        *,
        a: float = DEFAULT_A,
        identity_scale: float = 0.0,
        identity_columns: int = 0,
        layers: int = 1,
        heads: int = 4,
        dim: int = 128,
        positions: str = "relative",
        feed_forward: float = 2.0,
        norm: str = "pre",
        head: str = "branch",
        dropout: float = 0.1,
        normalize: bool = True,
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
        progress: Callable[[FitProgress], None] | None = None,
    ) -> SentenceEncoder:
        """Train the encoder, from its start; see `encoder.training.fit_encoder`.

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
        progress : callable, optional
            Called from time to time with a `FitProgress`.

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
        EmptyVocabularyError
            If there is a `Word2Vec` to start from, and no word reaches its `min_count`.
        """
        self._forget()
        is_frozen = y is not None if self.frozen is None else self.frozen
        trainer = self._trainer()
        if trainer is not None and not is_frozen and not isinstance(corpus, (str, os.PathLike)):
            corpus = list(corpus)  # read twice
        start = self._start_state() if trainer is None else self._state_of(clone(trainer).fit(corpus).embeddings_)
        if is_frozen or (corpus is None and pairs is None and teacher is None):
            self.state_, self.is_complete_ = start, True
            self.history_: list[dict[str, Any]] = []
            return self
        return self._train(start, Sources(corpus, pairs, teacher), self._fit_options(), progress)

    def resume(
        self,
        corpus: Any = None,
        *,
        pairs: Any = None,
        teacher: Any = None,
        progress: Callable[[FitProgress], None] | None = None,
    ) -> SentenceEncoder:
        """Go on with a training that was interrupted, to where it would have come without.

        Parameters
        ----------
        corpus, pairs, teacher : optional
            The same as before; what is left out is read from the files that were given then, if they were files.
        progress : callable, optional
            As for `fit`.

        Returns
        -------
        SentenceEncoder
            This one.

        Raises
        ------
        ValueError
            If there is nothing to resume, or the text is another.
        TrainingInterrupted
            As `fit`.
        """
        began = getattr(self, "_interrupted", None)
        if began is None:
            raise ValueError("there is no interrupted training to resume")
        sources = began.sources_with(Sources(corpus, pairs, teacher))
        return self._train(self.state_, sources, began.options, progress, began.tensors())

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
        progress: Callable[[int, int], None] | None = ...,
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
        progress: Callable[[int, int], None] | None = ...,
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
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[Any] | Encoded:
        """Return the vectors of sentences.

        Parameters
        ----------
        sentences : iterable of str
            Of any length, empty ones too.
        batch_size, normalize, truncate_dim : optional
            In place of the constructor's.
        precision : {"float32", "float16", "int8"}, default "float32"
            See `encoder.inference.Output`.
        return_tokens : bool, default False
            Return the tokens and their rows as well.
        return_attention : bool, default False
            Return the tokens, their rows and the weights of attention as well.
        progress : callable, optional
            Called with the number of sentences done and of all.

        Returns
        -------
        ndarray of shape (S, d) of `precision`, or Encoded
            A sentence's vector does not depend on the other sentences, bit for bit. That of a sentence without a known
            word is zero.

        Raises
        ------
        TypeError
            If `sentences` is one str, or a sentence none.
        ValueError
            If an option is out of range, or a static encoder is asked for attention.
        """
        if isinstance(sentences, (str, bytes)):
            raise TypeError("encode needs a list of sentences, not one string")
        listed: Sequence[str] = sentences if isinstance(sentences, list) else list(sentences)
        output = self._output(normalize, truncate_dim, precision)
        if return_tokens or return_attention:
            return self.inference.explain(listed, output, with_attention=return_attention)
        size = self.batch_size if batch_size is None else batch_size
        if size < 1:
            raise ValueError(f"batch_size must be at least 1, not {size}")
        return self.inference.encode(listed, output, size, progress)

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
        """Write the encoder's folder; see `encoder.persistence.save_encoder`."""
        began = getattr(self, "_interrupted", None)
        extra = None if began is None else {LAYOUT.training: began.tensors()}
        save_encoder(self.state, path, overwrite=overwrite, extra_tensors=extra)

    def export(self, path: str | os.PathLike[str], *, format: str, overwrite: bool = False) -> None:
        """Write the encoder for another program; see `encoder.formats.write_encoder`."""
        from encoder.formats import write_encoder

        write_encoder(self.state, path, format=format, overwrite=overwrite)

    @classmethod
    def import_folder(cls, path: str | os.PathLike[str]) -> SentenceEncoder:
        """Read an encoder of another program; see `encoder.formats.read_encoder`.

        Returns
        -------
        SentenceEncoder
            Fitted, as `load` returns it.
        """
        from encoder.formats import read_encoder

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
        """Open the folder of an encoder or of word vectors; see `encoder.persistence.load_encoder`.

        Returns
        -------
        SentenceEncoder
            Fitted; its ``embeddings`` is the state, so that scikit-learn's clones start from it.
        """
        encoder = cls._fitted(load_encoder(path, mmap=mmap, tokenizer=tokenizer))
        began = interrupted_training(path, encoder.state_)
        if began is not None:
            encoder.is_complete_ = False
            encoder._interrupted, encoder.training = began, began.options
        return encoder

    @classmethod
    def _fitted(cls, state: EncoderState) -> SentenceEncoder:
        """Return an encoder that has learned this state."""
        encoder = cls(state, "static" if state.network is None else "attention", normalize=state.pooling.normalize)
        encoder.state_, encoder.is_complete_ = state, True
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
        return Output(
            self.normalize if normalize is None else normalize,
            self.truncate_dim if truncate_dim is None else truncate_dim,
            precision,
        )

    def _start_key(self) -> tuple[Any, ...]:
        ignored = ("normalize", "truncate_dim", "batch_size", "workers", "frozen")
        return tuple(value for name, value in self.get_params(deep=False).items() if name not in ignored)

    def _start_state(self) -> EncoderState:
        """Return what training starts from."""
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"architecture must be one of {', '.join(ARCHITECTURES)}, not {self.architecture!r}")
        start = self.embeddings
        if start is None:
            raise ValueError("a SentenceEncoder needs word vectors to start from: pass `embeddings`")
        if isinstance(start, (str, os.PathLike)):
            from w2v.model_files import read_kind
            from w2v.persistence import KIND as WORD_VECTORS

            start = Embeddings.load(start) if read_kind(start) == WORD_VECTORS else load_encoder(Path(start))
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
        from w2v.models import Word2Vec

        return start if isinstance(start, Word2Vec) else None

    def _state_of(self, start: Embeddings) -> EncoderState:
        """Return the closed form of word vectors."""
        return self._with_architecture(
            sif_state(start, self.a, identity_scale=self.identity_scale, identity_columns=self.identity_columns)
        )

    def _with_architecture(self, state: EncoderState) -> EncoderState:
        """Return the state with a network at its start, if there shall be one and is none."""
        if self.architecture == "static":
            if state.network is not None:
                raise ValueError("the encoder to start from has attention: pass architecture='attention'")
            return state
        if state.network is not None:
            return state
        config = NetworkConfig(
            state.width,
            self.dim,
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
        progress: Callable[[FitProgress], None] | None,
        tensors: Mapping[str, NDArray[Any]] | None = None,
    ) -> SentenceEncoder:
        """Train from a state, or from where another training was interrupted, and keep what came of it."""
        from encoder.training import fit_encoder

        before = self.history_ if tensors is not None else []
        fitted = fit_encoder(
            start, sources.corpus, pairs=sources.pairs, teacher=sources.teacher, options=options, progress=progress,
            resume=tensors,
        )  # fmt: skip
        self._forget()
        self.history_, self.is_complete_ = before + fitted.history, not fitted.interrupted
        self.state_ = replace(fitted.state, metadata=describe_training(self, sources, options))
        if fitted.interrupted:
            from w2v.history import TrainingInterrupted

            assert fitted.training is not None
            self._interrupted = Interrupted(sources, sources.used, options, fitted.training)
            raise TrainingInterrupted("training was interrupted; `resume` goes on")
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
                self.architecture if state.network is None else f"{state.network.layers} layers of attention",
            ),
            ("words", f"{len(state.vocabulary):,}"),
            ("columns", f"{self.dimension:,}"),
        ]
        losses = [loss for record in getattr(self, "history_", []) if (loss := record.get("held_out_loss")) is not None]
        if losses:
            curve = html_curve(losses, "loss on held-out sentences")
            facts.append(("held-out loss", Html(f"{curve} {escape(decimals(min(losses)))} at best")))
        else:
            facts.append(("training", "none: weights in closed form"))
        return html_facts("Sentence encoder" if getattr(self, "is_complete_", True) else "… interrupted", facts)

    def _fit_options(self) -> FitOptions:
        """Return how to train: `training`, with the seed and the threads of this encoder."""
        from encoder.fit_options import FitOptions

        options = FitOptions() if self.training is None else self.training
        if self.random_state is not None:
            options = replace(options, seed=self._seed())
        return options if self.workers is None else replace(options, workers=self.workers)

    def _seed(self) -> int:
        return int(np.random.default_rng(self.random_state).integers(1 << 31))

    def _forget(self) -> None:
        for name in ("state_", "history_", "is_complete_", "_start", "_cached_inference", "_interrupted"):
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
