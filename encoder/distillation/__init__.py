"""Distil a teacher into a small, fast encoder: word vectors, the teacher's vectors and the student in one run."""
