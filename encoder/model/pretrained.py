"""The layers of an encoder as initial layers of other networks that read words."""

from __future__ import annotations

import numpy as np

from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.model.state import EncoderState
from w2v.neural.tasks.labels.pretrained import PretrainedLayers
from w2v.vectors.embeddings import Embeddings


def layers_of(state: EncoderState) -> PretrainedLayers:
    """Return the layers of an encoder and the weighted word vectors that they read.

    Raises
    ------
    ValueError
        If it has no layers, or they read subwords.
    """
    network, parameters = state.network, state.parameters
    if network is None or parameters is None:
        raise ValueError(
            "the encoder to start from has no layers: train some with w2v fit-encoder --objective masked "
            "--architecture attention"
        )
    if isinstance(state.tokenizer, PiecesTokenizer):
        raise ValueError("the layers to start from read pieces of words: start from an encoder that reads words")
    words = Embeddings(state.vocabulary, state.table * state.gains[:, None])
    stack = {name: parameters[name] for name in network.stack.tensors()}
    if network.head == "none":
        weight, bias = np.eye(network.dim, dtype=np.float32), np.zeros(network.dim, np.float32)
    else:
        weight, bias = parameters["input.weight"], parameters["input.bias"]
    return PretrainedLayers(network.stack, stack, weight, bias, words)
