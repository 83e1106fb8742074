"""Move points in the plane until neighbours in the model are neighbours on the map, in Numba.

References
----------
.. [1] McInnes, Healy and Melville 2018, UMAP, arXiv:1802.03426: weights of neighbours, attraction and repulsion by
   sampling.
.. [2] Tang et al. 2016, LargeVis, arXiv:1602.00370: the curve 1 / (1 + d²), which needs no power.
"""

from __future__ import annotations

import math

import numpy as np

from w2v.kernels.jit import compiled

_LARGEST_PULL = 4.0
_NEAREST = 0.001
_float32, _uint64 = np.float32, np.uint64


@compiled
def weigh_neighbors(similarities, weights):
    """Write the attraction of each point to each of its neighbours: 1 for the nearest, decreasing with the distance.

    With d = 1 - similarity, the weights are exp(-(d - d_nearest) / s), where s, found by bisection, makes the weights
    of a point sum to log2(k). So points in sparse regions are attracted to their neighbours as well.

    Parameters
    ----------
    similarities : ndarray of shape (n, k), float32
        Of each point with its neighbours, in descending order.
    weights : ndarray of shape (n, k), float32
        Overwritten.
    """
    n, k = similarities.shape
    wanted = math.log2(max(k, 2))
    for i in range(n):
        nearest = similarities[i, 0]
        low, high = 0.0, 4.0
        scale = 0.1
        for _ in range(24):
            total = 0.0
            for j in range(k):
                total += math.exp((similarities[i, j] - nearest) / scale)
            if total > wanted:
                high = scale
            else:
                low = scale
            scale = (low + high) / 2
        for j in range(k):
            weights[i, j] = math.exp((similarities[i, j] - nearest) / scale)


@compiled
def keep_best(scores, own, pool, rows, similarities):
    """Write the best candidates for each row, best first, without the row itself; ties go to the earlier one.

    Parameters
    ----------
    scores : ndarray of shape (m, p), float32
    own : ndarray of shape (m,), int64
        The row number of each query.
    pool : ndarray of shape (p,), int64
        The row number of each candidate; there must be more than `k` besides the row itself.
    rows, similarities : ndarray of shape (m, k), int32 and float32
        Overwritten.
    """
    m, p = scores.shape
    k = rows.shape[1]
    for i in range(m):
        n_kept = 0
        for j in range(p):
            score = scores[i, j]
            if n_kept == k and score <= similarities[i, k - 1]:
                continue
            if pool[j] == own[i]:
                continue
            place = min(n_kept, k - 1)
            while place > 0 and similarities[i, place - 1] < score:
                similarities[i, place] = similarities[i, place - 1]
                rows[i, place] = rows[i, place - 1]
                place -= 1
            similarities[i, place] = score
            rows[i, place] = pool[j]
            n_kept = min(n_kept + 1, k)


@compiled
def move_points(points, neighbors, weights, rate, n_noise, spread, state):
    """Pull every point towards its neighbours and push it away from randomly drawn others, once.

    The others are consecutive in memory, which costs one cache miss instead of many; points near each other on the map
    are anywhere in memory.

    A neighbour is chosen with its weight as the probability; then both move along the gradient of ln 1 / (1 + a d²),
    and the point along that of ln(1 - 1 / (1 + a d²)) for each of the others, where a = 1 / spread².

    Parameters
    ----------
    points : ndarray of shape (n, 2), float32
        Overwritten.
    neighbors : ndarray of shape (n, k), int32
        In [0, n). Not checked.
    weights : ndarray of shape (n, k), float32
        In [0, 1].
    rate : float
        Step size.
    n_noise : int
        Number of others per neighbour, at most n.
    spread : float
        Distance at which the attraction is strongest.
    state : ndarray of shape (1,), uint64
        State of the random number generator, not 0; overwritten.
    """
    n, k = neighbors.shape
    a = _float32(1.0 / (spread * spread))
    rate = _float32(rate)
    largest = _float32(_LARGEST_PULL)
    x = state[0]
    for i in range(n):
        for j in range(k):
            x ^= x << _uint64(13)
            x ^= x >> _uint64(7)
            x ^= x << _uint64(17)
            if _float32(x >> _uint64(40)) * _float32(2.0**-24) >= weights[i, j]:
                continue
            other = neighbors[i, j]
            dx, dy = points[i, 0] - points[other, 0], points[i, 1] - points[other, 1]
            pull = _float32(-2) * a / (_float32(1) + a * (dx * dx + dy * dy))
            step_x = rate * min(max(pull * dx, -largest), largest)
            step_y = rate * min(max(pull * dy, -largest), largest)
            points[i, 0] += step_x
            points[i, 1] += step_y
            points[other, 0] -= step_x
            points[other, 1] -= step_y
            x ^= x << _uint64(13)
            x ^= x >> _uint64(7)
            x ^= x << _uint64(17)
            first = np.int64((x >> _uint64(32)) * _uint64(n) >> _uint64(32))
            for j_noise in range(n_noise):
                other = first + j_noise
                if other >= n:
                    other -= n
                dx, dy = points[i, 0] - points[other, 0], points[i, 1] - points[other, 1]
                square = dx * dx + dy * dy
                push = _float32(2) / ((_float32(_NEAREST) + square) * (_float32(1) + a * square))
                points[i, 0] += rate * min(max(push * dx, -largest), largest)
                points[i, 1] += rate * min(max(push * dy, -largest), largest)
    state[0] = x
