"""What networks are trained for: to translate, and to write."""
