"""The layers of the sentence encoder, still to come."""
