"""Vectors moved as one: the n-grams move with the words, so that words that were never seen come along."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary
from w2v.settings.parameters import DEFAULT_LANGUAGES
from w2v.vectors.lookup import to_units
from w2v.vectors.spaces.anchors import ALIGNED_TO, describe_space
from w2v.vectors.subwords import SubwordVectors
from w2v.vectors.table import VectorTable

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings

Floats = NDArray[np.float32]

FREQUENT = 20_000
"""Words whose mean is subtracted."""

OUTPUT_SCALE = 0.5
"""Length of output vectors beside vectors of length 1; see benchmarks/centring.py."""

_BLOCK_ROWS = 1 << 14


def moved(embeddings: Embeddings, move: Callable[[Floats], NDArray[Any]], **noted: Any) -> Embeddings:
    """Return embeddings whose vectors are those that a function makes, in the same dtype.

    Parameters
    ----------
    embeddings : Embeddings
    move : callable
        From some vectors to as many others of the same width, ndarray of shape (n, D). It must be affine where there
        are n-grams: the mean of what it makes of them is then what it makes of their mean.
    **noted
        Entries for the metadata.

    Returns
    -------
    Embeddings
        Without what goes on with a training, and what says which space the vectors were in.
    """
    vectors, subwords = _moved(embeddings.rows, embeddings.table.shape, move), embeddings.subwords
    if subwords is not None:
        ngrams = subwords.ngram_vectors
        subwords = SubwordVectors(subwords.subwords, _moved(ngrams.__getitem__, ngrams.shape, move), subwords.numbers)
    table = VectorTable(vectors).astype(embeddings.dtype)
    return _rebuilt(embeddings, embeddings.vocabulary, table, subwords, noted)


def centred(embeddings: Embeddings, n_frequent: int = FREQUENT) -> Embeddings:
    """Return the vectors about the mean of the frequent words, which all words have in common.

    Parameters
    ----------
    embeddings : Embeddings
    n_frequent : int, default 20,000
        How many of the first words, usually the most frequent, the mean is of.

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
    """Return each word's vector at length 1 with its output vector, at length `scale`, beside it: 2 D columns.

    Parameters
    ----------
    embeddings : Embeddings
    outputs : ndarray of shape (V, D), float32
        Of `w2v.vectors.inverses.read_output_vectors`.
    scale : float, default 0.5

    Returns
    -------
    Embeddings

    Raises
    ------
    ValueError
        If the shapes differ, a number is not finite, or there are n-grams, which have no output vectors.
    """
    if embeddings.subwords is not None:
        raise ValueError("output vectors belong to words alone: vectors of n-grams have none to stand beside them")
    if outputs.shape != embeddings.table.shape or not np.isfinite(outputs).all():
        raise ValueError(
            f"the output vectors must be finite, of shape {embeddings.table.shape}, not of {outputs.shape}"
        )
    both = np.concatenate([embeddings.normalized_vectors, (scale * to_units(outputs)).astype(np.float32)], axis=1)
    table = VectorTable(both).astype(embeddings.dtype)
    return _rebuilt(embeddings, embeddings.vocabulary, table, None, {})


def languages_of(embeddings: Embeddings) -> list[str]:
    """Return the tags of the two languages whose words these are; none where words have no tags, or no more."""
    parameters = embeddings.metadata.get("parameters")
    if not isinstance(parameters, dict) or parameters.get("lines") != "parallel":
        return []
    tags = str(parameters.get("languages") or DEFAULT_LANGUAGES).split(",")
    return tags if embeddings.index_to_key[0].startswith(tuple(f"{tag}:" for tag in tags)) else []


def of_language(embeddings: Embeddings, language: str) -> Embeddings:
    """Return the words of one language of a model that was trained on two (`lines` "parallel"), without its tag.

    Two models that are made so are in one space, as those that were aligned.

    Parameters
    ----------
    embeddings : Embeddings
    language : str
        Such as "en", of words such as ``en:house``.

    Raises
    ------
    ValueError
        If no word is of that language; the message names those that there are.
    """
    rows = [row for row, word in enumerate(embeddings) if word.startswith(f"{language}:")]
    if not rows:
        tags = sorted({word.partition(":")[0] for word in embeddings.index_to_key[:1000] if ":" in word[:-1]})
        there = f"; there are {', '.join(tags[:5])}" if tags else ", nor of any other: they have no tags such as en:"
        raise ValueError(f"no word of the model is of the language {language!r:.40}{there}")
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
    """Return what is made of rows, a block at a time."""
    found = np.empty(shape, np.float32)
    for start in range(0, len(found), _BLOCK_ROWS):
        block = slice(start, min(start + _BLOCK_ROWS, len(found)))
        found[block] = move(rows(block))
    return found
