"""How a notebook shows an encoder."""

from __future__ import annotations

from typing import Any

from w2v.display.html import Html, escape, html_curve, html_facts
from w2v.display.wording import decimals
from w2v.encoder.model.state import EncoderState


def encoder_card(state: EncoderState, history: list[dict[str, Any]], columns: int, *, is_complete: bool) -> str:
    """Return an encoder's size and origin as HTML."""
    network = state.network
    facts: list[tuple[str, object]] = [
        ("architecture", "static" if network is None else f"{network.layers} layers, {network.mixer}"),
        ("words", f"{len(state.vocabulary):,}"),
        ("columns", f"{columns:,}"),
        _origin(state, history),
    ]
    return html_facts("Sentence encoder" if is_complete else "… interrupted", facts)


def _origin(state: EncoderState, history: list[dict[str, Any]]) -> tuple[str, object]:
    """Return the held-out loss, the source of an imported encoder, or the untrained start."""
    losses = [loss for record in history if (loss := record.get("held_out_loss")) is not None]
    if losses:
        curve = html_curve(losses, "loss on held-out sentences")
        return "held-out loss", Html(f"{curve} {escape(decimals(min(losses)))} at best")
    if isinstance(imported := state.metadata.get("imported_from"), dict):
        return "imported from", f"{imported.get('folder')}, {imported.get('format')}"
    return "training", "none: weights in closed form" if state.network is None else "none: an untrained network"
