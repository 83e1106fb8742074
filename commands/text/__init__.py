"""Commands for translators and language models."""
