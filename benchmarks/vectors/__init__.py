"""What word vectors are used for, and the files they are in."""
