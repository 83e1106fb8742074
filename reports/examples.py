"""Sentences of a text with their nearest sentences: what an encoder considers similar."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from w2v.corpora.readers import CorpusError, TextReader
from w2v.display.wording import decimals, shortened
from w2v.reports.blocks import Paragraph, Section, Table

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder

N_EXAMPLES, N_NEAREST = 6, 2
_MOST_LINES = 50_000
_LONGEST = 160


def examples_section(encoder: SentenceEncoder, path: str | os.PathLike[str]) -> Section:
    """Return some sentences of a file, each with its nearest sentences.

    The first 50,000 distinct lines are searched. The examples are drawn evenly from those that are neither very short
    nor very long.

    Raises
    ------
    CorpusError
        If the file cannot be read, or has fewer than three sentences with a known word.
    """
    lines = (line.strip() for line in TextReader(path).lines())
    sentences = list(dict.fromkeys(islice(filter(None, lines), _MOST_LINES)))
    vectors = encoder.encode(sentences, normalize=True, precision="float32")
    known = np.flatnonzero(vectors.any(axis=1))
    if len(known) < N_NEAREST + 1:
        raise CorpusError(f"{os.fspath(path)}: fewer than three sentences have a known word; give a longer text")
    lengths = np.array([len(sentences[row]) for row in known.tolist()])
    low, high = np.percentile(lengths, [40, 80])
    usual = known[(lengths >= low) & (lengths <= high)]
    chosen = usual[np.unique(np.linspace(0, len(usual) - 1, N_EXAMPLES).astype(np.intp))]
    scores = vectors[chosen] @ vectors[known].T
    scores[known[None] == chosen[:, None]] = -np.inf
    rows = []
    for example, row in zip(chosen.tolist(), scores, strict=True):
        for place, near in enumerate(np.argsort(-row, kind="stable")[:N_NEAREST].tolist()):
            shown = shortened(sentences[example], _LONGEST) if place == 0 else ""
            rows.append((shown, decimals(float(row[near]), 2), shortened(sentences[known[near]], _LONGEST)))
    text = f"Sentences of {os.path.basename(path)}, and those of {len(known) - 1:,} others that are nearest to them."
    return Section("Nearest sentences", (Paragraph(text), Table(("sentence", ">cosine", "nearest"), tuple(rows))))
