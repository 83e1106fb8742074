"""How much each token contributes to a sentence's vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def token_shares(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the contribution of each of T vectors to their sum s: its part along s over the length of s, shape (T,).

    The contributions sum to 1; a vector that points away from s has a negative one. They are zero if s is zero.
    """
    exact = rows.astype(np.float64)
    total = exact.sum(axis=0)
    square = float(total @ total)
    shares: NDArray[np.float64] = exact @ total / square if square > 0 else np.zeros(len(rows))
    return shares
