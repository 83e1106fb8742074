"""What the spelling of words tells: what they are made of, how they are written mostly, and how a sentence is."""
