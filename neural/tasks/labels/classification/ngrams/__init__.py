"""Classifiers without layers: bags of word and character n-grams, trained as fastText does or as naive Bayes."""
