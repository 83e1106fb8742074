"""Encode many files to one file of vectors each: here, or on the workers of a cluster."""
