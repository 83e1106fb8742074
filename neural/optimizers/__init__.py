"""Optimizers: Adam, Muon, gradient clipping and learning rate schedules."""
