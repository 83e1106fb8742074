"""Training: from ids to tables of vectors, with schedules, threads, objectives and checkpoints."""
