"""Transforming all vectors: n-grams are transformed along with words, so unseen words follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary
from w2v.settings.descriptions import DEFAULT_LANGUAGES
from w2v.vectors.lookup import to_units
from w2v.vectors.spaces.anchors import ALIGNED_TO, describe_space
from w2v.vectors.subwords import SubwordVectors
from w2v.vectors.table import VectorTable

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings

Floats = NDArray[np.float32]

FREQUENT = 20_000
"""Number of words in the mean to subtract."""

OUTPUT_SCALE = 0.5
"""Length of output vectors that are appended to unit vectors; see benchmarks/vectors/centring.py."""

_BLOCK_ROWS = 1 << 14


def moved(embeddings: Embeddings, move: Callable[[Floats], NDArray[Any]], **noted: Any) -> Embeddings:
    """Return embeddings with transformed vectors, in the same dtype.

    Parameters
    ----------
    embeddings : Embeddings
    move : callable
        A function from vectors to transformed vectors, both ndarray of shape (n, D). With n-grams it must be affine, so
        that it maps the mean of vectors to the mean of the transformed vectors.
    **noted
        Entries for the metadata.

    Returns
    -------
    Embeddings
        Without the training state and the record of the old space.
    """
    vectors, subwords = _moved(embeddings.rows, embeddings.table.shape, move), embeddings.subwords
    if subwords is not None:
        ngrams = subwords.ngram_vectors
        subwords = SubwordVectors(subwords.subwords, _moved(ngrams.__getitem__, ngrams.shape, move), subwords.numbers)
    table = VectorTable(vectors).astype(embeddings.dtype)
    return _rebuilt(embeddings, embeddings.vocabulary, table, subwords, noted)


def centred(embeddings: Embeddings, n_frequent: int = FREQUENT) -> Embeddings:
    """Subtract the mean of the frequent words, a component that all words share.

    Parameters
    ----------
    embeddings : Embeddings
    n_frequent : int, default 20,000
        Number of first words, usually the most frequent, in the mean.

    Returns
    -------
    Embeddings

    Raises
    ------
    ValueError
        If `n_frequent` is below 1, or one of these vectors is not finite.
    """
    if n_frequent < 1:
        raise ValueError(f"n_frequent must be at least 1, not {n_frequent}")
    mean = embeddings.rows(slice(0, n_frequent)).mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        raise ValueError("a frequent word's vector is not finite, so there is no mean to subtract")
    return moved(embeddings, lambda rows: rows - mean.astype(np.float32))


def beside_outputs(embeddings: Embeddings, outputs: Floats, scale: float = OUTPUT_SCALE) -> Embeddings:
    """Concatenate each word's unit vector and its output vector scaled to length `scale`: 2 D dimensions.

    Parameters
    ----------
    embeddings : Embeddings
    outputs : ndarray of shape (V, D), float32
        From `w2v.vectors.inverses.read_output_vectors`.
    scale : float, default 0.5

    Returns
    -------
    Embeddings

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite, or there are n-grams, which have no output vectors.
    """
    if embeddings.subwords is not None:
        raise ValueError("only words have output vectors, but this model also has vectors of n-grams")
    if outputs.shape != embeddings.table.shape or not np.isfinite(outputs).all():
        raise ValueError(
            f"the output vectors must be finite, of shape {embeddings.table.shape}, not of {outputs.shape}"
        )
    both = np.concatenate([embeddings.normalized_vectors, (scale * to_units(outputs)).astype(np.float32)], axis=1)
    table = VectorTable(both).astype(embeddings.dtype)
    return _rebuilt(embeddings, embeddings.vocabulary, table, None, {})


def languages_of(embeddings: Embeddings) -> list[str]:
    """Return the tags of the model's two languages; empty if its words have no tags."""
    parameters = embeddings.metadata.get("parameters")
    if not isinstance(parameters, dict) or parameters.get("lines") != "parallel":
        return []
    tags = str(parameters.get("languages") or DEFAULT_LANGUAGES).split(",")
    return tags if embeddings.index_to_key[0].startswith(tuple(f"{tag}:" for tag in tags)) else []


def of_language(embeddings: Embeddings, language: str) -> Embeddings:
    """Return the words of one language, without its tag, of a model trained on two (`lines` "parallel").

    The two parts of a model share a space, like aligned models.

    Parameters
    ----------
    embeddings : Embeddings
    language : str
        A tag such as "en", for words such as ``en:house``.

    Raises
    ------
    ValueError
        If there are no words of that language; the message names the available ones.
    """
    rows = [row for row, word in enumerate(embeddings) if word.startswith(f"{language}:")]
    if not rows:
        tags = sorted({word.partition(":")[0] for word in embeddings.index_to_key[:1000] if ":" in word[:-1]})
        there = f"; there are {', '.join(tags[:5])}" if tags else ", nor of any other: they have no tags such as en:"
        raise ValueError(f"the model has no words of the language {language!r:.40}{there}")
    words = [embeddings.index_to_key[row].removeprefix(f"{language}:") for row in rows]
    picked, counts = np.array(rows, np.intp), embeddings.vocabulary.counts
    vocabulary = Vocabulary(words, None if counts is None else counts[picked])
    return _rebuilt(
        embeddings, vocabulary, embeddings.table.take(picked), None, {ALIGNED_TO: describe_space(embeddings, "joint")}
    )  # fmt: skip


def _rebuilt(
    embeddings: Embeddings,
    vocabulary: Vocabulary,
    table: VectorTable,
    subwords: SubwordVectors | None,
    noted: dict[str, Any],
) -> Embeddings:
    metadata = {name: value for name, value in embeddings.metadata.items() if name not in ("training", ALIGNED_TO)}
    return type(embeddings)(
        vocabulary, table, tokenizer=embeddings.tokenizer, metadata=metadata | noted, subwords=subwords
    )  # fmt: skip


def _moved(rows: Callable[[slice], Floats], shape: tuple[int, ...], move: Callable[[Floats], NDArray[Any]]) -> Floats:
    """Return all transformed rows, computed a block at a time; float32."""
    found = np.empty(shape, np.float32)
    for start in range(0, len(found), _BLOCK_ROWS):
        block = slice(start, min(start + _BLOCK_ROWS, len(found)))
        found[block] = move(rows(block))
    return found
