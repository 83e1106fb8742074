"""The command `w2v phrases`."""
