"""Monitoring a training while it runs: its history, and pauses between its steps."""
