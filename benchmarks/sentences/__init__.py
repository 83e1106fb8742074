"""Sentence encoders: quality, speed, teachers."""
