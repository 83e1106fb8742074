"""Compiled code: arrays in, arrays out. Imports only NumPy, Numba and llvmlite."""
