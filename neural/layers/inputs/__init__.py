"""How what is no text becomes the rows that a stack reads."""
