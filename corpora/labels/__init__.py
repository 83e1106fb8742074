"""Where labels come from: files of texts with labels, and of words with tags."""
