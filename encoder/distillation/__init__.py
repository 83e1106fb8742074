"""From a teacher and a text to a small fast encoder: word vectors, the teacher's vectors and the student in one go."""
