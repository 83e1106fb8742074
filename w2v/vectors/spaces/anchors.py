"""Which models share a space: an aligned model records anchors of the model it was aligned to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings

ALIGNED_TO = "aligned_to"
"""Entry of the metadata: ``model``, a name, and ``anchors``, the first components of some words' unit vectors."""

_ANCHORS, _NUMBERS, _NEAR = 5, 8, 0.02
"""`_NEAR` is the tolerance, which allows for the rounding of int8."""


def describe_space(embeddings: Embeddings, name: str) -> dict[str, Any]:
    """Return an identification of the vectors' space, which holds for subsets and for any dtype."""
    usable = np.flatnonzero(embeddings.table.inverse_norms(slice(0, 1000)) > 0)[:_ANCHORS]
    units = embeddings.table.units(usable)[:, :_NUMBERS].astype(float).round(4).tolist()
    words = (embeddings.index_to_key[row] for row in usable.tolist())
    return {"model": name, "anchors": dict(zip(words, units, strict=True))}


def share_space(one: Embeddings, other: Embeddings) -> bool:
    """Return whether two models are known to share a space.

    They do if one was aligned to the other, both to a third, or both are parts of one model.
    """
    if one.vector_size != other.vector_size:
        return False
    of_one, of_other = _anchors(one), _anchors(other)
    return (bool(of_one) and of_one == of_other) or _lies_in(one, of_other) or _lies_in(other, of_one)


def _anchors(embeddings: Embeddings) -> Mapping[str, Any]:
    noted = embeddings.metadata.get(ALIGNED_TO)
    anchors = noted.get("anchors") if isinstance(noted, Mapping) else None
    return anchors if isinstance(anchors, Mapping) else {}


def _lies_in(embeddings: Embeddings, anchors: Mapping[str, Any]) -> bool:
    """Return whether at least one anchor is a known word, and all known ones have the recorded vectors."""
    rows = {word: row for word in anchors if (row := embeddings.key_to_index.get(word)) is not None}
    if not rows:
        return False
    units = embeddings.table.units(np.array(list(rows.values()), np.intp))[:, :_NUMBERS]
    noted = [np.ravel(anchors[word]) for word in rows]
    return all(
        len(numbers) == len(unit) and np.allclose(numbers, unit, atol=_NEAR)
        for numbers, unit in zip(noted, units, strict=True)
    )
