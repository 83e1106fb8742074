"""What `w2v fit-tagger` and `w2v fit-classifier` can start from: layers that text without labels has trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from w2v.commands.shared.options import file_option

if TYPE_CHECKING:
    from w2v.encoder import SentenceEncoder

start_option = file_option(
    "--start",
    metavar="DIR",
    help="An encoder whose layers to start from, such as fit-encoder --objective masked trains; it brings its word "
    "vectors. Options of the network that are left out are as there.",
)


def opened_start(folder: Path | None) -> SentenceEncoder | None:
    """Open the folder of --start, if there is one; `ModelError` if it holds no encoder."""
    if folder is None:
        return None
    from w2v.encoder import SentenceEncoder

    return SentenceEncoder.load(folder)
