"""What the SIMD types are to LLVM, and the instructions that their operations are made of."""

from __future__ import annotations

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import models, register_model


def _host_features() -> frozenset[str]:
    """Return the processor's features that Numba compiles for; like Numba it obeys NUMBA_CPU_FEATURES."""
    if config.CPU_FEATURES is not None:
        return frozenset(flag[1:] for flag in config.CPU_FEATURES.split(",") if flag.startswith("+"))
    return frozenset(flag for flag, on in llvm.get_host_cpu_features().items() if on)


FEATURES = _host_features()
"""Names that LLVM gives to what this processor can do."""

LANES = 16 if "avx512f" in FEATURES else 8 if "avx" in FEATURES else 4
"""float32 numbers in one vector on this host: the widest register that Numba compiles for."""

TILE_ROWS, TILE_COLUMNS = 6, 2
"""The tile of every product: 12 accumulators, 2 operands and 1 broadcast fit the 16 registers of AVX2."""

FLOAT, INT32, INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
BYTES = ir.IntType(8).as_pointer()
VECTOR = ir.VectorType(FLOAT, LANES)
INTEGERS = ir.VectorType(INT32, LANES)
ROUNDER = 1.5 * 2**23
"""Added to a float32 below 2**22, it leaves the nearest whole number in the last bits."""


class _VectorType(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


class Tile(types.Type):  # type: ignore[misc]
    """A block of `rows` x `columns` vectors as one value."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        super().__init__(name=f"tile{rows}x{columns}x{LANES}")


vector = _VectorType()


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, VECTOR)


@register_model(Tile)
class _TileModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, ir.ArrayType(VECTOR, numba_type.rows * numba_type.columns))


# Code generation: c is Numba's context, b LLVM's builder.


def data_of(c, b, array_type, array):
    """Return the pointer to the first element of an array."""
    return c.make_array(array_type)(c, b, array).data


def read(b, base, offset):
    """Return the vector at an offset, which need not be aligned."""
    value = b.load(b.bitcast(b.gep(base, [offset]), VECTOR.as_pointer()))
    value.align = 4
    return value


def write(b, base, offset, value):
    """Store a vector at an offset, which need not be aligned."""
    b.store(value, b.bitcast(b.gep(base, [offset]), VECTOR.as_pointer())).align = 4


def broadcast(b, scalar, vector_type=VECTOR):
    """Return a vector with a scalar in every lane."""
    undefined = ir.Constant(vector_type, ir.Undefined)
    first = b.insert_element(undefined, scalar, ir.Constant(INT32, 0))
    return b.shuffle_vector(first, undefined, all_lanes(0))


def call(b, name, return_type, *arguments):
    """Call one of the functions that LLVM knows by name."""
    signature = ir.FunctionType(return_type, [argument.type for argument in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, signature, name), arguments)


def emit_fma(b, x, y, z):
    """Return x * y + z."""
    # fmuladd, not fma: the same instruction where there is one, but no call of libm for every lane where there is none
    return call(b, f"llvm.fmuladd.v{LANES}f32", VECTOR, x, y, z)


def all_lanes(n):
    """Return integers that are all n."""
    return ir.Constant(INTEGERS, [n] * LANES)


def plus(b, offset, n):
    """Return an offset plus a constant."""
    return b.add(offset, ir.Constant(offset.type, n))
