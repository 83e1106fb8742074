"""Commands that label: words of sentences, and whole texts."""
