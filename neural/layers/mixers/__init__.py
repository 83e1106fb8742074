"""Alternatives to self-attention in a block, which exchange information between the hidden states of a sequence."""
