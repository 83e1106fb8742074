"""What turns sentences into vectors: the word table, the weights, the network and their folder."""
