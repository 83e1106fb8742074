"""Files beyond those that are read from end to end: parts of them, and those that are not on this machine."""
