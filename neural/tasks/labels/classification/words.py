"""Split texts into the words that a classifier with layers reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import Tokenizer, tokenizer_from_config
from w2v.neural.tasks.labels.words import Lexicon, Tokens, WordVocabulary
from w2v.vectors.subwords import END_OF_SENTENCE

MOST_WORDS = 1 << 20


@dataclass(frozen=True)
class TextWords:
    """How texts are split into words, and the vocabulary.

    Attributes
    ----------
    vocabulary : WordVocabulary
    tokenizer : Tokenizer
    most : int
        Maximum number of words of a text; the rest is ignored.
    """

    vocabulary: WordVocabulary
    tokenizer: Tokenizer
    most: int

    kind = "words"

    @property
    def pieces(self) -> tuple[str, ...]:
        """Words with a row of their own."""
        return self.vocabulary.words

    def encode(self, texts: Sequence[str], vectors: NDArray[Any]) -> tuple[Lexicon, Tokens]:
        """Return the words of texts as input of the network, with an end token after each text."""
        sentences = divided(texts, self.tokenizer, self.most)
        rows: dict[str, int] = {}
        ids = np.array([rows.setdefault(word, len(rows)) for own in sentences for word in own], np.int64)
        offsets = np.cumsum([0, *map(len, sentences)], dtype=np.int64)
        return self.vocabulary.lexicon(list(rows), vectors), Tokens(ids, offsets, np.zeros((len(ids), 0), np.int64))

    def to_config(self) -> dict[str, Any]:
        """Return the object as JSON values for `from_config`."""
        return {
            **self.vocabulary.to_config(), "kind": "words", "tokenizer": self.tokenizer.to_config(), "most": self.most
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TextWords:
        """Return the object described by `to_config`; ValueError or TypeError if the input is invalid."""
        tokenizer, most = config.get("tokenizer"), config.get("most")
        if not isinstance(tokenizer, dict) or type(most) is not int or not 1 <= most <= MOST_WORDS:
            raise ValueError("the tokenizer of its texts is missing")
        return cls(WordVocabulary.from_config(config), tokenizer_from_config(tokenizer), most)


def divided(texts: Sequence[str], tokenizer: Tokenizer, most: int) -> list[list[str]]:
    """Return the first words of each text, followed by the end token."""
    return [[*tokenizer(text)[:most], END_OF_SENTENCE] for text in texts]
