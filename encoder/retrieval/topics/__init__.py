"""Topics of a text: groups of its sentences with keywords, over time, and as a tree."""
