"""What a user may set: parameters and their constraints, environment variables, threads."""
