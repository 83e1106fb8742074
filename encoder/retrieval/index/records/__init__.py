"""Ids and metadata of the sentences of an index, and conditions on them."""
