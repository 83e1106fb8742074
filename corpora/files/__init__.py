"""Files beyond those that are read from end to end: parts of them, those elsewhere, and names that a disk keeps."""
