"""Commands about labels: of texts, of words, of pictures."""
