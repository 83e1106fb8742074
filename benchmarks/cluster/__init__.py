"""Several workers: quality, speed, traffic, kills."""
