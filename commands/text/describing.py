"""What `w2v info` tells of translators and language models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.commands.sentences.describing import bytes_of
from w2v.neural.progress import FIGURES

if TYPE_CHECKING:
    from w2v.neural.tasks.folder import TextNetwork


def describe_units(network: TextNetwork) -> dict[str, str]:
    """Return what texts are made of: how many units of which kind."""
    return {
        "units" if name == "text" else f"{name}_units": f"{len(units.pieces):,} {units.kind}"
        for name, units in network.units.items()
    }


def describe_text_network(folder: Path) -> dict[str, Any]:
    """Return what `w2v info` tells of a translator or a language model."""
    from w2v.neural.tasks.text.language_model import LanguageModel
    from w2v.neural.tasks.text.translation import Translator
    from w2v.vectors.model_folder import read_kind

    kind = read_kind(folder)
    network = (Translator if kind == Translator.kind.name else LanguageModel).load(folder).network_
    decoder, metadata = network.config.decoder, network.metadata
    best: dict[str, Any] = next((entry for entry in reversed(metadata.get("history", [])) if entry.get("best")), {})
    training = metadata.get("training", {})
    return {
        "path": str(folder),
        "kind": kind.replace("-", " "),
        "bytes": bytes_of(folder),
        **describe_units(network),
        "network_parameters": network.parameters.n_parameters,
        "hidden_size": f"{decoder.layers} x {decoder.dim}",
        "best_step": best.get("step"),
        **{name: best[name] for name in ("held_out_loss", *FIGURES) if name in best},
        **metadata,
        "training": {**training, "inputs": list(network.inputs) + list(training.get("validation") or [])},
    }
