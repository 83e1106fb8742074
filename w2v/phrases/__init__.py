"""Phrases: words that belong together, found by counting pairs and joined in the text."""
