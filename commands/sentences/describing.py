"""What `w2v info` prints about sentence encoders, sentence indexes and topics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.commands.shared.option_names import named_as_options, topics_as_options
from w2v.encoder.applying import used_of_encoder

if TYPE_CHECKING:
    from w2v.encoder.model.state import EncoderState


def bytes_of(folder: Path) -> int:
    """Return the size of the files of a folder in bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def describe_encoder(folder: Path, state: EncoderState) -> dict[str, Any]:
    """Return the facts that `w2v info` prints about a sentence encoder."""
    network, parameters = {}, state.metadata.get("parameters")
    if state.network is not None:
        of_network = used_of_encoder(state.network.to_dict(), state.architecture)
        network = {"network": named_as_options(of_network, of_network=True)}
    pooling = {} if state.pooling.is_plain else {"pooling": state.pooling.to_config()}
    blocks = {"blocks": state.blocks.describe()} if state.blocks else {}
    identity = {} if state.identity is None else {"identity": vars(state.identity)}
    counts = state.vocabulary.counts
    return {
        "path": str(folder),
        "kind": "sentence encoder",
        "bytes": bytes_of(folder),
        "architecture": state.architecture,
        "dimension": state.dimension,
        "vocabulary_size": len(state.vocabulary),
        "counted_words": None if counts is None else int(counts.sum()),
        "tokenizer": state.tokenizer.to_config(),
        **identity,
        **network,
        **pooling,
        **blocks,
        **state.metadata,
        **({"parameters": _described_parameters(parameters, state)} if isinstance(parameters, dict) else {}),
        **_described_training(state.metadata.get("training")),
    }


def _described_parameters(parameters: dict[str, Any], state: EncoderState) -> dict[str, Any]:
    """Return the parameters that an encoder uses, under the names of their options."""
    return named_as_options(used_of_encoder(parameters, state.architecture), of_network=True)


def _described_training(training: Any) -> dict[str, Any]:
    """Return the record of a training, with the names of its inputs."""
    if not isinstance(training, dict):
        return {}
    inputs = [training.get(name) for name in ("corpus", "pairs", "teacher")]
    return {"training": {**training, "inputs": [name for names in inputs if names for name in _listed(names)]}}


def _listed(names: Any) -> list[Any]:
    return names if isinstance(names, list) else [names]


def describe_index(folder: Path) -> dict[str, Any]:
    """Return the facts that `w2v info` prints about a sentence index."""
    from w2v.encoder.model.state import EncoderState
    from w2v.encoder.retrieval.index.pictures import load_maker
    from w2v.encoder.retrieval.index.storage import ENCODER, read_contents

    contents, maker = read_contents(folder), load_maker(folder / ENCODER)
    if isinstance(maker, EncoderState):
        described = describe_encoder(folder / ENCODER, maker)
        encoder = {name: described[name] for name in ("architecture", "dimension", "vocabulary_size")}
    else:
        encoder = {"architecture": maker.architecture, "dimension": maker.dimension, "classes": len(maker.classes_)}
    return {
        "path": str(folder),
        "kind": "index of sentences",
        "bytes": bytes_of(folder),
        "sentences": contents.live,
        "removed_until_compacted": contents.removed,
        "metadata": dict(contents.columns),
        "dimension": contents.dimension,
        "dtype": contents.dtype,
        "lines_are_split": contents.splits,
        "lines_read": sum(source.lines for source in contents.sources),
        "files": list(dict.fromkeys(source.name for source in contents.sources if source.name)),
        "sentences_in_graphs": contents.in_graphs,
        "encoder": encoder,
    }


def describe_topics(folder: Path) -> dict[str, Any]:
    """Return the facts that `w2v info` prints about topics."""
    from w2v.encoder.retrieval.topics.topics import Topics

    topics = Topics.open(folder)
    return {
        "path": str(folder),
        "kind": "topics",
        "bytes": bytes_of(folder),
        "topics": len(topics),
        "sentences": len(topics.labels_),
        "outliers": topics.n_outliers_,
        "words": len(topics.terms_.names),
        "dimension": topics.centers_.shape[1],
        "parameters": topics_as_options(
            {name: value for name, value in topics.get_params().items() if name != "encoder"}
        ),
    }
