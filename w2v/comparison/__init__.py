"""The same training in several programs, measured alike."""
