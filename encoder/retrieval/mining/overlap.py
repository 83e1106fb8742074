"""An encoder that needs no word vectors: sentences are similar if they share words, rare ones weighing more."""

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
_LIGHTEST = 50  # a word with probability a / 50 has weight 0.98; rarer words are not stored and get weight 1
_MEMORY = 1 << 26
_MARK = "weighed_by_the_text"


def overlap_state(
    texts: Any,
    *,
    columns: int = COLUMNS,
    tokenizer: Tokenizer | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> EncoderState:
    """Return an encoder without word vectors: the cosine of two sentences measures the words they share.

    A word with probability p in the texts has weight a / (a + p), as in `encoder.sif_state`, and a direction derived
    from its spelling, an `Identity`. The directions of two words are nearly orthogonal: a cosine c has an error of
    about (1 - c²) / sqrt(`columns`).

    Raises
    ------
    EmptyVocabularyError
        If the texts contain no word.
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
    held = max(1, int(np.searchsorted(-probabilities, -DEFAULT_A / _LIGHTEST)))  # the others have a weight near 1
    words = vocabulary.index_to_key[:held]
    identity = Identity(1.0)
    table = np.zeros((held, columns), np.float32)
    add_identities(*encode_words(words), np.float32(identity.scale / np.sqrt(columns)), identity.start, table)
    weights = log_weights(probabilities[:held], DEFAULT_A)
    return EncoderState(Vocabulary(words), tokenizer, table, weights, identity, metadata={_MARK: True})


def is_overlap(state: Maker) -> bool:
    """Return whether an encoder is from `overlap_state`, so that its weights depend on the texts being compared."""
    return isinstance(state, EncoderState) and _MARK in state.metadata
