"""Features from spelling: parts of compounds, usual case of words, and case of sentences."""
