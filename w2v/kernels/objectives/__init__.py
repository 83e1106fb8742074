"""Compiled code of the objectives without noise words: GloVe with its co-occurrence counts, and the full softmax."""
