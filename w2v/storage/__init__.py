"""Files and folders: atomic writes, and validated reads."""
