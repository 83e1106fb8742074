"""Many files encoded, a file of vectors for each: here, or on the workers of a cluster."""
