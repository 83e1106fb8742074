"""A list of phrases: two of words, and one of a phrase and a word."""

from __future__ import annotations

from w2v.phrases.phrase_list import Phrase, PhraseList


def make_phrase_list() -> PhraseList:
    first = [Phrase(("new", "york"), 20.5, 7), Phrase(("bank", "of", "america"), 12.0, 5)]
    return PhraseList([first, [Phrase(("new_york", "city"), 11.0, 6)]], connector_words={"of", "the"})
