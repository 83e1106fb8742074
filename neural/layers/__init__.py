"""Layers of a Transformer: one a file, forward and backward side by side, as pure functions beside their parameters.

``forward(parameters, x, …)`` returns ``(y, cache)`` and ``backward(parameters, dy, cache)`` returns ``(dx,
gradients)``, the exact vector-Jacobian product of `forward` at the input that the cache remembers. `parameters` maps
the names of `tensors` to arrays, and so do the gradients. Inputs are never written to.

Sequences are packed: x has shape (N, E), the rows of all tokens one after another, and `offsets`, shape (B + 1,) and
int64, says where each sequence begins. Nothing is padded, so nothing is computed for padding.

float32 is computed by compiled kernels, whose order of summation within a row or a sequence does not depend on what
else is in the batch: a sequence comes out the same, bit for bit, in any batch. Other dtypes are computed in NumPy, by
the formulae that the kernels are tested against.
"""
