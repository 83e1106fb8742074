"""Models of the Hugging Face hub, downloaded only when their address, ``hub:owner/name``, is given.

Only files that cannot run code are downloaded: safetensors, JSON and text. They are stored in the hub's own cache, so
nothing is downloaded twice, and cached models open without a network. HF_ENDPOINT, HF_HOME and HF_TOKEN are respected.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from w2v.lazy import load_optional
from w2v.storage.files import ModelError

PREFIX = "hub:"
SAFE = (".safetensors", ".json", ".txt")
"""Suffixes of the files that are downloaded and pushed."""

_ADDRESS = re.compile(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
_MODELS = ("config.json", "modules.json", "tokenizer.json")
_ELSEWHERE = ["onnx/*", "openvino/*", "*/onnx/*", "*/openvino/*"]
"""Folders with the same model for other programs."""
_NETWORK = ("httpx", "httpx2", "httpcore", "requests", "urllib3")
_REFUSED = (401, 403)


def is_address(path: object) -> bool:
    """Return whether `path` is the address of a model on the hub."""
    return isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(PREFIX)


def split_address(address: str | os.PathLike[str]) -> tuple[str, str | None]:
    """Return the repository and the revision, if any, of an address; raise ModelError if it is not one."""
    found = _ADDRESS.fullmatch(os.fspath(address).removeprefix(PREFIX))
    if found is None:
        raise ModelError(
            f"{os.fspath(address)!r:.200} is not the address of a model on the hub: write hub:owner/name or "
            "hub:owner/name@revision"
        )
    return found[1], found[2]


def fetch_model(address: str | os.PathLike[str], revision: str | None = None, *, bars: bool = True) -> Path:
    """Download a model from the Hugging Face hub, unless it is already in the cache.

    Parameters
    ----------
    address : str or path-like
        ``hub:owner/name``, or ``hub:owner/name@revision``.
    revision : str, optional
        Branch, tag or commit.
    bars : bool, default True
        Whether huggingface_hub shows its own progress bars.

    Returns
    -------
    Path
        The folder in the hub's cache.

    Raises
    ------
    ModelError
        If there is no such model, access is denied, it contains nothing that can be opened, or the hub cannot be
        reached and the model is not in the cache.
    ImportError
        If the package huggingface_hub is missing; the message says how to install it.
    """
    repository, own = split_address(address)
    revision = revision or own
    hub = open_hub()
    with hub_errors(repository, revision), showing_bars(hub, bars):
        try:
            info = hub.HfApi(endpoint=endpoint()).model_info(repository, revision=revision)
        except Exception as error:
            if not _is_of_network(error):
                raise
            info = None  # open what is in the cache
        else:
            _check_names(repository, [one.rfilename for one in info.siblings or ()])
        found = hub.snapshot_download(
            repository, revision=revision, allow_patterns=[f"*{suffix}" for suffix in SAFE], ignore_patterns=_ELSEWHERE,
            endpoint=endpoint(), cache_dir=os.environ.get("HF_HUB_CACHE") or None, local_files_only=info is None,
        )  # fmt: skip
    return Path(found)


def open_hub() -> Any:
    """Return the package huggingface_hub."""
    missing = "models on the hub need the package huggingface_hub: pip install 'w2v-toolkit[hub]'"
    load_optional("huggingface_hub.utils", missing)
    return load_optional("huggingface_hub", missing)


@contextmanager
def showing_bars(hub: Any, bars: bool) -> Iterator[None]:
    """Disable the progress bars of huggingface_hub, or leave them as they are."""
    if bars or hub.utils.are_progress_bars_disabled():
        yield
        return
    hub.utils.disable_progress_bars()
    try:
        yield
    finally:
        hub.utils.enable_progress_bars()


def endpoint() -> str | None:
    """Return the hub's URL if it is not the default."""
    return os.environ.get("HF_ENDPOINT") or None


def _check_names(repository: str, names: list[str]) -> None:
    """Raise ModelError unless a repository may hold a model, before downloading anything."""
    if not any(name in _MODELS for name in names):
        raise ModelError(f"hub:{repository} holds no model that can be opened: it has no {' or '.join(_MODELS)}")
    if not any(name.endswith(".safetensors") for name in names):
        raise ModelError(
            f"hub:{repository} has no weights as safetensors; other kinds, such as pickles, are not downloaded "
            "because they can run code"
        )


@contextmanager
def hub_errors(repository: str, revision: str | None = None) -> Iterator[None]:
    """Turn errors of the hub into a ModelError of one sentence."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        said = _said(error, repository, revision)
        if said is None:
            raise
        raise ModelError(said) from error


def _said(error: Exception, repository: str, revision: str | None) -> str | None:
    """Return the message for an error; None if it is not one of the hub's."""
    from huggingface_hub import errors

    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):  # from an upload
        return _said(error.__cause__, repository, revision)
    status = getattr(getattr(error, "response", None), "status_code", None)
    log_in = "log in with `hf auth login`, or set HF_TOKEN"
    if isinstance(error, errors.GatedRepoError):
        return f"hub:{repository} is gated: accept its conditions on its page, and {log_in}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"hub:{repository} has no revision {revision!r}"
    if isinstance(error, errors.HFValidationError):
        return f"{repository!r} is not the name of a repository: write owner/name"
    if isinstance(error, errors.LocalEntryNotFoundError) or _is_of_network(error):
        return f"the hub cannot be reached, and hub:{repository} is not in the cache; try again, or name a folder"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"the hub has no {repository}, or it is private: check the name, or {log_in}"
    if status in _REFUSED or isinstance(error, errors.LocalTokenNotFoundError):
        return f"the hub does not let you write to {repository}: {log_in}, with a token that may write"
    if isinstance(error, errors.HfHubHTTPError):
        first = str(error).partition("\n")[0]
        return f"the hub answered with {status} for {repository}: {first}"
    return None


def _is_of_network(error: Exception) -> bool:
    """Return whether an error means that the hub could not be reached."""
    if hasattr(error, "response") and getattr(error, "response", None) is not None:
        return False
    return type(error).__module__.partition(".")[0] in _NETWORK or isinstance(error, ConnectionError)
