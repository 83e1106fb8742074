"""Parts of files, files in object stores, and durable renames."""
