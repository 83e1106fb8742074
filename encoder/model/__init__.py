"""The parts that turn sentences into vectors: word table, weights and network, and the folder they are saved in."""
