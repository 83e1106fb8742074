"""A page on an index that a program or a notebook opens."""

from __future__ import annotations

import os
from typing import Any

from w2v.explorer.documents.explored import ExploredIndex
from w2v.explorer.server import HOST, Exploring, require_server
from w2v.settings.environment import cache_folder


def explore_index(
    path: str | os.PathLike[str],
    *,
    metadata: Any = None,
    color: str | None = None,
    host: str = HOST,
    port: int | None = None,
    opens_browser: bool = True,
) -> Exploring:
    """Serve the page of an index while the program goes on; see `SentenceIndex.explore`."""
    require_server()
    model = ExploredIndex(path, cache=cache_folder() / "maps", metadata=metadata, color=color)
    return Exploring(model, host=host, port=port, opens_browser=opens_browser)
