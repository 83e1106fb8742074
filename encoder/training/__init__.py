"""How an encoder is trained: sources, tasks, losses and options."""
