"""Text classification: one class, or any number of classes, per text."""
