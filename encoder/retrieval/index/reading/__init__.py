"""Opened indexes: a single one, or several searched together."""
