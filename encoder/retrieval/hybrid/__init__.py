"""Search by words, alone or combined with search by vectors."""
