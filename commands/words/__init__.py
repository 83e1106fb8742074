"""Commands about words: train, phrases, neighbours, compare, prune."""
