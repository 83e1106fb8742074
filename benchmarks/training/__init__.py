"""Training of word vectors: speed, quality, resuming."""
