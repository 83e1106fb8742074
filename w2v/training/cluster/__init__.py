"""Training on several workers: each trains a part of the text, and rounds average the updates."""
