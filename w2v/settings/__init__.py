"""What a user may set: the values a parameter may take, the environment and the threads."""
