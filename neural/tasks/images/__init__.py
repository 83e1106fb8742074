"""Pictures: their labels, and their vectors."""
