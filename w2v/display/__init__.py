"""Displaying words, figures and results in a terminal, a notebook or a report."""
