"""Commands on pictures."""
