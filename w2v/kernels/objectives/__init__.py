"""Compiled code of the objectives that do not draw noise from the text: co-occurrences and GloVe, the whole softmax."""
