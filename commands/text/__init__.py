"""Commands that translate and write."""
