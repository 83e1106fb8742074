"""Products of matrices: of float32 in a fixed order of summation, and of bytes."""
