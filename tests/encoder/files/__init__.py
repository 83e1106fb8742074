"""Tests of many files encoded."""
