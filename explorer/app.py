"""The explorer's page and its endpoints, as a Starlette application."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from w2v.encoding.vocabulary import UnknownWordError
from w2v.explorer.guard import Guard
from w2v.explorer.opening import Explored
from w2v.explorer.questions import as_json, routes_of
from w2v.explorer.word_map import MapError

_PART = re.compile(rb"<!-- (parts/\w+\.html) -->\n")
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def make_app(model: Explored, *, host: str, port: int) -> Starlette:
    """Return the application for a model that has been started, reached at a host and a port; see `Guard`."""
    assets = _read_assets()

    async def asset(request: Request) -> Response:
        found = assets.get(request.path_params.get("name", model.page))  # a known name, never a path
        if found is None:
            raise HTTPException(404)
        return Response(found[0], media_type=found[1])

    routes = [Route("/", asset), Route("/page/{name:path}", asset), *routes_of(model)]
    handlers: dict[Any, Any] = {UnknownWordError: _answer_unknown}
    handlers |= dict.fromkeys((HTTPException, ValueError, MapError), _answer_error)
    guard = Middleware(Guard, host=host, port=port, most_bytes=model.most_bytes)
    return Starlette(routes=routes, middleware=[guard], exception_handlers=handlers)


def _read_assets() -> dict[str, tuple[bytes, str]]:
    """Return the files of the pages, with their included parts, and their types, by folder and name."""
    page = files("w2v.explorer").joinpath("page")
    found: dict[str, tuple[bytes, str]] = {}
    for folder in ("", "documents/", "drawing/", "parts/", "texts/"):
        for entry in page.joinpath(folder).iterdir():
            kind = _TYPES.get(entry.name[entry.name.rfind(".") :])
            if kind is not None and entry.is_file():
                found[folder + entry.name] = entry.read_bytes(), kind
    return {
        name: (_PART.sub(lambda part: found[part[1].decode()][0], content), kind)
        for name, (content, kind) in found.items()
    }


async def _answer_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return as_json({"error": error.detail}, error.status_code)
    return as_json({"error": str(error)}, 500 if isinstance(error, MapError) else 400)


async def _answer_unknown(request: Request, error: UnknownWordError) -> Response:
    """Answer that a word is unknown, without an HTTP error, which browsers would log while the user types."""
    near = await run_in_threadpool(lambda: error.suggestions)
    return as_json({"error": str(error), "unknown": error.words, "suggestions": near})
