"""The tasks that networks are trained for, and what they share."""
