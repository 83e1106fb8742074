"""`--start` of `w2v fit-tagger` and `w2v fit-classifier`: layers pretrained on unlabelled text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from w2v.commands.shared.option_names import refuse_unused_options
from w2v.commands.shared.options import file_option
from w2v.neural.tasks.applying import why_unused_of_network

if TYPE_CHECKING:
    from w2v.encoder import SentenceEncoder

start_option = file_option(
    "--start",
    metavar="DIR",
    help="Start from the layers and word vectors of an encoder, such as one of fit-encoder --objective masked. Network "
    "options default to its values.",
)


def opened_start(folder: Path | None, options: Mapping[str, Any]) -> SentenceEncoder | None:
    """Open the folder of --start, if there is one.

    Raises `ModelError` if it is not an encoder, and ValueError if an option on the command line contradicts its layers,
    even with its default value.
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
    refuse_unused_options(why_unused_of_network({**options, **own}))
    return opened
