"""Search by words beside search by vectors, and both at once."""
