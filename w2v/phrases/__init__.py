"""Phrases: words that belong together, found by counting and joined in the text."""
