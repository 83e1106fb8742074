"""Commands for word vectors: train, align, phrases, queries, compare, prune."""
