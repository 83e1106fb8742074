"""Two languages in one space: alignment with or without a dictionary, and word translation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.lazy import offer

if TYPE_CHECKING:
    from w2v.alignment.aligner import Aligner as Aligner
    from w2v.alignment.aligner import AlignmentError as AlignmentError
    from w2v.alignment.dictionary import read_dictionary as read_dictionary
    from w2v.alignment.word_translator import WordTranslator as WordTranslator

_HOME = {
    "Aligner": "aligner",
    "AlignmentError": "aligner",
    "WordTranslator": "word_translator",
    "read_dictionary": "dictionary",
}

offer(__name__, _HOME)
