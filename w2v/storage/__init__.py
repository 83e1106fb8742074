"""Files and folders: written atomically, read with suspicion."""
