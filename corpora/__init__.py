"""Text sources: files, tokenizers and ready-made corpora.

`TextReader` reads files, `get_tokenizer` finds a tokenizer by name, `bundled_corpus` returns a small real corpus, and
`download` fetches the entries of `CATALOGUE`. Nothing here imports Numba.
"""

from __future__ import annotations

from w2v.corpora.bundled import BUNDLED_NAMES, Verse, bible_verses, bundled_corpus, download
from w2v.corpora.catalogue.entries import CATALOGUE
from w2v.corpora.catalogue.entry import Entry
from w2v.corpora.readers import Block, CorpusError, TextReader
from w2v.corpora.sentences import SentenceSets, read_sentence_sets, split_sentences, without_overlap
from w2v.corpora.tokenizers import (
    TOKENIZER_NAMES,
    CallableTokenizer,
    CharactersTokenizer,
    JiebaTokenizer,
    TabsTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordsTokenizer,
    code_point_table,
    get_tokenizer,
    tokenizer_from_config,
)
from w2v.corpora.weighted import weighted_lines

__all__ = [
    "BUNDLED_NAMES",
    "CATALOGUE",
    "TOKENIZER_NAMES",
    "Block",
    "CallableTokenizer",
    "CharactersTokenizer",
    "CorpusError",
    "Entry",
    "JiebaTokenizer",
    "SentenceSets",
    "TabsTokenizer",
    "TextReader",
    "Tokenizer",
    "Verse",
    "WhitespaceTokenizer",
    "WordsTokenizer",
    "bible_verses",
    "bundled_corpus",
    "code_point_table",
    "download",
    "get_tokenizer",
    "read_sentence_sets",
    "split_sentences",
    "tokenizer_from_config",
    "weighted_lines",
    "without_overlap",
]
