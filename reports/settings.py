"""Settings of a model, statistics of its vectors, and its limits."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.display.wording import in_words, tokenizer_in_words
from w2v.reports.blocks import Block, Bullets, Paragraph, Section, Table
from w2v.settings.applying import used
from w2v.settings.parameters import Parameters
from w2v.vectors.embeddings import Embeddings

if TYPE_CHECKING:
    from w2v.encoder.model.state import EncoderState

_SAMPLE = 20_000
_ALWAYS_SHOWN = (
    "algorithm", "vector_size", "window", "negative", "min_count", "sample", "alpha", "epochs", "architecture", "a",
)  # fmt: skip
_BIAS = "Similarities reflect the training text, with its gaps and biases; check them before you rely on them."


def settings_section(metadata: Mapping[str, Any], embeddings: Embeddings) -> Section:
    """Return the settings of a model and statistics of its vectors.

    `metadata` is that of a model folder. Only the names of files are shown, because their folders are private.
    """
    blocks: list[Block] = []
    parameters, training = used(as_mapping(metadata.get("parameters"))), as_mapping(metadata.get("training"))
    schedule = as_mapping(metadata.get("schedule"))  # values chosen by default
    found = {
        name: schedule.get(name) if value is None else value
        for name, value in {**parameters, **as_mapping(training.get("options"))}.items()
    }
    blocks += parameter_blocks(found, parameters, vars(Parameters()), _ALWAYS_SHOWN)
    tokenizer = embeddings.tokenizer.to_config() if embeddings.tokenizer is not None else metadata.get("tokenizer")
    facts = [("tokenizer", tokenizer_in_words(tokenizer)), *_statistics(embeddings)]
    corpus = as_mapping(metadata.get("corpus"))
    facts += [(f"text: {name.replace('_', ' ')}", in_words(value)) for name, value in corpus.items()]
    blocks.append(Table(("of the model", ""), tuple(facts)))
    return Section("Settings", tuple(blocks))


def parameter_blocks(
    found: Mapping[str, Any], given: Mapping[str, Any], defaults: Mapping[str, Any], always: Sequence[str]
) -> list[Block]:
    """Return the parameters of a model: those in `always` and those that were changed, then the rest."""
    if not found:
        return [Paragraph("How it was trained is not recorded.")]
    changed = [name for name in found if name in defaults and given.get(name) != defaults[name]]
    shown = [name for name in dict.fromkeys([*always, *changed]) if name in found]
    rows = tuple((name, _setting(name, found[name]), "changed" if name in changed else "") for name in shown)
    rest = tuple((name, _setting(name, value)) for name, value in sorted(found.items()) if name not in shown)
    others = [Table(("parameter", "value"), rest, "All other parameters", is_detail=True)] if rest else []
    return [Table(("parameter", "value", ""), rows), *others]


def _statistics(embeddings: Embeddings) -> list[tuple[str, str]]:
    """Return statistics of the vectors, from a sample."""
    n = len(embeddings)
    rows = np.unique(np.linspace(0, n - 1, min(n, _SAMPLE)).astype(np.intp))
    vectors = embeddings.rows(rows).astype(np.float64)
    is_finite = np.isfinite(vectors).all(axis=1)
    lengths = np.linalg.norm(vectors[is_finite], axis=1)
    units = vectors[is_finite][lengths > 0] / lengths[lengths > 0][:, None]
    if len(units) < 2:
        return [("vectors that are zero or not finite", f"{len(rows) - len(units):,} of {len(rows):,}")]
    low, middle, high = np.percentile(lengths, [5, 50, 95])
    # the mean over all pairs of different words, hence without the n squares
    total = units.sum(axis=0)
    alike = (total @ total - len(units)) / (len(units) * (len(units) - 1))
    variances = np.linalg.eigvalsh(np.cov(units.T).reshape(units.shape[1], -1)).clip(0)
    spread = variances.sum() ** 2 / max(float((variances**2).sum()), np.finfo(float).tiny)
    facts = [
        ("lengths of the vectors", f"{middle:.3g}; 5 % below {low:.3g}, 5 % above {high:.3g}"),
        ("mean cosine of two words", f"{alike:.3f}"),
        ("effective number of dimensions", f"{spread:.0f} of {units.shape[1]}"),
    ]
    if len(units) < len(rows):
        facts.append(("vectors that are zero or not finite", f"{len(rows) - len(units):,} of {len(rows):,}"))
    return facts


def limits_of_words(embeddings: Embeddings) -> Section:
    """Return the limits of word vectors."""
    limits = ["A word has one vector, which mixes all of its meanings."]
    min_count = as_mapping(embeddings.metadata.get("parameters")).get("min_count")
    if embeddings.subwords is not None:
        limits.append("Vectors of unseen words come from character n-grams: they reflect spelling more than meaning.")
    elif isinstance(min_count, int) and min_count > 1:
        limits.append(f"A word that occurs fewer than {min_count} times in the text has no vector.")
    else:
        limits.append("A word that is not in the vocabulary has no vector.")
    limits += ["Words with opposite meanings are used in similar ways, so they are near each other.", _BIAS]
    return Section("Limits", (Bullets(tuple(limits)),))


def limits_of_encoder(state: EncoderState) -> Section:
    """Return the limits of a sentence encoder."""
    limits = []
    if state.network is None:
        limits += [
            "Word order makes no difference: the encoder sums word vectors.",
            "A negation hardly changes a vector.",
        ]
    tokenizer = state.tokenizer.to_config()
    if tokenizer["name"] == "pieces":
        if tokenizer.get("max_tokens") is not None:
            limits.append(f"Only the first {tokenizer['max_tokens']:,} tokens of a text are used.")
    elif not state.has_unknown:
        limits.append("Unknown words are ignored; a sentence without a known word has a zero vector.")
    return Section("Limits", (Bullets((*limits, _BIAS)),))


def as_mapping(value: object) -> dict[str, Any]:
    """Return an object from JSON; empty if it is not an object."""
    return {str(name): entry for name, entry in value.items()} if isinstance(value, Mapping) else {}


def _setting(name: str, value: object) -> str:
    """Format a setting; of a file, only the name is shown."""
    if isinstance(value, (str, os.PathLike)) and name.startswith("eval_"):
        return Path(value).name
    return str(value) if name in ("random_state", "seed") and value is not None else in_words(value)
