"""Commands for pictures."""
