"""What `w2v info` prints about image classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from w2v.commands.sentences.describing import bytes_of
from w2v.commands.shared.option_names import named_as_options
from w2v.neural.names import FIGURES
from w2v.neural.tasks.applying import used_of_network


def describe_images(folder: Path) -> dict[str, Any]:
    """Return the facts that `w2v info` prints about an image classifier."""
    from w2v.neural.tasks.images.classifier import ImageClassifier

    network = ImageClassifier.load(folder).network_
    config, metadata = network.config, network.metadata
    best: dict[str, Any] = next((entry for entry in reversed(metadata.get("history", [])) if entry.get("best")), {})
    training = metadata.get("training", {})
    return {
        "path": str(folder),
        "kind": network.kind.name.replace("-", " "),
        "bytes": bytes_of(folder),
        "classes": config.n_classes,
        "picture": f"{config.height} x {config.width} x {config.channels}",
        "patches": f"{config.grid.rows} x {config.grid.columns}, {config.patch} pixels wide",
        "network_parameters": network.parameters.n_parameters,
        "hidden_size": f"{config.encoder.layers} x {config.encoder.dim}",
        "best_step": best.get("step"),
        **{name: best[name] for name in ("held_out_loss", *FIGURES) if name in best},
        **metadata,
        "parameters": named_as_options(used_of_network(metadata.get("parameters", {})), of_network=True),
        "training": {**training, "inputs": list(network.inputs) + list(training.get("validation") or [])},
    }
