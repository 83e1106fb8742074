"""`w2v info`: what is in a model."""

from __future__ import annotations

from pathlib import Path

import click

from w2v.commands.sentences.encode import describe_encoder
from w2v.commands.sentences.search import describe_index
from w2v.commands.shared.options import json_option, model_argument
from w2v.commands.shared.output import print_description, print_json


@click.command(
    epilog="""\b
Examples:
  w2v info my.model
  w2v info my.model --json""",
)
@model_argument
@json_option
def info(model: Path, as_json: bool) -> None:
    """Tell what is in a folder of word vectors, a sentence encoder or an index: sizes, parameters, training history."""
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.model_folder import read_kind
    from w2v.vectors.persistence import KIND

    kind = read_kind(model)
    if kind != KIND:
        described = describe_index(model) if kind == "sentence-index" else describe_encoder(model)
        print_json(described) if as_json else print_description(described)
        return
    from w2v.vectors.inverses import measure_inverses, read_output_vectors

    embeddings = Embeddings.load(model)
    parameters = embeddings.metadata.get("parameters")
    # those of hierarchical softmax belong to inner nodes, not to words
    has_outputs = isinstance(parameters, dict) and parameters.get("objective") == "negative"
    outputs = read_output_vectors(model, embeddings.vectors.shape) if has_outputs else None
    counts = embeddings.vocabulary.counts
    tokenizer = embeddings.tokenizer
    described = {
        "path": str(model),
        "bytes": sum(file.stat().st_size for file in model.iterdir()),
        "vocabulary_size": len(embeddings),
        "vector_size": embeddings.vector_size,
        "dtype": embeddings.dtype,
        "counted_words": None if counts is None else int(counts.sum()),
        "most_frequent": embeddings.index_to_key[:10],
        "tokenizer": embeddings.metadata.get("tokenizer") if tokenizer is None else tokenizer.to_config(),
        **{name: value for name, value in embeddings.metadata.items() if name != "tokenizer"},
    }
    if outputs is not None:
        described["output_vectors"] = measure_inverses(embeddings.vectors, outputs)._asdict()
    if as_json:
        print_json(described)
    else:
        print_description(described)
