"""Compiled kernels of the layers: they see flat arrays and scalars, check nothing, and add up in a fixed order."""
