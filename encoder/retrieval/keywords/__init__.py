"""Keywords of groups of texts."""
