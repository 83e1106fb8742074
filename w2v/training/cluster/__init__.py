"""Training on several workers: parts of the text, rounds, and what they learned averaged."""
