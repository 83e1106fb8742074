"""GloVe: counting co-occurrences in an encoded text, and arranging them for training."""
