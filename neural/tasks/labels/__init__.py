"""Labels: what each word of a sentence is, and what a whole text is."""
