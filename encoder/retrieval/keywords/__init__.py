"""Words that name groups of texts."""
