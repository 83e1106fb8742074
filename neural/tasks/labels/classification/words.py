"""From texts to the words that a classifier with layers reads."""

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
    """How a text becomes words, and what is known of these.

    Attributes
    ----------
    vocabulary : WordVocabulary
    tokenizer : Tokenizer
    most : int
        Words of a text that are read, the first.
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
        """Return the words of texts as a network reads them, with a last one that marks the end."""
        sentences = divided(texts, self.tokenizer, self.most)
        rows: dict[str, int] = {}
        ids = np.array([rows.setdefault(word, len(rows)) for own in sentences for word in own], np.int64)
        offsets = np.cumsum([0, *map(len, sentences)], dtype=np.int64)
        return self.vocabulary.lexicon(list(rows), vectors), Tokens(ids, offsets, np.zeros((len(ids), 0), np.int64))

    def to_config(self) -> dict[str, Any]:
        """Return what JSON can hold and `from_config` makes the same of."""
        return {
            **self.vocabulary.to_config(), "kind": "words", "tokenizer": self.tokenizer.to_config(), "most": self.most
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TextWords:
        """Return what `to_config` described; ValueError or TypeError if it describes nothing."""
        tokenizer, most = config.get("tokenizer"), config.get("most")
        if not isinstance(tokenizer, dict) or type(most) is not int or not 1 <= most <= MOST_WORDS:
            raise ValueError("it does not say how texts are divided into words")
        return cls(WordVocabulary.from_config(config), tokenizer_from_config(tokenizer), most)


def divided(texts: Sequence[str], tokenizer: Tokenizer, most: int) -> list[list[str]]:
    """Return the first words of each text, and the end."""
    return [[*tokenizer(text)[:most], END_OF_SENTENCE] for text in texts]
