"""Reports on the topics of a text."""
