"""Finding near-duplicates, pairs and clusters among many sentences."""
