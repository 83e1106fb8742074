"""Shared by the tests: examples, float64 twins of the kernels, and checks."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The root of the repository."""
