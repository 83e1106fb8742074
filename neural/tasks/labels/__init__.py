"""Labels of words and of texts: taggers and text classifiers."""
