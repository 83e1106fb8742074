"""What a whole text is: one of several classes, or any number of them."""
