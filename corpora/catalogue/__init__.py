"""Downloads by name: texts, word vectors, encoders and test sets; listed, found in packages, fetched and verified."""
