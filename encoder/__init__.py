"""Sentence vectors: reserved for the sentence encoder, which is still to come."""
