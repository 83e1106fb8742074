"""The sentences of an index on a map: coloured, named region by region, searched, filtered and saved."""
