"""What can be had by name: texts, word vectors, encoders, test sets; listed, found in packages, fetched and checked."""
