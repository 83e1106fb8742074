"""Commands about sentences: train an encoder, encode, search, find duplicates and clusters."""
