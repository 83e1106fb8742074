"""What tests share: examples, float64 twins of kernels, and checks."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The top of the repository."""
