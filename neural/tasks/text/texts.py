"""Training and held-out texts of a language model, and their vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from w2v.corpora.columns import checked_texts
from w2v.corpora.readers import TextReader
from w2v.corpora.units import Units, learn_units
from w2v.encoding.corpus import TokenLists, open_corpus
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.parameters import LanguageModelParameters


@dataclass(frozen=True)
class TextData:
    """Training and held-out texts, and their files."""

    trained: list[str]
    held_out: list[str]
    lines: bool
    files: list[str] | None
    validation_files: list[str] | None
    errors: str = "strict"

    @classmethod
    def of(cls, corpus: Any, validation: Any, parameters: LanguageModelParameters) -> TextData:
        """Return the texts from the arguments of `LanguageModel.fit`; ValueError if there are too few."""
        lines = parameters.separate_lines if parameters.separate_lines is not None else parameters.units != "characters"
        errors = corpus.errors if isinstance(corpus, TextReader) else "strict"
        every, files = _read(corpus, lines)
        if validation is not None:
            apart, validation_files = _read(validation, lines)
            return cls(every, apart, lines, files, validation_files, errors)
        if lines:
            n = max(1, round(parameters.held_out * len(every)))
            chosen = set(np.random.default_rng(parameters.random_state).permutation(len(every))[:n].tolist())
            trained = [text for i, text in enumerate(every) if i not in chosen]
            apart = [every[i] for i in sorted(chosen)]
        else:
            [text] = every
            cut = len(text) - max(1, round(parameters.held_out * len(text)))
            trained, apart = [text[:cut]], [text[cut:]]
        if not any(text.strip() for text in trained) or not any(text.strip() for text in apart):
            raise ValueError("the text is too short to hold out a part; give more text, or a validation text")
        return cls(trained, apart, lines, files, None, errors)

    @classmethod
    def again(cls, began: TextNetwork, corpus: Any, validation: Any, parameters: LanguageModelParameters) -> TextData:
        """Return the texts of a resumed training: those given, or else read from their files."""
        read = partial(TextReader, errors=began.metadata["training"].get("errors", "strict"))
        how = "LanguageModel.load(…).resume(corpus)"
        corpus, validation = began.trained_on(corpus, validation, "texts", how, read=read)
        return cls.of(corpus, validation, parameters)


def _read(corpus: Any, lines: bool) -> tuple[list[str], list[str] | None]:
    """Return the lines that are not blank, or all lines as one running text, and their files."""
    files = None
    found: Iterable[str]
    opened = open_corpus(corpus)
    if isinstance(opened, TokenLists):
        raise TypeError("a language model is trained on texts, not on lists of tokens: pass ' '.join(tokens) for each")
    if isinstance(opened, TextReader):
        found = opened.lines()
        files = opened.files
    else:
        found = checked_texts(opened)
    texts = [line for line in found if line.strip()] if lines else ["\n".join(found)]
    if not any(text.strip() for text in texts):
        raise ValueError("there is no text to train on")
    return texts, files


def learn_text_units(texts: Sequence[str], parameters: LanguageModelParameters) -> Units:
    """Learn the vocabulary of texts."""
    options: dict[str, Any] = {}
    if parameters.units == "words":
        options["tokenizer"] = parameters.tokenizer
    if parameters.units != "subwords":
        options["min_count"] = parameters.min_count
    return learn_units(parameters.units, texts, size=parameters.vocabulary_size, **options)
