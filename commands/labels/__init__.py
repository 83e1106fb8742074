"""Commands that label texts and words."""
