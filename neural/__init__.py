"""Neural networks in NumPy and Numba: layers with exact gradients, stacks of blocks, losses, and a training loop.

Everything here maps arrays to arrays and knows nothing of words. `layers` has one module per layer, `kernels` the
compiled code.
"""
