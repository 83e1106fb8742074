"""Benchmarks: scripts that anyone can run; their results are JSON files in `results/`."""
