"""Encode one file to a file of vectors, in this process or on a cluster worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from w2v.cluster.tasks import missing_here
from w2v.corpora.inputs import CorpusError
from w2v.corpora.readers import Block, TextReader
from w2v.encoder.files.planning import Job, Recipe, part_file
from w2v.encoder.files.writing import WRITERS
from w2v.encoder.model.inference import Inference
from w2v.encoder.places import EncoderFolder, shared_inference
from w2v.storage.claims import check_share


def encode_file(
    inference: Inference, job: Job, recipe: Recipe, tell: Callable[[int], None] = lambda n_bytes: None
) -> int | str:
    """Write the vectors of a file's lines; the output gets its name only when it is complete.

    Parameters
    ----------
    inference : Inference
    job, recipe
    tell : callable, optional
        Called with the number of bytes read from disk so far.

    Returns
    -------
    int or str
        The number of lines, or why the file cannot be read.

    Raises
    ------
    ModelError
        If the output cannot be written.
    """
    output, source = Path(job.output), os.path.basename(job.input)
    if missing_here([job.input]):  # checked here, since the name may contain glob characters
        return f"{job.input} cannot be read: it was removed, or you have no permission"
    try:
        reader = TextReader(job.input, errors=recipe.errors)
        with part_file(output) as file, WRITERS[recipe.format](file, source, recipe) as writer:
            blocks = _told(reader, tell)
            for lines, vectors in inference.encode_blocks(blocks, recipe.output, recipe.batch_size):
                if not writer.n_rows:
                    check_share(output, vectors.nbytes, reader.consumed_bytes, reader.total_bytes)
                writer.add(lines, vectors)
        return writer.n_rows
    except CorpusError as error:
        return str(error)


def _told(reader: TextReader, tell: Callable[[int], None]) -> Iterator[Block]:
    for block in reader:
        yield block
        tell(reader.consumed_bytes)


def encode_on_worker(place: EncoderFolder, workers: int, recipe: Recipe, job: Job) -> int | str:
    """Do the work of `encode_file` with an encoder that this process opens once."""
    return encode_file(shared_inference(place.open(), workers), job, recipe)
