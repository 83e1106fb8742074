"""Vectors in other spaces: turned, centred, beside their output vectors, of one language; and which are in one."""
