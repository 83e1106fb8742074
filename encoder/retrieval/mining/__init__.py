"""What is found among many sentences: near-duplicates and clusters."""
