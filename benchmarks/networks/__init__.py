"""Translators, language models, taggers, classifiers and pictures."""
