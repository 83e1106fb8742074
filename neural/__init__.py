"""Neural networks in NumPy and Numba: layers with exact gradients, stacks of blocks, losses, one training loop.

Arrays in, arrays out: nothing here knows of words. `layers` has one layer a module, `kernels` what is compiled.
"""
