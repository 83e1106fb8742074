"""The map of the sentences of an index: colours, named regions, search, filters and export."""
