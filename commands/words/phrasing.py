"""`w2v neighbors` for queries of several words, and for searches that include the lines of a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from w2v.commands.shared.output import decimals, print_json, print_table, say


def vectors_of_phrases(model: Path, phrases: Sequence[str]) -> dict[str, tuple[Any, list[str]]]:
    """Return the vector that an encoder gives each phrase, and the phrase's unknown words."""
    from w2v.encoder.sentence_encoder import SentenceEncoder

    if not phrases:
        return {}
    encoder = SentenceEncoder.load(model)
    unknown = [encoder.most_similar(phrase, topn=1).unknown for phrase in phrases]  # fails if no word is known
    for phrase, words in zip(phrases, unknown, strict=True):
        _say_unknown(phrase, words)
    return dict(zip(phrases, zip(encoder.encode(list(phrases)), unknown, strict=True), strict=True))


def neighbors_of_texts(model: Path, queries: Sequence[str], file: Path | None, top: int, as_json: bool) -> None:
    """Print the words and the lines of a text that are nearest to each query."""
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
        _say_unknown(query, found.unknown)
        rows = [(near.text, "" if near.line is None else f"{near.line:,}", decimals(near.similarity)) for near in found]
        if file is None:
            print_table([f"near {query}", ">similarity"], [(text, score) for text, _, score in rows])
        else:
            print_table([f"near {query}", ">line", ">similarity"], rows)


def _say_unknown(query: str, words: Sequence[str]) -> None:
    if words:
        say(f"Note: unknown words left out of {query!r:.80}: {', '.join(words)}")
