"""One run of training: its start, its text, and the run itself."""
