"""Tokenizers, by name or as any callable."""

from w2v.corpora.tokenizers.choosing import TOKENIZER_NAMES, CallableTokenizer, get_tokenizer, tokenizer_from_config
from w2v.corpora.tokenizers.jieba import JiebaTokenizer
from w2v.corpora.tokenizers.penn import PennTokenizer
from w2v.corpora.tokenizers.protocol import Tokenizer
from w2v.corpora.tokenizers.separated import TabsTokenizer, WhitespaceTokenizer
from w2v.corpora.tokenizers.words import CharactersTokenizer, WordsTokenizer, code_point_table

__all__ = [
    "TOKENIZER_NAMES",
    "CallableTokenizer",
    "CharactersTokenizer",
    "JiebaTokenizer",
    "PennTokenizer",
    "TabsTokenizer",
    "Tokenizer",
    "WhitespaceTokenizer",
    "WordsTokenizer",
    "code_point_table",
    "get_tokenizer",
    "tokenizer_from_config",
]
