"""The result of training: tables of vectors, queries and storage."""
