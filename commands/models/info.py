"""`w2v info`: the contents and history of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.images.describing import describe_images
from w2v.commands.sentences.describing import bytes_of, describe_encoder, describe_index, describe_topics
from w2v.commands.shared.option_names import named_as_options, recorded_as_options
from w2v.commands.shared.options import json_option, model_argument
from w2v.commands.shared.output import print_description, print_json
from w2v.commands.text.describing import ESTIMATORS, describe_text_network
from w2v.settings.applying import used

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings


@click.command(
    epilog="""\b
Examples:
  w2v info my.model
  w2v info my.model --json""",
)
@model_argument
@json_option
def info(model: Path, as_json: bool) -> None:
    """Show what a model or index contains: sizes, parameters, inputs and training history."""
    from w2v.encoder.opening import open_start
    from w2v.encoder.retrieval.index.storage import is_index
    from w2v.encoder.retrieval.topics.folder import is_topics
    from w2v.neural.tasks.folder import is_one_of
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.model_folder import is_kind

    if is_index(model):
        described = describe_index(model)
    elif is_topics(model):
        described = describe_topics(model)
    elif is_one_of(model, ESTIMATORS):
        described = describe_text_network(model)
    elif is_kind(model, "image-classifier"):
        described = describe_images(model)
    else:
        opened = open_start(model)
        described = _words(model, opened) if isinstance(opened, Embeddings) else describe_encoder(model, opened)
    print_json(described) if as_json else print_description(described)


def _words(folder: Path, embeddings: Embeddings) -> dict[str, Any]:
    from w2v.vectors.inverses import measure_inverses, read_output_vectors

    counts, tokenizer = embeddings.vocabulary.counts, embeddings.tokenizer
    described = {
        "path": str(folder),
        "bytes": bytes_of(folder),
        "vocabulary_size": len(embeddings),
        "vector_size": embeddings.vector_size,
        "dtype": embeddings.dtype,
        "counted_words": None if counts is None else int(counts.sum()),
        "most_frequent": embeddings.index_to_key[:10],
        "tokenizer": embeddings.metadata.get("tokenizer") if tokenizer is None else tokenizer.to_config(),
        **recorded_as_options({name: value for name, value in embeddings.metadata.items() if name != "tokenizer"}),
    }
    parameters = embeddings.metadata.get("parameters")
    if isinstance(parameters, dict):
        described["parameters"] = named_as_options(used(parameters))
    if (outputs := read_output_vectors(folder, embeddings.vectors.shape)) is not None:
        described["output_vectors"] = measure_inverses(embeddings.vectors, outputs)._asdict()
    return described
