"""What every vocabulary of units is, and what all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

UNKNOWN, START, END = 0, 1, 2
SPECIAL = ("<unk>", "<s>", "</s>")
"""The first pieces of every vocabulary."""
REPLACEMENT = "\ufffd"
"""The text of an unknown unit."""
MOST = 1 << 20
"""Most units of a vocabulary."""


class Units(Protocol):
    """A vocabulary of units that texts consist of.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    pieces : list of str
        The readable unit of each id; do not modify.
    """

    kind: ClassVar[str]

    @property
    def pieces(self) -> Sequence[str]:
        """The readable unit of each id."""
        ...

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the ids of texts.

        Parameters
        ----------
        texts : sequence of str, S of them

        Returns
        -------
        ids : ndarray of shape (N,), int32
        offsets : ndarray of shape (S + 1,), int64
            Text s has ids[offsets[s]:offsets[s + 1]], which may be empty.
        """
        ...

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Return the text of ids, shape (n,); `START` and `END` become empty, and `UNKNOWN` becomes U+FFFD."""
        ...

    def joined(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Like `decode`, but for ids in the middle of a text: keep the space before a word."""
        ...

    def to_config(self) -> dict[str, Any]:
        """Return a JSON-compatible description for `units_from_config`."""
        ...
