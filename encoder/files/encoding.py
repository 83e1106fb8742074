"""Encode text files to files of vectors: one after another here, or one per thread of a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from w2v.cluster.clients import open_client
from w2v.cluster.tasks import check_that_all_see, results_of
from w2v.corpora.inputs import CorpusError
from w2v.encoder.files.planning import RECORD, Inputs, Job, Plan, Recipe, check_no_address, plan_files
from w2v.encoder.files.working import encode_file, encode_on_worker
from w2v.encoder.model.inference import Inference
from w2v.encoder.places import EncoderFolder
from w2v.storage.claims import claimed

if TYPE_CHECKING:
    from distributed import Client

Tell = Callable[[int, int], None]
Results = Generator[tuple[Job, int | str], None, None]
Engine = Callable[[Plan, Callable[[int], None]], Results]
"""Encodes the files of a plan, and yields for each its number of lines, or why it cannot be read."""
_MOST_NAMED = 3
_AGAIN = "encode the same files once more, which continues"


@dataclass(frozen=True)
class EncodedFiles:
    """The outcome of encoding files.

    Attributes
    ----------
    folder : Path
    written : dict of str to int
        Names of the written files, with their numbers of vectors.
    kept : list of str
        Names of the files from an earlier run.
    failed : dict of str to str
        Names of the files that cannot be read, with the reasons.
    """

    folder: Path
    written: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class UnreadableFilesError(CorpusError):
    """Some of many files cannot be read; the others were encoded, and `encoded` lists all outcomes."""

    def __init__(self, encoded: EncodedFiles) -> None:
        reasons, n_others = list(encoded.failed.values()), len(encoded.written) + len(encoded.kept)
        others = f"; the others are in {encoded.folder}" if n_others else ""
        super().__init__(
            f"{len(reasons):,} of {n_others + len(reasons):,} files cannot be encoded{others}: {first_of(reasons)}"
        )
        self.encoded = encoded

    def __reduce__(self) -> tuple[type[UnreadableFilesError], tuple[EncodedFiles]]:
        return UnreadableFilesError, (self.encoded,)


def first_of(reasons: list[str]) -> str:
    """Return the first reasons why files cannot be read, and the number of the others."""
    more = f"; and {len(reasons) - _MOST_NAMED:,} more" if len(reasons) > _MOST_NAMED else ""
    return "; ".join(reasons[:_MOST_NAMED]) + more


def encode_all(
    files: Inputs,
    folder: str | os.PathLike[str],
    recipe: Recipe,
    engine: Engine,
    *,
    overwrite: bool = False,
    tell: Tell | None = None,
) -> EncodedFiles:
    """Encode files to a folder, one file of vectors each; results of an earlier run are kept.

    Parameters
    ----------
    files, folder, recipe, overwrite
        See `plan_files`.
    engine : Engine
        `here` or `on_cluster`.
    tell : callable, optional
        Called with the bytes read so far and the total.

    Raises
    ------
    UnreadableFilesError
        At the end, if files could not be read.
    CorpusError, ModelError
        As for `plan_files`, before anything is written.
    ModelError
        If another run is writing to the folder, or a file cannot be written.
    """
    check_no_address(folder)
    with claimed(folder):
        plan = plan_files(files, folder, recipe, overwrite=overwrite)
        encoded = EncodedFiles(plan.folder, kept=plan.kept)
        total, done = sum(job.n_bytes for job in plan.jobs), 0

        def started(n_bytes: int) -> None:
            if tell is not None:
                tell(done + n_bytes, total)

        plan.begin()
        try:
            with closing(engine(plan, started)) as results:
                for job, result in results:
                    done += job.n_bytes
                    started(0)
                    if isinstance(result, str):
                        encoded.failed[job.input] = result
                    else:
                        encoded.written[job.name] = result
        finally:
            plan.end()
    if encoded.failed:
        raise UnreadableFilesError(encoded)
    return encoded


def here(inference: Inference) -> Engine:
    """Return an engine that encodes files one after another, each with all threads."""

    def run(plan: Plan, tell: Callable[[int], None]) -> Results:
        for job in plan.jobs:
            yield job, encode_file(inference, job, plan.recipe, tell)

    return run


def on_cluster(client: Client | str, place: EncoderFolder, workers: int | None = None) -> Engine:
    """Return an engine that encodes files on the workers of a cluster, one file per thread, largest first.

    Parameters
    ----------
    client : Client or str
        See `w2v.cluster.clients.open_client`.
    place : EncoderFolder
        The path of the encoder, which must be valid on every worker.
    workers : int, optional
        Threads per file; by default 1, because a Dask worker takes as many files as it has threads.

    Returns
    -------
    Engine
        Raises ClusterError if the cluster cannot be reached, or a worker cannot see the files.
    """

    def run(plan: Plan, tell: Callable[[int], None]) -> Results:
        if not plan.jobs:
            return
        with open_client(client) as opened:
            check_that_all_see(opened, [place.path, str(plan.folder / RECORD), plan.jobs[0].input])
            work = partial(encode_on_worker, place, workers or 1, plan.recipe)
            yield from results_of(opened, work, plan.jobs, _AGAIN)

    return run
