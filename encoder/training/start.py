"""The initial state of a training: untrained word vectors or another encoder, with a new network if requested."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from w2v.corpora.readers import TextReader
from w2v.encoder.model.blocks import DEFAULT_BAG, Blocks, PlainMean
from w2v.encoder.model.network import Network, NetworkConfig
from w2v.encoder.model.state import EncoderState, sif_state
from w2v.encoder.opening import open_start
from w2v.encoder.parameters import DROPOUT, OF_NETWORK, EncoderParameters
from w2v.encoder.training.resuming import Sources
from w2v.encoder.training.sources import TooFewPairsError
from w2v.neural.tasks.starting import check_same
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings

Start = Union[Embeddings, EncoderState, "Word2Vec", str, os.PathLike[str]]


def start_state(start: Start | None, parameters: EncoderParameters, draw_seed: Callable[[], int]) -> EncoderState:
    """Return the state that training starts from.

    Parameters
    ----------
    start : Embeddings, EncoderState, Word2Vec, str or path-like
        As `SentenceEncoder` takes it.
    parameters : EncoderParameters
    draw_seed : callable
        Returns the seed for the initial parameters of a network. It is called only if one is added.

    Raises
    ------
    ValueError
        If there is no start, or its network contradicts `parameters`.
    TypeError
        If the start has the wrong type.
    NotFittedError
        If it is a `Word2Vec` that is not trained yet.
    ModelError
        If it is a folder that cannot be opened.
    """
    if start is None:
        raise ValueError("a SentenceEncoder needs word vectors to start from: pass `embeddings`")
    if isinstance(start, (str, os.PathLike)):
        start = open_start(start)
    if isinstance(start, Word2Vec):
        if not hasattr(start, "embeddings_"):
            raise NotFittedError("the Word2Vec to start from is not trained yet: call its fit with the texts first")
        start = start.embeddings_
    vectors = None
    if isinstance(start, Embeddings):
        vectors = start.vectors
        start = sif_state(
            start,
            parameters.a,
            identity_scale=parameters.identity_scale,
            identity_columns=parameters.identity_columns,
        )
    if not isinstance(start, EncoderState):
        raise TypeError(f"embeddings must be Embeddings, an EncoderState or a folder, not {type(start).__name__}")
    blocks = _blocks(start.blocks, parameters, vectors)
    return _with_architecture(replace(start, blocks=blocks), parameters, draw_seed)


def _blocks(own: Blocks, parameters: EncoderParameters, vectors: NDArray[np.float32] | None) -> Blocks:
    """Return the blocks that parameters set; what they leave out comes from the encoder to start from."""
    bag, mean = own.bag, own.mean
    wanted = {name: getattr(parameters, f"bag_{name}") for name in ("columns", "prefix", "weight")}
    given = {name: value for name, value in wanted.items() if value is not None}
    if parameters.bag_columns == 0:
        if len(given) > 1:
            raise ValueError("bag_weight and bag_prefix need a bag of words, but bag_columns=0 disables it")
        bag = None
    elif given:
        bag = replace(DEFAULT_BAG if bag is None else bag, **given)
    if parameters.mean_weight == 0:
        mean = None
    elif parameters.mean_weight is not None:
        vectors = vectors if mean is None else mean.vectors
        if vectors is None:
            raise ValueError("mean_weight needs word vectors to start from, but this encoder has trained ones")
        mean = PlainMean(np.ascontiguousarray(vectors, np.float32), parameters.mean_weight)
    return Blocks(bag, mean)


def with_defaults(state: EncoderState, parameters: EncoderParameters, used: tuple[str, ...]) -> EncoderState:
    """Return the initial state with the defaults that depend on the training data, unless parameters set them.

    `used` names the training data. With a corpus alone, word vectors without a network get a bag of words. With a
    teacher, a new network has no dropout. A trained encoder stays unchanged.
    """
    if state.network is not None and "teacher" in used and parameters.dropout is None and not is_trained(state):
        state = replace(state, network=replace(state.network, dropout=0.0))
    if used != ("corpus",) or parameters.bag_columns is not None or state.blocks.bag is not None:
        return state
    if state.network is not None or is_trained(state):
        return state
    return replace(state, blocks=replace(state.blocks, bag=DEFAULT_BAG))


def _with_architecture(
    state: EncoderState, parameters: EncoderParameters, draw_seed: Callable[[], int]
) -> EncoderState:
    """Return the state with a new network, if one is requested and there is none."""
    architecture = parameters.architecture
    if state.network is not None and architecture not in (None, state.architecture):
        raise ValueError(
            f"the encoder to start from has the architecture {state.architecture}: pass architecture="
            f"{state.architecture!r}"
        )
    if state.network is not None:
        return replace(state, network=_same_network(state.network, parameters))
    if architecture in (None, "static"):
        return state
    of_network = {name: getattr(parameters, name) for name in OF_NETWORK}
    if parameters.dropout is None:
        of_network["dropout"] = DROPOUT
    config = NetworkConfig(state.width, mixer=architecture, **of_network)
    return replace(state, network=config, parameters=Network(config).initialise(draw_seed()))


def _same_network(network: NetworkConfig, parameters: EncoderParameters) -> NetworkConfig:
    """Return the network with the dropout of the parameters; ValueError if they contradict it."""
    given, own = ({name: getattr(one, name) for name in OF_NETWORK} for one in (parameters, network))
    dropout = given.pop("dropout")
    check_same(given, own, vars(EncoderParameters()))
    return network if dropout in (None, network.dropout) else replace(network, dropout=dropout)


def is_trained(state: EncoderState) -> bool:
    """Return whether an encoder was trained, here or elsewhere, and is not just a closed form of word vectors."""
    return bool(state.metadata.get("history")) or "imported_from" in state.metadata


@contextmanager
def telling_of_frozen(frozen: bool | None) -> Iterator[None]:
    """Let an error about too little text to train on say that training can be left out, unless `frozen` is given."""
    try:
        yield
    except TooFewPairsError as error:
        if frozen is not None:
            raise
        raise TooFewPairsError(f"{error}; with frozen=True nothing is trained") from error


def stays_as_it_is(
    frozen: bool | None, sources: Sources, y: Any, embeddings: Start | None, start: Callable[[], EncoderState]
) -> bool:
    """Return whether `fit` keeps an encoder unchanged; if `frozen` is None, with labels or if it is trained."""
    if frozen is not None:
        return frozen
    if y is not None:
        return True
    is_of_texts = sources.used == ("corpus",) and not _is_of_files(sources.corpus)
    if not is_of_texts or isinstance(embeddings, Word2Vec) or not is_trained(start()):
        return False
    warnings.warn(
        "the encoder to start from is already trained, so fit does not change it; frozen=False trains it on these "
        "texts, and frozen=True confirms that it stays unchanged",
        stacklevel=3,
    )
    return True


def _is_of_files(corpus: Any) -> bool:
    if isinstance(corpus, (list, tuple)):
        return bool(corpus) and all(isinstance(one, os.PathLike) for one in corpus)
    return isinstance(corpus, (str, os.PathLike, TextReader))
