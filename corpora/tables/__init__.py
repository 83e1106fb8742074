"""Tables: typed columns, and reading them from files."""
