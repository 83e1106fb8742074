"""What `w2v fit-tagger` and `w2v fit-classifier` can start from: layers that text without labels has trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from w2v.commands.shared.options import file_option

if TYPE_CHECKING:
    from w2v.encoder import SentenceEncoder

start_option = file_option(
    "--start",
    metavar="DIR",
    help="An encoder whose layers to start from, such as fit-encoder --objective masked trains; it brings its word "
    "vectors. Options of the network that are left out are as there.",
)


def opened_start(folder: Path | None, options: Mapping[str, Any]) -> SentenceEncoder | None:
    """Open the folder of --start, if there is one.

    `ModelError` if it holds no encoder, ValueError if one of the options that were given contradicts its layers, be it
    the default: who writes an option wants it.
    """
    if folder is None:
        return None
    from w2v.encoder import SentenceEncoder
    from w2v.neural.tasks.starting import check_same, described

    opened, context = SentenceEncoder.load(folder), click.get_current_context()
    own = described(opened.pretrained_layers().stack)
    left_out = (ParameterSource.DEFAULT, None)
    given = {name: options[name] for name in own if context.get_parameter_source(name) not in left_out}
    check_same(given, own, {})
    return opened
