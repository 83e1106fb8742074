"""Compiled code: arrays in, arrays out. It imports NumPy, Numba and llvmlite only."""
