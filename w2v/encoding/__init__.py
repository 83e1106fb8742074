"""Text to ids: the vocabulary, and the corpus as packed ids with offsets."""
