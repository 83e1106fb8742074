"""The steps of a gated recurrent unit: one matrix product per time step for all sequences that have not ended.

Sequences are sorted by length, longest first, so those still running at a time step are a prefix of those before. Rows
are in time order: counts[0] initial states, then counts[0] rows for the first tokens of all sequences, counts[1] for
the second ones, and so on. A step reads its states where the previous step wrote them.

All arrays but `counts` are flat, C-contiguous and float32. `width` is a multiple of LANES. Nothing is checked.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled
from w2v.kernels.simd import LANES, fma, load_vector, splat, store_vector
from w2v.neural.kernels.products.matmul import ADD, ASSIGN, multiply
from w2v.neural.kernels.vector_math import hyperbolic_tangent, plus, sigmoid

_float32 = np.float32


@compiled
def recur(inputs, panels, counts, width, states, kept):
    """Compute the states of all time steps; NumPy equivalent: `layers.mixers.recurrent.States.run`.

    Parameters
    ----------
    inputs : ndarray of shape (N * 3 * width,)
        Contributions of the tokens to reset, update and candidate.
    panels : ndarray
        The packed projection of states, of shape (width, 3 * width), and its bias.
    counts : ndarray of shape (T,), int64
        Number of sequences still running at each time step.
    width : int
    states : ndarray of shape ((counts[0] + N) * width,)
        The first counts[0] are read; the others are overwritten.
    kept : ndarray of shape (N * 4 * width,)
        Overwritten with reset, update and candidate, and the contribution of the states to the candidate.
    """
    if counts.size == 0:
        return
    one = splat(_float32(1))
    added = np.empty(counts[0] * 3 * width, np.float32)
    row, before, now = 0, 0, counts[0]
    for count in counts:
        multiply(states[before * width :], count, width, panels, 3 * width, ASSIGN, added)
        for i in range(count):
            at, own, keep = i * 3 * width, (row + i) * 3 * width, (row + i) * 4 * width
            for d in range(0, width, LANES):
                reset = sigmoid(plus(load_vector(inputs, own + d), load_vector(added, at + d)))
                update = sigmoid(plus(load_vector(inputs, own + width + d), load_vector(added, at + width + d)))
                from_state = load_vector(added, at + 2 * width + d)
                candidate = hyperbolic_tangent(fma(reset, from_state, load_vector(inputs, own + 2 * width + d)))
                state = load_vector(states, (before + i) * width + d)
                store_vector(states, (now + i) * width + d, fma(update, state, (one - update) * candidate))
                store_vector(kept, keep + d, reset)
                store_vector(kept, keep + width + d, update)
                store_vector(kept, keep + 2 * width + d, candidate)
                store_vector(kept, keep + 3 * width + d, from_state)
        row, before, now = row + count, now, now + count


@compiled
def recur_backward(dstates, states, kept, panels, counts, width, dinputs, dadded):
    """Compute the gradients of `recur`, last time step first.

    Parameters
    ----------
    dstates : ndarray of shape ((counts[0] + N) * width,)
        The gradients of all states, except those from the next step, which are added.
    states, kept : ndarray
        As `recur` left them.
    panels : ndarray
        The packed transpose of the projection of states, without a bias.
    counts : ndarray of shape (T,), int64
    width : int
    dinputs, dadded : ndarray of shape (N * 3 * width,)
        Overwritten with the gradients of the contributions of tokens and of states.
    """
    one = splat(_float32(1))
    end, row = states.size // width, kept.size // (4 * width)
    for time in range(counts.size - 1, -1, -1):
        count = counts[time]
        row, now = row - count, end - count
        before = now - counts[max(time - 1, 0)]
        for i in range(count):
            own, keep = (row + i) * 3 * width, (row + i) * 4 * width
            for d in range(0, width, LANES):
                reset, update = load_vector(kept, keep + d), load_vector(kept, keep + width + d)
                candidate = load_vector(kept, keep + 2 * width + d)
                from_state = load_vector(kept, keep + 3 * width + d)
                old, left = (before + i) * width + d, one - update
                dstate = load_vector(dstates, (now + i) * width + d)
                dcandidate = dstate * left * (one - candidate * candidate)
                dupdate = dstate * (load_vector(states, old) - candidate) * update * left
                dreset = dcandidate * from_state * reset * (one - reset)
                store_vector(dstates, old, fma(dstate, update, load_vector(dstates, old)))
                store_vector(dinputs, own + d, dreset)
                store_vector(dinputs, own + width + d, dupdate)
                store_vector(dinputs, own + 2 * width + d, dcandidate)
                store_vector(dadded, own + d, dreset)
                store_vector(dadded, own + width + d, dupdate)
                store_vector(dadded, own + 2 * width + d, dcandidate * reset)
        multiply(dadded[row * 3 * width :], count, 3 * width, panels, width, ADD, dstates[before * width :])
        end = now
