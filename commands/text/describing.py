"""What `w2v info` prints about networks that read text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import w2v
from w2v.commands.sentences.describing import bytes_of
from w2v.commands.shared.option_names import named_as_options
from w2v.commands.shared.output import describe_units
from w2v.neural.names import FIGURES
from w2v.neural.tasks.applying import used_of_network

ESTIMATORS = {
    "translator": "Translator",
    "language-model": "LanguageModel",
    "tagger": "Tagger",
    "text-classifier": "TextClassifier",
}
"""The class in `w2v` that opens each kind of folder."""


def describe_text_network(folder: Path) -> dict[str, Any]:
    """Return the facts that `w2v info` prints about a model of one of `ESTIMATORS`."""
    from w2v.vectors.model_folder import read_kind

    kind = read_kind(folder)
    network = getattr(w2v, ESTIMATORS[kind]).load(folder).network_
    config, metadata = network.config, network.metadata
    stack = getattr(config, "decoder", None) or getattr(config, "encoder", None)
    best: dict[str, Any] = next((entry for entry in reversed(metadata.get("history", [])) if entry.get("best")), {})
    training = metadata.get("training", {})
    return {
        "path": str(folder),
        "kind": kind.replace("-", " "),
        "bytes": bytes_of(folder),
        **describe_units(network),
        "network_parameters": network.parameters.n_parameters,
        "hidden_size": f"{stack.layers} x {stack.dim}" if stack else f"0 x {config.dim}",
        "best_step": best.get("step"),
        **{name: best[name] for name in ("held_out_loss", *FIGURES) if name in best},
        **metadata,
        **{name: named_as_options(metadata[name], of_network=True) for name in ("given",) if name in metadata},
        "parameters": named_as_options(used_of_network(metadata.get("parameters", {})), of_network=True),
        "training": {**training, "inputs": list(network.inputs) + list(training.get("validation") or [])},
    }
