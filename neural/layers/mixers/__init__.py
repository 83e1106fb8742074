"""What may take the place of self-attention in a block: it lets the hidden states of a sequence see each other."""
