"""Layers of a Transformer: one module each, with forward and backward passes as pure functions of their parameters.

``forward(parameters, x, …)`` returns ``(y, cache)`` and ``backward(parameters, dy, cache)`` returns ``(dx,
gradients)``, the exact vector-Jacobian product of `forward` at the input stored in the cache. `parameters` maps the
names of `tensors` to arrays, and so do the gradients. Inputs are never modified.

Sequences are packed: x has shape (N, E), the concatenated rows of all tokens, and `offsets`, shape (B + 1,) and int64,
contains the start of each sequence. There is no padding, so nothing is computed for padding.

float32 is computed by compiled kernels, whose order of summation within a row or a sequence does not depend on the rest
of the batch: the result for a sequence is the same, bit for bit, in any batch. Other dtypes are computed in NumPy, by
the formulas that the kernels are tested against.
"""
