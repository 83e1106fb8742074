"""`w2v encode` into a folder: one file of vectors per input file, here or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.cluster.clients import describe, open_client
from w2v.commands.shared.output import note, progress_mode, say
from w2v.commands.shared.toolkit import mark_saved
from w2v.commands.shared.types import FILE_SUFFIXES

if TYPE_CHECKING:
    from w2v.encoder.files.encoding import EncodedFiles


def is_folder(output: str, *, jsonl: bool, is_wanted: bool) -> bool:
    """Return whether an output is a folder: it exists as one, ends in a separator, has no suffix, or has to be one.

    Raises
    ------
    click.UsageError
        If a folder is wanted, but the output is the name of a file.
    """
    is_marked = os.path.isdir(output) or output.endswith(os.sep)
    if is_wanted and (jsonl or (Path(output).suffix.lower() in FILE_SUFFIXES and not is_marked)):
        what = "--jsonl writes" if jsonl else f"{output} is the name of"
        raise click.UsageError(
            f"{what} one file, but --format parquet and --cluster write a file of vectors for each FILE into a folder: "
            f"give --output {'FOLDER' if jsonl else Path(output).stem}."
        )
    if jsonl or os.path.isfile(output):
        return False
    return is_wanted or is_marked or not Path(output).suffix


def encode_to_folder(
    model: Path, inputs: Iterable[str], folder: Path, cluster: str | None, workers: int | None, how: Mapping[str, Any]
) -> None:
    """Encode files into a folder and report the result; `how` has the other options of `encode_files`."""
    from w2v.encoder.files.encoding import UnreadableFilesError
    from w2v.encoder.sentence_encoder import SentenceEncoder

    encoder = SentenceEncoder.load(model).set_params(workers=workers)
    try:
        with nullcontext() if cluster is None else open_client(cluster) as client:
            if client is not None:
                note(describe(client))
            encoded = encoder.encode_files(inputs, folder, client=client, progress=progress_mode(), **how)
    except KeyboardInterrupt:
        if os.path.isdir(folder):
            say(f"Complete files stay in {folder}; run the same command again to resume.")
            mark_saved()
        raise
    except UnreadableFilesError as error:
        _say_what_was_done(error.encoded)
        raise
    _say_what_was_done(encoded)


def _say_what_was_done(encoded: EncodedFiles) -> None:
    if encoded.kept:
        say(f"Kept {_files(len(encoded.kept))} of an earlier run.")
    if encoded.written:
        n_vectors = sum(encoded.written.values())
        say(f"Wrote {_files(len(encoded.written))}, {n_vectors:,} vectors, to {encoded.folder}.")
    empty = [name for name, n_rows in encoded.written.items() if not n_rows]
    if empty:
        say(f"Empty files: {', '.join(empty[:10])}{', …' if len(empty) > 10 else ''}.")


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"
