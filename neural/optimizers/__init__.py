"""Steps that make a loss smaller."""
