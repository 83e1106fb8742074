"""Pushing a model folder to the Hugging Face hub: files that cannot run code, and a page on how to open it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from w2v.formats.hub import PREFIX, SAFE, endpoint, hub_errors, open_hub, showing_bars, split_address
from w2v.storage.files import ModelError
from w2v.vectors.model_folder import FORMAT, LAYOUT, OPENED_WITH, encode_json, parse_json

README = "README.md"

_OF_FILES = frozenset({"inputs", "corpus", "pairs", "teacher", "teacher_cache", "texts", "validation"})
"""Entries of a configuration that hold file names."""


class Pushed(NamedTuple):
    """The result of a push.

    Attributes
    ----------
    repository : str
    url : str
        Its page.
    files : tuple of str
    left_out : tuple of str
        Files that were not pushed: examples from the training data.
    """

    repository: str
    url: str
    files: tuple[str, ...]
    left_out: tuple[str, ...]


def push_folder(
    folder: str | os.PathLike[str],
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
    bars: bool = True,
) -> Pushed:
    """Push a model folder to the Hugging Face hub; the repository is created if it does not exist.

    Parameters
    ----------
    folder : str or path-like
        A w2v model of any kind except an index, or an encoder exported for another program.
    repository : str
        ``owner/name``.
    private : bool, default False
        Whether a newly created repository is private.
    revision : str, optional
        The branch to push to.
    message : str, optional
        Commit message.
    bars : bool, default True
        Whether huggingface_hub shows its own progress bars.

    Returns
    -------
    Pushed

    Raises
    ------
    ModelError
        If the folder holds no model, an unfinished training, or files other than safetensors, JSON and text; if write
        access is denied, or the hub cannot be reached.
    ImportError
        If the package huggingface_hub is missing; the message says how to install it.

    Notes
    -----
    File paths that the model recorded during training are shortened to file names. The examples that classifiers and
    taggers keep from their training text are not pushed.
    """
    name, own = split_address(repository)
    hub = open_hub()
    contents, left_out = _read_folder(Path(folder))
    contents.setdefault(README, _readme(Path(folder), name).encode())
    with hub_errors(name, revision), showing_bars(hub, bars):
        api = hub.HfApi(endpoint=endpoint())
        url = api.create_repo(name, private=private, exist_ok=True)
        api.create_commit(
            name,
            [hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=data) for path, data in contents.items()],
            commit_message=message or "Push a model with w2v",
            revision=revision or own,
        )
    return Pushed(name, str(url), tuple(contents), left_out)


def _read_folder(folder: Path) -> tuple[dict[str, bytes | str], tuple[str, ...]]:
    """Return the files to push, small ones as bytes and large ones as paths, and the files to leave out."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; give the folder of a model")
    config = parse_json(folder / LAYOUT.config) if (folder / LAYOUT.config).is_file() else {}
    is_ours = config.get("format") == FORMAT
    if not (is_ours or (folder / "modules.json").is_file() or (folder / LAYOUT.pieces).is_file()):
        raise ModelError(f"{folder} holds no model: it has no {LAYOUT.config} of one")
    if (folder / LAYOUT.training).exists():
        raise ModelError(f"{folder} holds an unfinished training; finish it with --resume, then push it")
    found: dict[str, bytes | str] = {}
    left_out = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name.startswith("."):
            continue
        if is_ours and path.stem == Path(LAYOUT.examples).stem:
            left_out.append(name)
        elif path.suffix not in SAFE and name != README:
            raise ModelError(f"{folder} holds {name}; only safetensors, JSON and text files can be pushed")
        else:
            found[name] = str(path)
    if is_ours:
        found[LAYOUT.config] = encode_json(_without_folders(config))
    return found, tuple(left_out)


def _without_folders(value: Any, *, is_of_files: bool = False) -> Any:
    """Return a configuration with file paths shortened to file names."""
    if isinstance(value, str):
        return Path(value).name if is_of_files and os.path.isabs(value) else value
    if isinstance(value, Mapping):
        return {key: _without_folders(entry, is_of_files=key in _OF_FILES) for key, entry in value.items()}
    return [_without_folders(entry, is_of_files=is_of_files) for entry in value] if isinstance(value, list) else value


def _readme(folder: Path, repository: str) -> str:
    """Return a page for a model that has none."""
    config = parse_json(folder / LAYOUT.config) if (folder / LAYOUT.config).is_file() else {}
    title = repository.partition("/")[2]
    if config.get("format") != FORMAT:
        return f"# {title}\n\nOpens in sentence-transformers, and in w2v: `SentenceEncoder('{PREFIX}{repository}')`.\n"
    kind = str(config.get("kind"))
    return (
        f"---\nlibrary_name: w2v\ntags: [{kind}]\n---\n\n# {title}\n\nA model of the kind {kind}, made with w2v.\n\n"
        f"```\npip install 'w2v-toolkit[hub]'\nw2v import {PREFIX}{repository} --output {title}\n```\n\n"
        f"Then open it with {OPENED_WITH.get(kind, 'w2v info')}.\n"
    )
