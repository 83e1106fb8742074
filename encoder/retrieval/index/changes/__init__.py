"""Changing an index: sentences removed, replaced, brought together with those of others."""
