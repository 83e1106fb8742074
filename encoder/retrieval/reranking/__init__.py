"""Reranking: score each query and result together, for a better order of search results."""
