"""Build an index on the workers of a cluster: a shard for each file, in a folder beside the index, then all merged.

A shard is an index whose encoder is a link to the one copy in the folder, so that it takes only the space of its
sentences. It is complete once it exists. A record in the folder has the settings and the files, so that a run continues
where another was killed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.cluster.clients import open_client
from w2v.cluster.tasks import check_that_all_see, missing_here, results_of
from w2v.corpora.files.remote import is_remote
from w2v.corpora.inputs import CorpusError, display_name, size_on_disk
from w2v.corpora.readers import TextReader
from w2v.encoder.by_path import EncoderByPath
from w2v.encoder.files.encoding import first_of
from w2v.encoder.files.planning import Inputs
from w2v.encoder.model.inference import Output
from w2v.encoder.model.persistence import save_encoder
from w2v.encoder.places import EncoderFolder, shared_inference
from w2v.encoder.retrieval.index.appending import appending
from w2v.encoder.retrieval.index.building import Progress, check_output, encode_texts
from w2v.encoder.retrieval.index.changes.rewriting import merge_indexes
from w2v.encoder.retrieval.index.graphs import has_usearch
from w2v.encoder.retrieval.index.pictures import digest_of
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.encoder.retrieval.index.storage import ENCODER, Contents
from w2v.encoder.sentence_encoder import SentenceEncoder
from w2v.storage.claims import check_unclaimed, claimed
from w2v.storage.files import ModelError, atomic_file, atomic_folder, remove, remove_leftovers
from w2v.vectors.index import import_usearch
from w2v.vectors.model_folder import FORMAT, encode_json, parse_json
from w2v.vectors.table import DTYPES, DType

if TYPE_CHECKING:
    from distributed import Client

RECORD = "shards.json"
"""The record of the settings and the files that a folder of shards is made from."""
KIND, FORMAT_VERSION = "index-shards", 1
_AGAIN = "index the same files once more, which continues"
_FILES = "files"


@dataclass(frozen=True)
class Shard:
    """A file to index.

    Attributes
    ----------
    input : str
        Its absolute path, or a URL.
    name : str
        Its name in the index, as it was given.
    n_bytes : int
    output : str
        The absolute path of the shard.
    """

    input: str
    name: str
    n_bytes: int
    output: str


@dataclass(frozen=True)
class Settings:
    """How files are indexed; shards of other settings are not merged.

    Attributes
    ----------
    place : EncoderFolder
    contents : Contents
        Those of an empty shard.
    errors : {"strict", "replace"}
    """

    place: EncoderFolder
    contents: Contents
    errors: str

    def described(self) -> dict[str, Any]:
        """Return the settings that the record contains."""
        own = {name: getattr(self.contents, name) for name in ("dimension", "dtype", "splits")}
        about = {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": KIND}
        return {**about, "encoder": self.place.digest, **own, "errors": self.errors}


def index_on_cluster(
    encoder: SentenceEncoder | EncoderByPath | str | os.PathLike[str],
    files: Inputs,
    path: str | os.PathLike[str],
    client: Client | str,
    *,
    dtype: DType = "float16",
    truncate_dim: int | None = None,
    splits: bool = False,
    errors: str = "strict",
    approximate: bool | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SentenceIndex:
    """Write a new index of text files on the workers of a cluster, the largest files first.

    The index is the one that `SentenceIndex.build` writes. Each file becomes a shard in the folder ``PATH.shards``; in
    the end, this process merges them and removes that folder. After an interruption, the same call builds only the
    shards that are missing, and those of files whose size has changed.

    Parameters
    ----------
    encoder : SentenceEncoder, EncoderByPath, str or path-like
        Opened from a folder that has the same path on every worker, or this folder.
    files : str, path-like, or iterable of these
        Files with one sentence per line, which every worker sees; also globs and URLs.
    path : str or path-like
        The folder to write, where every worker can write.
    client : distributed.Client or str
        A client, or an address; see `w2v.cluster.clients.open_client`.
    dtype, truncate_dim, splits, approximate, overwrite
        See `SentenceIndex.build`.
    errors : {"strict", "replace"}, default "strict"
        How to handle bytes that are not UTF-8; see `TextReader`.
    workers : int, optional
        Threads per file, by default 1, because a Dask worker takes as many files as it has threads.
    progress : callable, optional
        See `Progress`; "encoding", "copying", "linking".

    Returns
    -------
    SentenceIndex

    Raises
    ------
    CorpusError
        At the end, if files cannot be read; the shards of the others stay for the next call. Before, if a file is
        missing or can be read only once.
    ModelError
        If the folder exists or cannot be written, or the folder of shards has those of another encoder or of other
        settings.
    ClusterError
        If the cluster cannot be reached, or a worker cannot see the files.
    ValueError
        If no sentence has a known word, an option is out of range, or the encoder was not loaded from a folder.
    ImportError
        If `approximate` is True and usearch is not installed.
    """
    if approximate:
        import_usearch()
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r:.80}")
    if isinstance(encoder, (str, os.PathLike)):
        encoder = SentenceEncoder.load(encoder)
    place = encoder.folder
    columns = Output(truncate_dim=truncate_dim or encoder.truncate_dim).columns(place.open().dimension)
    check_unclaimed(path)
    check_output(Path(path), overwrite)
    folder = shards_folder(path)
    shards = _shards(TextReader(files, errors=errors).paths, folder)
    settings = Settings(place, Contents(columns, dtype, splits), errors)
    with open_client(client) as opened, claimed(folder):
        settings = _begin(folder, settings, shards)
        try:
            complete = _build_missing(opened, settings, workers or 1, folder, shards, progress)
        except BaseException:
            if not any(os.path.lexists(shard.output) for shard in shards):
                remove(folder)
            raise
        saved = merge_indexes(complete, path, overwrite=overwrite, progress=progress)
        remove(folder)
    index = SentenceIndex(saved, workers=workers)
    if approximate or (approximate is None and index.wants_graphs and has_usearch()):
        index.build_graphs(progress=progress)
    return index


def shards_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder of the shards of a future index."""
    whole = Path(os.path.abspath(path))
    return whole.with_name(f"{whole.name}.shards")


def build_shard(settings: Settings, workers: int, shard: Shard) -> str:
    """Write the shard of a file, unless it exists or would be empty; return why the file cannot be read, or nothing."""
    path = Path(shard.output)
    if os.path.lexists(path):  # a worker that died had finished it
        return ""
    if missing_here([shard.input]):  # checked here, since the name may contain glob characters
        return f"{shard.input} cannot be read: it was removed, or you have no permission"
    remove_leftovers(path)
    try:
        texts = _NamedReader(shard.input, errors=settings.errors)
        texts.name = shard.name
        inference = shared_inference(settings.place.open(), workers)
        with claimed(path), atomic_folder(path) as folder:
            os.symlink(os.path.join(os.pardir, ENCODER), folder / ENCODER)
            with appending(folder, settings.contents, is_new=True) as appender:
                for batch in encode_texts(path, settings.contents, inference, texts, None):
                    appender.append(batch)
                if not appender.contents.sentences:
                    raise _NoSentenceError
    except _NoSentenceError:
        return ""
    except CorpusError as error:
        return str(error)
    return ""


class _NoSentenceError(Exception):
    """A file has no sentence with a known word; the shard begun for it is removed."""


class _NamedReader(TextReader):
    """Reads a file by its absolute path, and gives it the name that the index shall have."""

    name = ""

    def numbered_lines(self) -> Iterator[tuple[str, int, str]]:
        """Read the file line by line, with its name and line numbers."""
        for _, number, line in super().numbered_lines():
            yield self.name, number, line


def _shards(names: list[str], folder: Path) -> list[Shard]:
    """Return the files in order; CorpusError if one can be read only once."""
    found = []
    for number, name in enumerate(names):
        n_bytes = size_on_disk(name)
        if n_bytes is None:
            raise CorpusError(
                f"{display_name(name)} can be read only once, and not by the workers of a cluster; write it to a file, "
                "or index it without a cluster"
            )
        path = name if is_remote(name) else os.path.abspath(name)
        found.append(Shard(path, name, n_bytes, str(folder / f"{number:05}")))
    return found


def _begin(folder: Path, settings: Settings, shards: list[Shard]) -> Settings:
    """Remove stale shards, write the record and the encoder; return the settings with the digest of the encoder."""
    described = settings.described()
    files = [[shard.input, shard.name, shard.n_bytes] for shard in shards]
    for number, entry in enumerate(_recorded_files(folder, described)):
        if number >= len(files) or entry != files[number]:
            remove(folder / f"{number:05}")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder} cannot be written: {error.strerror or error}") from error
    with atomic_file(folder / RECORD) as file:
        file.write(encode_json({**described, _FILES: files}))
    if not os.path.lexists(folder / ENCODER):
        save_encoder(settings.place.open(), folder / ENCODER)
    return replace(settings, contents=replace(settings.contents, encoder_digest=digest_of(folder / ENCODER)))


def _recorded_files(folder: Path, described: dict[str, Any]) -> list[Any]:
    """Return the files of an unfinished index; ModelError if the folder is of other settings, or of something else."""
    if not os.path.lexists(folder) or (folder.is_dir() and not os.listdir(folder)):
        return []
    record = parse_json(folder / RECORD) if os.path.lexists(folder / RECORD) else {}
    files = record.pop(_FILES, None)
    if record.get("kind") != KIND or not isinstance(files, list):
        raise ModelError(
            f"{folder}, which the shards of the index need, has something else: move it, or name another output"
        )
    differences = [
        "another encoder" if name == "encoder" else f"{name} {record.get(name)}, not {wanted}"
        for name, wanted in described.items()
        if record.get(name) != wanted
    ]
    if differences:
        raise ModelError(
            f"{folder} has shards of an unfinished index with {'; '.join(differences)}: remove that folder, or use its "
            "settings again"
        )
    return files


def _build_missing(
    client: Client, settings: Settings, workers: int, folder: Path, shards: list[Shard], progress: Progress | None
) -> list[str]:
    """Build the shards that do not exist; return the paths of all shards, without those of files without sentences."""
    missing = [shard for shard in shards if not os.path.lexists(shard.output)]
    done, total, reasons = 0, sum(shard.n_bytes for shard in missing), list[str]()
    if missing:
        check_that_all_see(client, [settings.place.path, str(folder / RECORD), missing[0].input])
    with closing(results_of(client, partial(build_shard, settings, workers), missing, _AGAIN)) as results:
        for shard, reason in results:
            reasons += [reason] if reason else []
            done += shard.n_bytes
            if progress is not None:
                progress("encoding", done, total)
    complete = [shard.output for shard in shards if os.path.lexists(shard.output)]
    if reasons:
        others = f"; the shards of the others are in {folder}, and the same call continues" if complete else ""
        raise CorpusError(f"{len(reasons):,} of {len(shards):,} files cannot be indexed{others}: {first_of(reasons)}")
    if not complete:
        raise ValueError("no line has a word that the encoder knows, so there is nothing to index")
    return complete
