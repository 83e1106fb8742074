"""Reading a query and a text together, to put what a search has found into a better order."""
