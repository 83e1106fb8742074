"""Graphs built of the sentences of an index that are in none yet, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.graphs import cut_evenly
from w2v.encoder.retrieval.index.storage import Contents, graph_file, write_contents
from w2v.vectors.index import NeighborIndex
from w2v.vectors.table import VectorTable


def linked(
    folder: Path, contents: Contents, table: VectorTable, progress: Progress | None, **how: Any
) -> Iterator[Contents]:
    """Build the graphs that are missing in a folder, and yield after each what the index holds by then.

    `how` has the options of `NeighborIndex.build`.
    """
    for start, stop in chain.from_iterable(cut_evenly(*ends) for ends in contents.outside_graphs()):
        told = None if progress is None else partial(_tell, progress, start, contents.sentences)
        graph = NeighborIndex.build(table.take(slice(start, stop)), dtype="int8", progress=told, **how)
        graph.write(graph_file(folder, start, stop))
        contents = contents.with_graph(start, stop)
        write_contents(folder, contents)
        yield contents


def _tell(progress: Progress, start: int, total: int, done: int) -> None:
    progress("linking", start + done, total)
