"""The same training in several programs, measured in the same way."""
