"""Networks that read and write text: the translator and the language model."""
