"""Where labels come from: files of texts with labels."""
