"""Indexes that are read: one, or several as one."""
