"""What training yields: tables of vectors, their queries, and how they are stored."""
