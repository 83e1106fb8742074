"""Compiled kernels of the layers: they work on flat arrays and scalars, check nothing, and sum in a fixed order."""
