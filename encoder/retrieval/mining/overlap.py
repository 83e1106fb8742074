"""The encoder of who has none: sentences are alike if they share words, the rare ones counting more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer
from w2v.encoder.model.identity import Identity
from w2v.encoder.model.lookup import encode_words
from w2v.encoder.model.lookup_kernels import add_identities
from w2v.encoder.model.state import DEFAULT_A, EncoderState
from w2v.encoder.model.weights import log_weights
from w2v.encoder.retrieval.index.pictures import Maker
from w2v.encoding.stream import WorkFolder, encode_corpus
from w2v.encoding.vocabulary import Vocabulary

COLUMNS = 512

_MOST_WORDS = 1 << 17
_LIGHTEST = 50  # a word of probability a / 50 has the weight 0.98, and so has 1 like words that are not held
_MEMORY = 1 << 26
_MARK = "weighed_by_the_text"


def overlap_state(
    texts: Any,
    *,
    columns: int = COLUMNS,
    tokenizer: Tokenizer | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> EncoderState:
    """Return an encoder without any word vectors: cosines count the words that two sentences of the texts share.

    A word of probability p in the texts has the weight a / (a + p), as in `encoder.sif_state`, and a direction drawn
    from its spelling, an `Identity`. The directions of two words are nearly orthogonal, so that a cosine of c is off by
    about (1 - c²) / sqrt(`columns`).

    Raises
    ------
    EmptyVocabularyError
        If there is no word.
    CorpusError
        If a file cannot be read.
    """
    tokenizer = WordsTokenizer() if tokenizer is None else tokenizer
    with WorkFolder() as work:
        vocabulary, stream = encode_corpus(
            texts,
            tokenizer,
            min_count=1,
            max_vocab=_MOST_WORDS,
            max_memory=_MEMORY,
            work_folder=work,
            progress=progress,
        )
        probabilities = np.asarray(vocabulary.counts) / max(1, stream.n_words)
        del stream
    held = max(1, int(np.searchsorted(-probabilities, -DEFAULT_A / _LIGHTEST)))  # the others are nearly of weight 1
    words = vocabulary.index_to_key[:held]
    identity = Identity(1.0)
    table = np.zeros((held, columns), np.float32)
    add_identities(*encode_words(words), np.float32(identity.scale / np.sqrt(columns)), identity.start, table)
    weights = log_weights(probabilities[:held], DEFAULT_A)
    return EncoderState(Vocabulary(words), tokenizer, table, weights, identity, metadata={_MARK: True})


def is_overlap(state: Maker) -> bool:
    """Say whether an encoder is one of `overlap_state`, whose weights depend on the text that is compared."""
    return isinstance(state, EncoderState) and _MARK in state.metadata
