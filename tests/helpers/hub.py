"""A small stand-in for huggingface.co: the endpoints that huggingface_hub calls to fetch and push models."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from tests.helpers.servers import QuietHandler, serving

COMMIT = "1" * 40
TOKEN = "hf_token_of_the_tests"


@dataclass
class Repository:
    """The files of a repository, and who may read it."""

    files: dict[str, bytes] = field(default_factory=dict)
    is_private: bool = False
    is_gated: bool = False


@dataclass
class Hub:
    """Repositories by name, the requests received, and large files by digest."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)

    def add_folder(self, name: str, folder: Path) -> Repository:
        """Add the files of a folder as a repository."""
        paths = [path for path in folder.rglob("*") if path.is_file()]
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        self.repositories[name] = Repository(files)
        return self.repositories[name]


class _Handler(QuietHandler):
    """Dispatches by the table of routes at its end."""

    hub: ClassVar[Hub]

    def do_GET(self) -> None:
        self._route()

    def do_HEAD(self) -> None:
        self._route()

    def do_PUT(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def _route(self) -> None:
        path = self.path.partition("?")[0]
        self.hub.asked.append(f"{self.command} {path}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        for method, pattern, answer in self.routes:
            if method == self.command.replace("HEAD", "GET") and (found := re.fullmatch(pattern, path)):
                if method == "POST" and not self._has_token and path != "/api/validate-yaml":
                    self.answer(401, b"{}", X_Error_Message="Invalid username or password.")
                else:
                    answer(self, *found.groups())
                return
        self.answer(404)

    @property
    def _has_token(self) -> bool:
        return bool(self.headers.get("Authorization") == f"Bearer {TOKEN}")

    def _json(self, value: object) -> None:
        self.answer(200, json.dumps(value).encode(), Content_Type="application/json")

    def _readable(self, name: str) -> Repository | None:
        """Return a repository, or answer as the hub does if it is missing or not accessible."""
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.is_private and not self._has_token):
            self.answer(401, b"{}", X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
        elif repository.is_gated and not self._has_token:
            self.answer(403, b"{}", X_Error_Code="GatedRepo", X_Error_Message=f"Access to {name} is restricted.")
        else:
            return repository
        return None

    def _model(self, name: str, what: str | None, revision: str | None) -> None:
        repository = self._readable(name)
        if repository is None:
            return
        if revision not in (None, "main", COMMIT):
            self.answer(404, b"{}", X_Error_Code="RevisionNotFound", X_Error_Message="Invalid rev id")
            return
        files = repository.files
        tree = [
            {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
            for path, data in files.items()
        ]
        info = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": path} for path in files], "tags": []}
        self._json(tree if what == "tree" else info)

    def _file(self, name: str, path: str) -> None:
        repository = self._readable(name)
        if repository is not None:
            data = repository.files[path]
            etag = f'"{hashlib.sha1(data).hexdigest()}"'
            self.answer(200, data, head=self.command == "HEAD", ETag=etag, X_Repo_Commit=COMMIT)

    def _create(self) -> None:
        wanted = json.loads(self.body)
        name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        self.hub.repositories.setdefault(name, Repository(is_private=wanted.get("visibility") == "private"))
        self._json({"url": f"{self.hub.url}/{name}", "name": name})

    def _preupload(self, name: str) -> None:
        paths = [one["path"] for one in json.loads(self.body)["files"]]
        modes = ["lfs" if path.endswith(".safetensors") else "regular" for path in paths]
        files = [
            {"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": None}
            for path, mode in zip(paths, modes, strict=True)
        ]
        self._json({"files": files})

    def _batch(self, name: str) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.url}/upload/{one['oid']}"}}}
            for one in json.loads(self.body)["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def _upload(self, oid: str) -> None:
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.hub.large[oid] = self.body
        self.answer(200)

    def _commit(self, name: str) -> None:
        files = self.hub.repositories[name].files
        for entry in map(json.loads, self.body.splitlines()):
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
        self._json({"commitUrl": f"{self.hub.url}/{name}/commit/{COMMIT}", "commitOid": COMMIT})

    routes: ClassVar[list[tuple[str, str, Callable[..., None]]]] = [
        ("GET", r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", _model),
        ("GET", r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", _file),
        ("POST", r"/api/validate-yaml", lambda self: self._json({"errors": [], "warnings": []})),
        ("POST", r"/api/repos/create", _create),
        ("POST", r"/api/models/(.+?)/preupload/main", _preupload),
        ("POST", r"/(.+?)\.git/info/lfs/objects/batch", _batch),
        ("PUT", r"/upload/(\w+)", _upload),
        ("POST", r"/api/models/(.+?)/commit/main", _commit),
    ]


@contextmanager
def serving_hub(folder: Path, token: str | None = TOKEN) -> Iterator[Hub]:
    """Serve a hub while the block runs, with its cache in `folder`."""
    constants = pytest.importorskip("huggingface_hub.constants", exc_type=ImportError)
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with serving(handler) as hub.url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "*")
        patch.setenv("HF_ENDPOINT", hub.url)
        patch.setenv("HF_HUB_CACHE", str(folder))
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        if token is None:
            patch.delenv("HF_TOKEN", raising=False)
            patch.setattr(constants, "HF_TOKEN_PATH", str(folder / "no-token"))
            patch.setattr(constants, "HF_STORED_TOKENS_PATH", str(folder / "no-tokens"))
        else:
            patch.setenv("HF_TOKEN", token)
        yield hub
