"""Ids to tables of vectors: the schedule, the threads, the objectives and the checkpoints."""
