"""How words, figures and results are shown: in a terminal, a notebook or a report."""
