"""Tables of values: columns of one type each, and the files that have them."""
