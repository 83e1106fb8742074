"""Encode text files to files of vectors: one after another here, or one per thread of a cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.cluster.clients import ClusterError, open_client
from w2v.corpora.inputs import CorpusError
from w2v.encoder.files.planning import RECORD, Inputs, Job, Plan, Recipe, check_no_address, plan_files
from w2v.encoder.files.working import encode_file, encode_on_worker, missing_here
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
_POLL_SECONDS, _LOOK_SECONDS, _WAIT_SECONDS = 0.05, 5.0, 60.0
"""Between looks for complete files; between looks for workers; and for workers if there are none."""
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
        named = "; ".join(reasons[:_MOST_NAMED])
        more = f"; and {len(reasons) - _MOST_NAMED:,} more" if len(reasons) > _MOST_NAMED else ""
        super().__init__(
            f"{len(reasons):,} of {n_others + len(reasons):,} files cannot be encoded{others}: {named}{more}"
        )
        self.encoded = encoded

    def __reduce__(self) -> tuple[type[UnreadableFilesError], tuple[EncodedFiles]]:
        return UnreadableFilesError, (self.encoded,)


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
            _check_that_all_see(opened, [place.path, str(plan.folder / RECORD), plan.jobs[0].input])
            largest_first = sorted(plan.jobs, key=lambda job: -job.n_bytes)
            work = partial(encode_on_worker, place, workers or 1, plan.recipe)
            waiting = dict(zip(opened.map(work, largest_first, pure=False), largest_first, strict=True))
            try:
                for future, result in _as_completed(opened, list(waiting)):
                    job = waiting.pop(future)
                    yield job, _checked(result, job)
            finally:
                opened.cancel(list(waiting))

    return run


def _check_that_all_see(client: Client, paths: list[str]) -> None:
    """Raise ClusterError unless every worker can read the paths."""
    for worker, missing in client.run(missing_here, paths).items():
        if missing:
            raise ClusterError(
                f"the worker {worker} cannot read {missing[0]}: encoder, files and output have to be on every machine "
                "under the same names, as on a network file system"
            )


def _as_completed(client: Client, futures: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield tasks with their results or exceptions, as they come.

    Raises ClusterError if the scheduler is gone, or there are no workers for `_WAIT_SECONDS`.
    """
    from distributed import as_completed

    coming, looked = as_completed(futures, with_results=True, raise_errors=False), time.perf_counter()
    with_workers = looked
    while not coming.is_empty():
        if coming.has_ready():
            future, result = next(coming)
            yield future, future.exception() if future.status == "error" else result
            continue
        time.sleep(_POLL_SECONDS)
        now = time.perf_counter()
        if now - looked < _LOOK_SECONDS:
            continue
        looked = now
        try:
            with_workers = now if client.nthreads() else with_workers
        except OSError as error:
            raise ClusterError(f"the scheduler of the cluster was lost: {_AGAIN}") from error
        if now - with_workers > _WAIT_SECONDS:
            raise ClusterError(f"the cluster has no workers any more: start some, and {_AGAIN}")


def _checked(result: Any, job: Job) -> int | str:
    """Return the result of a task, or a message if the workers that ran it died; raise another exception."""
    from distributed import CancelledError, KilledWorker

    if isinstance(result, CancelledError):
        raise ClusterError(f"the cluster was lost: {_AGAIN}") from result
    if isinstance(result, KilledWorker):
        return f"{job.input}: the workers that ran it died, possibly because they ran out of memory"
    if isinstance(result, BaseException):
        raise result
    found: int | str = result
    return found
