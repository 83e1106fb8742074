"""Image classifiers: labels and vectors of pictures."""
