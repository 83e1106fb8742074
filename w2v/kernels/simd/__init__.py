"""An explicit SIMD vector type for Numba.

LLVM does not keep a block of accumulators in registers by itself, and BLAS calls reach less than half of the machine's
rate on matrices as small as a chunk of word vectors. The hot loops are therefore written with two Numba types, which
exist inside compiled functions only:

`vector`
    LANES float32 numbers in one register: 16 with AVX-512, 8 with AVX, else 4 (SSE2, NEON).
`Tile(rows, columns)`
    rows x columns vectors: a block of rows x (columns * LANES) numbers of a matrix, held in registers.

A matrix product is then three lines::

    tile = zero_tile(ROWS, COLUMNS)
    for k in range(K):  # tile[r, v] += a[a_rows[r] + k] * b[k * stride + v * LANES :][:LANES]
        tile = fma_outer(tile, a, a_rows, k, b, k * stride)
    store_tile(tile, c, c_rows, 0)

where `a_rows` and `c_rows` are tuples of ROWS offsets, made by `take` and `steps`. All arrays are flat, C-contiguous
float32 (int64 for lists of offsets) and every offset counts elements. Nothing here checks bounds or wraps negative
indices around, and unaligned access is allowed.

`vectors` and `tiles` operate on these types, `integers` on bytes; `emission` has what they are made of.
"""

# Compiled into kernels: the names below.
from w2v.kernels.simd.emission import LANES, TILE_COLUMNS, TILE_ROWS, Tile, vector
from w2v.kernels.simd.tiles import (
    add_tile,
    fma_inner,
    fma_outer,
    steps,
    store_tile,
    sum_tile,
    take,
    transpose,
    zero_tile,
)
from w2v.kernels.simd.vectors import (
    exponent_of,
    fma,
    load,
    load_repeated,
    load_vector,
    load_widened,
    magnitude_of,
    mantissa_of,
    most_of_lanes,
    power_of_two,
    prefetch,
    prefetch_read,
    select_lanes,
    splat,
    square_root,
    store_rounded,
    store_steps,
    store_vector,
    sum_lanes,
)

__all__ = [
    "LANES", "TILE_COLUMNS", "TILE_ROWS", "Tile", "add_tile", "exponent_of", "fma", "fma_inner", "fma_outer", "load",
    "load_repeated", "load_vector", "load_widened", "magnitude_of", "mantissa_of", "most_of_lanes", "power_of_two",
    "prefetch", "prefetch_read", "select_lanes", "splat", "square_root", "steps", "store_rounded", "store_steps",
    "store_tile", "store_vector", "sum_lanes", "sum_tile", "take", "transpose", "vector", "zero_tile",
]  # fmt: skip
