"""The state of an encoder: word table, word weights, and optionally a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer
from w2v.encoder.model.blocks import NO_BLOCKS, Blocks
from w2v.encoder.model.identity import Identity
from w2v.encoder.model.pooling import SUM, Pooling
from w2v.encoder.model.weights import log_weights, row_scale, word_probabilities
from w2v.encoder.parameters import EncoderParameters, check_parameter
from w2v.encoding.vocabulary import Vocabulary
from w2v.vectors.spaces.moving import languages_of

if TYPE_CHECKING:
    from w2v.encoder.model.network import NetworkConfig
    from w2v.neural.parameters import ParameterTable
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.subwords import SubwordVectors

DEFAULT_A = EncoderParameters.a
"""Default `a` of word weights a / (a + p)."""


@dataclass(frozen=True, eq=False)
class EncoderState:
    """The trained state of an encoder. Training takes one and returns another (`dataclasses.replace`).

    The tokens i of a sentence have the embeddings x_i = exp(b_i) · E_i. Without a network, the sentence's vector is
    s = Σ x_i. With one, it is s = Σ y_i, where the hidden states y have the width of x; an untrained network has y = x,
    or Σ y_i in the direction of Σ x_i. Encoders of other programs may pool differently; see `Pooling`. Sentences are
    compared by the cosine of s, or of s concatenated with further blocks; see `blocks`. Unknown words have weight 1 and
    the embedding that `subwords` and `identity` make; without these they are left out. The vector of a sentence without
    any token is zero.

    Attributes
    ----------
    vocabulary : Vocabulary
        The V words.
    tokenizer : Tokenizer
        Splits sentences into words.
    table : ndarray of shape (V, d), float32, C-contiguous
        E. It includes the identity of each word, but not the weights.
    word_weights : ndarray of shape (V,), float32
        b, the logarithms of the words' weights.
    identity : Identity or None
        Embeds unknown words by their spelling.
    subwords : SubwordVectors or None
        Embeds unknown words by their n-grams, times `subword_scale`, in the first columns.
    subword_scale : float
        Scales the vectors of n-grams to the length of E.
    network : NetworkConfig or None
    parameters : ParameterTable or None
        Parameters of the network; None without one.
    pooling : Pooling
        How tokens become a sentence's vector; the sum, unless the encoder was imported.
    metadata : dict
        Other data to keep with the encoder, in JSON types.
    blocks : Blocks
        Further blocks of the vector; see `w2v.encoder.model.blocks`. A sentence's vector is then s at unit length
        followed by the other blocks at their lengths, all normalized together if the pooling normalizes.

    Raises
    ------
    TypeError
        If an array has the wrong type.
    ValueError
        If an array has the wrong shape or is not finite, or if only one of `network` and `parameters` is given.
    """

    vocabulary: Vocabulary
    tokenizer: Tokenizer
    table: NDArray[np.float32]
    word_weights: NDArray[np.float32]
    identity: Identity | None = None
    subwords: SubwordVectors | None = None
    subword_scale: float = 1.0
    network: NetworkConfig | None = None
    parameters: ParameterTable | None = None
    pooling: Pooling = SUM
    metadata: dict[str, Any] = field(default_factory=dict)
    blocks: Blocks = NO_BLOCKS

    def __post_init__(self) -> None:
        n_words = len(self.vocabulary)
        for name, array in (("table", self.table), ("word_weights", self.word_weights)):
            if array.dtype != np.float32:
                raise TypeError(f"{name} must be float32, not {array.dtype}")
        if self.table.ndim != 2 or len(self.table) != n_words or not self.table.shape[1]:
            raise ValueError(f"the table of {n_words} words must have shape ({n_words}, d), not {self.table.shape}")
        if self.word_weights.shape != (n_words,):
            raise ValueError(f"there are {n_words} words, but weights of shape {self.word_weights.shape}")
        if not np.isfinite(self.word_weights).all():
            raise ValueError("a word's weight is not finite")
        if self.identity is not None and self.identity.start >= self.width:
            raise ValueError(f"the identity begins at column {self.identity.start} of {self.width}: it needs a column")
        self._check_parts()

    def _check_parts(self) -> None:
        """Raise ValueError if network, pooling or blocks do not match the table."""
        if (self.network is None) != (self.parameters is None):
            raise ValueError("a network needs its parameters, and parameters their network")
        if self.network is not None and self.network.input_size != self.width:
            raise ValueError(
                f"the network takes embeddings of {self.network.input_size} columns, but the table has {self.width}"
            )
        if self.pooling.dense and len(self.pooling.dense[0].weight) != self.width:
            raise ValueError(
                f"the dense map takes {len(self.pooling.dense[0].weight)} columns, but the table has {self.width}"
            )

        mean = self.blocks.mean
        if mean is not None and len(mean.vectors) != len(self.vocabulary):
            raise ValueError(f"there are {len(self.vocabulary)} words, but the mean is of {len(mean.vectors)} vectors")
        if self.blocks and self.pooling.kept is not None:
            raise ValueError("an encoder that keeps only the first columns cannot have further blocks")

    def __sklearn_clone__(self) -> EncoderState:
        return self  # read-only: a clone of an estimator shares it

    @property
    def architecture(self) -> str:
        """``static``, or the mixer of the network."""
        return "static" if self.network is None else self.network.mixer

    @property
    def attention(self) -> NetworkConfig | None:
        """The network, if it has attention."""
        return self.network if self.architecture == "attention" else None

    def compress(self) -> EncoderState:
        """Return this state with a network that computes in int8; see `FusedNetwork`.

        Raises
        ------
        ValueError
            If it has no attention, or computes in int8 already.
        """
        if self.attention is None:
            raise ValueError(
                f"only encoders with attention compute in int8, and this one is {self.architecture}; precision='int8' "
                "and --dtype int8 round the vectors themselves"
            )
        if self.attention.compute_type == "int8":
            raise ValueError("the encoder computes in int8 already")
        return replace(self, network=replace(self.attention, compute_type="int8"))

    @property
    def has_unknown(self) -> bool:
        """Whether unknown words count in some block."""
        return self.subwords is not None or self.identity is not None or self.blocks.bag is not None

    @property
    def width(self) -> int:
        """The width of the table, and of the hidden states that are pooled."""
        return int(self.table.shape[1])

    @property
    def dimension(self) -> int:
        """The width of sentence vectors, after pooling and with all blocks."""
        return self.pooling.columns(self.width) + self.blocks.columns

    @property
    def gains(self) -> NDArray[np.float32]:
        """exp(b), the factor of each row of the table, shape (V,)."""
        gains: NDArray[np.float32] = np.exp(self.word_weights)
        return gains


def sif_state(
    embeddings: Embeddings,
    a: float = DEFAULT_A,
    *,
    identity_scale: float = EncoderParameters.identity_scale,
    identity_columns: int = EncoderParameters.identity_columns,
    tokenizer: Tokenizer | None = None,
) -> EncoderState:
    """Return an encoder from word vectors without training, with smooth inverse frequency (SIF) weights.

    Parameters
    ----------
    embeddings : Embeddings
        Finite vectors of V words.
    a : float, default 3e-4
        A word of probability p has the weight a / (a + p). With infinity, all words have weight 1: a plain sum.
    identity_scale : float, default 0
        Length of the `Identity` of every word; 0 for none.
    identity_columns : int, default 0
        Number of separate columns for the identity, after those of the vectors; 0 adds it to the vectors.
    tokenizer : Tokenizer, optional
        Replaces the tokenizer of the embeddings. Files of other tools have none and get ``words``, which lower-cases
        if no word has capitals.

    Returns
    -------
    EncoderState

    Raises
    ------
    ValueError
        If `a` is not positive, a vector is not finite, an option of the identity is out of range, the embeddings need
        their callable tokenizer again, or the words belong to two languages.

    Notes
    -----
    E = W / sqrt(mean of ‖W_w‖² over the 20,000 most frequent words), b = log(a / (a + p)). Without counts of the words,
    p follows Zipf's law in the order of the rows.

    References
    ----------
    .. [1] Arora, Liang and Ma 2017, A simple but tough-to-beat baseline for sentence embeddings, ICLR, algorithm 1,
       without removing the common component, which does not help with these vectors.
    """
    for name, value in (("a", a), ("identity_scale", identity_scale), ("identity_columns", identity_columns)):
        check_parameter(name, value)
    if identity_columns and not identity_scale:
        raise ValueError("identity_columns needs an identity_scale above 0")
    _refuse_tags(embeddings)
    vocabulary, width = embeddings.vocabulary, embeddings.vector_size
    scale = row_scale(embeddings)
    table = np.zeros((len(vocabulary), width + identity_columns), np.float32)
    np.multiply(embeddings.vectors, np.float32(scale), out=table[:, :width])
    wrong = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if wrong.size:
        raise ValueError(f"the vector of the word {vocabulary.index_to_key[wrong[0]]!r:.80} is not finite")
    identity = None
    if identity_scale:
        identity = Identity(identity_scale, width if identity_columns else 0)
        table[:, identity.start :] += identity.directions(vocabulary.index_to_key, table.shape[1])
    return EncoderState(
        vocabulary,
        tokenizer or tokenizer_of(embeddings),
        table,
        log_weights(word_probabilities(vocabulary), a),
        identity,
        embeddings.subwords,
        scale,
    )


def _refuse_tags(embeddings: Embeddings) -> None:
    """Raise ValueError if words have the tags of two languages, which words in sentences do not have."""
    if tags := languages_of(embeddings):
        raise ValueError(
            f"the words have tags of two languages, such as {embeddings.index_to_key[0]!r:.40}, which sentences do not "
            f"have: extract one language (w2v prune MODEL --language {tags[0]} --output OUT, in Python "
            "w2v.vectors.spaces.moving.of_language)"
        )


def tokenizer_of(embeddings: Embeddings) -> Tokenizer:
    """Return the tokenizer of embeddings, or a suitable one for vectors of another tool, which have none.

    Raises
    ------
    ValueError
        If it is the user's own callable, which was not passed when the embeddings were loaded.
    """
    if embeddings.tokenizer is not None:
        return embeddings.tokenizer
    missing = embeddings.metadata.get("tokenizer")
    if missing is not None:
        name = missing.get("callable", "?") if isinstance(missing, dict) else missing
        raise ValueError(
            f"the words come from the Python callable {name}, which is not saved with a model; in Python, "
            "pass it again as `tokenizer`"
        )
    return WordsTokenizer(lowercase=all(word == word.lower() for word in embeddings.index_to_key))
