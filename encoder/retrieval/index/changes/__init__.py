"""Changing an index: removing and replacing sentences, merging indexes."""
