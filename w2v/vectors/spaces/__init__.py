"""Transforming vectors (rotation, centring, adding output vectors, one language), and models in the same space."""
