"""Search, indexes, topics and maps."""
