"""Phrases and sentences among words: `w2v neighbors` where a query is more than a word, or a text is searched too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from w2v.commands.shared.output import decimals, print_json, print_table, say


def neighbors_of_texts(model: Path, queries: Sequence[str], file: Path | None, top: int, as_json: bool) -> None:
    """Print the words, and the lines of a text, that are nearest to each query."""
    from w2v.encoder.sentence_encoder import SentenceEncoder

    encoder = SentenceEncoder.load(model)
    answers = [encoder.most_similar(query, topn=top, texts=file) for query in queries]
    if as_json:
        print_json([
            {"query": query, "unknown": found.unknown, "neighbors": [near._asdict() for near in found]}
            for query, found in zip(queries, answers, strict=True)
        ])  # fmt: skip
        return
    for query, found in zip(queries, answers, strict=True):
        if found.unknown:
            say(f"Note: not known, and left out of {query!r:.80}: {', '.join(found.unknown)}")
        rows = [(near.text, "" if near.line is None else f"{near.line:,}", decimals(near.similarity)) for near in found]
        if file is None:
            print_table([f"near {query}", ">similarity"], [(text, score) for text, _, score in rows])
        else:
            print_table([f"near {query}", ">line", ">similarity"], rows)
