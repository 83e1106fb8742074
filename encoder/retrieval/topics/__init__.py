"""Topics of a text: groups of its sentences with keywords, their development over time, and their hierarchy."""
