"""What a notebook shows of a `Word2Vec`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.display.html import Html, escape, html_curve, html_facts
from w2v.display.wording import decimals, in_words, seconds_in_words
from w2v.settings.descriptions import GENSIM
from w2v.settings.parameters import Parameters

if TYPE_CHECKING:
    from w2v.training.word2vec import Word2Vec


def training_card(model: Word2Vec) -> Html:
    """Return what a notebook shows of a model: parameters that were changed, sizes, and the curve of the loss."""
    defaults = vars(Parameters())
    changed = [
        name for name, value in model.get_params().items() if value not in (defaults[name], GENSIM.get(name, value))
    ]
    facts: list[tuple[str, object]] = [
        ("algorithm", model.algorithm),
        *((name, in_words(getattr(model, name))) for name in changed if name not in ("algorithm", "random_state")),
    ]
    if not hasattr(model, "embeddings_"):
        return html_facts("Word2Vec, not fitted", facts)
    facts.append(("words", f"{len(model.vocabulary_):,}"))
    if model.history_:
        last = model.history_[-1]
        losses = [record["loss"] for record in model.history_ if "loss" in record]  # a tiny corpus may have none
        facts.append(("training", f"{len(model.history_):,} epochs, {seconds_in_words(last['seconds'])}"))
        shown = decimals(last.get("loss"))
        facts.append(("loss", Html(f"{html_curve(losses, 'loss by epoch')} {escape(shown)}")))
    return html_facts("Word2Vec" if model.is_complete_ else "Word2Vec, interrupted", facts)
