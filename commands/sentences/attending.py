"""`w2v attention`: which words of a sentence attend to each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.options import (
    file_option,
    json_option,
    model_argument,
    number_option,
    overwrite_option,
)
from w2v.commands.shared.output import note_missing_glyphs, percent, print_heat_map, print_json, print_table
from w2v.commands.shared.saving import keep, saving

if TYPE_CHECKING:
    from w2v.encoder.model.inference import Encoded


@click.command(
    epilog="""\b
Examples:
  w2v attention my.encoder "The cat sat on the mat."
  w2v attention my.encoder "The cat sat on the mat." --layer 1 --head 3 --output cat.png""",
)
@model_argument
@click.argument("sentence")
@number_option("--layer", unset="the last", help="Number of the layer to show.")
@number_option("--head", unset="the mean of all heads", help="Number of the attention head to show.")
@file_option("-o", "--output", help="Draw a picture instead: FILE.png or FILE.svg.")
@overwrite_option
@json_option
def attention(
    model: Path,
    sentence: str,
    layer: int | None,
    head: int | None,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Show how much the words of SENTENCE attend to each other, and how much each contributes to the vector.

    Encoders without attention, and word vectors, have only the contributions.
    """
    from w2v.encoder.model.contributions import token_shares
    from w2v.encoder.model.inference import Inference, Output
    from w2v.encoder.opening import open_encoder

    if output is not None:
        from w2v.encoder.evaluation.plots import check_picture_path

        check_picture_path(output, overwrite)
    inference = Inference(open_encoder(model), 1)
    network = inference.state.attention
    if network is None and (layer or head):
        raise click.UsageError(f"{model} has no attention: leave out --layer and --head.")
    if network is not None and (layer or 1) > network.layers:
        raise click.UsageError(f"--layer is {layer}, but {model} has {network.layers} layers.")
    if network is not None and (head or 1) > network.heads:
        raise click.UsageError(f"--head is {head}, but {model} has {network.heads} heads.")
    encoded = inference.explain([sentence], Output(), with_attention=network is not None)
    [tokens] = encoded.tokens
    if not tokens:
        raise click.ClickException(f"no word of the sentence {sentence!r:.80} is known to {model}")
    shares = token_shares(encoded.token_vectors[0])
    weights = _chosen(encoded, layer, head)
    if output is not None:
        from w2v.encoder.evaluation.plots import plot_attention, save_figure

        with note_missing_glyphs():
            figure = plot_attention(tokens, shares, weights)
        with saving(output):
            click.echo(keep(lambda path: save_figure(figure, path, overwrite=overwrite and path == output), output))
    elif as_json:
        shown = {} if weights is None else {"attention": weights.tolist()}
        print_json({"tokens": tokens, "shares": shares.tolist(), **shown})
    elif weights is None:
        print_table(["word", ">share of the vector"], [(t, percent(s)) for t, s in zip(tokens, shares, strict=True)])
    else:
        print_heat_map(tokens, weights, shares)


def _chosen(encoded: Encoded, layer: int | None, head: int | None) -> Any:
    """Return the attention weights of a layer and head, or the mean of the heads, shape (T, T); None without any."""
    if encoded.attention is None:
        return None
    weights = encoded.attention[0][(layer or 0) - 1]
    return weights.mean(axis=0) if head is None else weights[head - 1]
