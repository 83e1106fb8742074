"""`Aligner`: rotates the vectors of one language into the space of another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.alignment.dictionary import identical_pairs, known_pairs
from w2v.alignment.parameters import AlignmentParameters
from w2v.alignment.procrustes import rotation_between
from w2v.alignment.similarities import Nearest, Units, nearest_by_csls
from w2v.alignment.start import start_without_dictionary
from w2v.corpora.columns import row_tuples
from w2v.settings.estimator import Estimator, of_table
from w2v.settings.tables import check_parameters, documented
from w2v.vectors.lookup import WordVectors
from w2v.vectors.spaces.anchors import ALIGNED_TO, describe_space
from w2v.vectors.spaces.moving import moved

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings

__all__ = ["Aligner", "AlignmentError"]

IDENTICAL, NONE = "identical", "none"


class AlignmentError(ValueError):
    """Vectors cannot be aligned, or words cannot be translated; the message states the reason and the remedy."""


@documented(AlignmentParameters)
class Aligner(Estimator):
    """Rotates the vectors of one language so that they lie near their translations in another.

    The rotation minimises the distances between the pairs of a dictionary (orthogonal Procrustes [1]_). It preserves
    all cosines within the language. Refinement then replaces the dictionary by frequent words that are mutual nearest
    neighbours by CSLS [2]_, learns the rotation again, and repeats this as long as the languages come closer.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    rotation_ : ndarray of shape (D, D), float64
        Q, orthogonal: it maps a source vector w to w Q in the target's space.
    pairs_ : ndarray of shape (p, 2), int64
        Rows of source and target from which the final rotation was learned.
    n_pairs_ : int
        Number of pairs at the start.
    history_ : list of dict
        For each rotation, the number of ``pairs`` and the ``cosine``, the mean cosine between frequent source words and
        their nearest neighbours by CSLS. The rotation with the highest ``cosine`` is kept.

    References
    ----------
    .. [1] Xing et al. 2015, Normalized word embedding and orthogonal transform for bilingual word translation, NAACL.
    .. [2] Conneau et al. 2018, Word translation without parallel data, ICLR.

    Examples
    --------
    >>> from w2v import Embeddings
    >>> english = Embeddings(["one", "two", "three"], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]])
    >>> german = Embeddings(["eins", "zwei", "drei"], [[0.0, 1.0], [-1.0, 0.0], [-0.5, -1.0]])
    >>> aligner = Aligner(refinements=0).fit(english, german, [("one", "eins"), ("two", "zwei")])
    >>> aligner.transform(english)["three"].round(3)
    array([-0.5, -1. ], dtype=float32)
    """

    @of_table(AlignmentParameters)
    def __init__(self) -> None: ...

    def fit(
        self,
        source: Embeddings,
        target: Embeddings,
        dictionary: str | Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str]] = IDENTICAL,
    ) -> Aligner:
        """Learn the rotation.

        Parameters
        ----------
        source, target : Embeddings
            Embeddings with the same number of dimensions, the most frequent words first.
        dictionary : iterable of (str, str), mapping, data frame, "identical" or "none", default "identical"
            Pairs of a source and a target word, such as from `read_dictionary`; a mapping may have several translations
            in a list, and a data frame has two columns. Pairs with unknown words are skipped. "identical" pairs all
            words spelled alike. "none" starts from words whose similarities within their own language have similar
            distributions. It needs similar languages and texts; otherwise it fails or gives a wrong result.

        Returns
        -------
        Aligner
            The same object.

        Raises
        ------
        AlignmentError
            If the numbers of dimensions differ, both models are the same, an item of the dictionary is not a pair, or
            no pair has known words with finite, non-zero vectors.
        TypeError
            If source or target is not `Embeddings`.
        ValueError
            If a parameter is out of range.
        """
        settings = AlignmentParameters(**self.get_params())
        check_parameters(settings)
        _check(source, target)
        x, y = units_of(source), units_of(target)
        few_x, few_y = x[: settings.frequent], y[: settings.frequent]
        if isinstance(dictionary, str) and dictionary == NONE:
            rng = np.random.default_rng(settings.random_state)
            pairs = start_without_dictionary(few_x, few_y, settings.k, rng).pairs
        else:
            pairs = _given_pairs(source, target, dictionary)
            pairs = pairs[x[pairs[:, 0]].any(axis=1) & y[pairs[:, 1]].any(axis=1)]
            if not len(pairs):
                raise AlignmentError("no pair of the dictionary has two finite, non-zero vectors")
        self.n_pairs_ = len(pairs)
        self.pairs_ = pairs
        self.rotation_ = rotation_between(x[pairs[:, 0]], y[pairs[:, 1]])
        nearest = _nearest(few_x, few_y, self.rotation_, settings.k)
        self.history_: list[dict[str, Any]] = [_entry(pairs, nearest)]
        for _ in range(settings.refinements):
            pairs = nearest.mutual()
            rotation = rotation_between(x[pairs[:, 0]], y[pairs[:, 1]])
            nearest = _nearest(few_x, few_y, rotation, settings.k)
            entry = _entry(pairs, nearest)
            if entry["cosine"] <= self.history_[-1]["cosine"]:
                break
            self.pairs_, self.rotation_ = pairs, rotation
            self.history_.append(entry)
        self._space = describe_space(target, "target")
        return self

    def transform(self, embeddings: Embeddings, *, name: str | None = None) -> Embeddings:
        """Map vectors from the source's space to the target's.

        Parameters
        ----------
        embeddings : Embeddings
            The source, or other embeddings in its space. Lengths are preserved.
        name : str, optional
            Name of the target to record in the result.

        Returns
        -------
        Embeddings
            The same words, n-grams included, with the same dtype. Its metadata has ``aligned_to``.

        Raises
        ------
        AlignmentError
            If they have another number of dimensions.
        TypeError
            If they are not `Embeddings`.
        """
        self._check_fitted()
        _check_type(embeddings)
        if embeddings.vector_size != len(self.rotation_):
            raise AlignmentError(
                f"the rotation has {len(self.rotation_)} dimensions, but the vectors have {embeddings.vector_size}"
            )
        rotation = self.rotation_.astype(np.float32)
        space = self._space if name is None else self._space | {"model": name}
        return moved(embeddings, lambda rows: rows @ rotation, **{ALIGNED_TO: space})


def units_of(embeddings: Embeddings) -> Units:
    """Return unit vectors, with zeros for vectors that are not finite; shape (V, D), float32, C-contiguous."""
    units = np.ascontiguousarray(embeddings.normalized_vectors)
    broken = np.flatnonzero(~np.isfinite(units).all(axis=1))
    if broken.size:
        units = units.copy()
        units[broken] = 0
    return units


def check_widths(source: Embeddings, target: Embeddings) -> None:
    """Raise AlignmentError if the numbers of dimensions differ, and TypeError for anything but Embeddings."""
    for model in (source, target):
        _check_type(model)
    if source.vector_size != target.vector_size:
        raise AlignmentError(
            f"the vectors have {source.vector_size} and {target.vector_size} dimensions, which must be equal: train "
            "one model again with the vector size of the other"
        )


def _check_type(model: object) -> None:
    if not isinstance(model, WordVectors):
        raise TypeError(
            f"vectors of words must be Embeddings, not {type(model).__name__}: a trained Word2Vec has them as "
            "embeddings_, and Embeddings.load opens a model's folder"
        )


def _check(source: Embeddings, target: Embeddings) -> None:
    check_widths(source, target)
    if source is target or (
        source.index_to_key == target.index_to_key and np.array_equal(source.table.stored, target.table.stored)
    ):
        raise AlignmentError("source and target are the same model; give two different ones")


def _given_pairs(
    source: Embeddings,
    target: Embeddings,
    dictionary: str | Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str]],
) -> NDArray[np.int64]:
    """Return the rows of the known pairs, at least one; shape (p, 2)."""
    if isinstance(dictionary, str | os.PathLike):
        if dictionary != IDENTICAL:
            raise AlignmentError(
                f"the dictionary must be pairs of words, 'identical' or 'none', not {str(dictionary)!r:.80}; "
                "read_dictionary reads a file"
            )
        pairs, what = identical_pairs(source, target), "no word is spelled alike in both models"
    else:
        if not isinstance(dictionary, Iterable):
            raise AlignmentError(
                f"the dictionary must be pairs of words, 'identical' or 'none', not {type(dictionary).__name__}: pass "
                "[(word, translation), …] or {word: translation, …}"
            )
        listed = _listed(dictionary)
        for number, pair in enumerate(listed, 1):
            if not _is_pair(pair):
                raise AlignmentError(
                    f"pair {number:,} of the dictionary must be a word and its translation, such as ('house', 'Haus'), "
                    f"not {pair!r:.80}"
                )
        pairs = known_pairs(source, target, listed)
        what = f"of the {len(listed):,} pairs of the dictionary, none has both words in the models"
        if not len(pairs) and listed:
            what += f", not even {listed[0][0]!r:.40} and {listed[0][1]!r:.40}"
            if any(mark in other for _, other in listed for mark in ",;/"):
                what += "; each translation of a word needs a pair of its own"
    if not len(pairs):
        raise AlignmentError(
            f"{what}; check that source and target are not exchanged, and that words are written as in the models"
        )
    return pairs


def _listed(dictionary: Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str]]) -> list[Any]:
    """Return what should be pairs of words."""
    if not isinstance(dictionary, Mapping):
        return list(row_tuples(dictionary) if hasattr(dictionary, "columns") else dictionary)
    return [
        (word, translation)
        for word, given in dictionary.items()
        for translation in (given if isinstance(given, (list, tuple)) else [given])
    ]


def _is_pair(given: Any) -> bool:
    """Return whether an object is a pair of words."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        return False
    words = list(given)
    return len(words) == 2 and all(isinstance(word, str) for word in words)


def _nearest(x: Units, y: Units, rotation: NDArray[np.float64], k: int) -> Nearest:
    turned = (x @ rotation).astype(np.float32)
    return nearest_by_csls(turned, y, k)[1]


def _entry(pairs: NDArray[np.int64], nearest: Nearest) -> dict[str, Any]:
    return {"pairs": len(pairs), "cosine": float(nearest.cosines.mean(dtype=np.float64))}
