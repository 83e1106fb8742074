"""The explorer's page and the questions that it asks, as a Starlette application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from w2v.encoding.vocabulary import UnknownWordError
from w2v.explorer.explored import ExploredModel
from w2v.explorer.guard import Guard, Refusal
from w2v.explorer.word_map import MapError

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_AT_ONCE, _WAITING = 2, 32
"""Questions that are worked on at the same time, and that may wait for their turn."""

Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(model: ExploredModel, *, host: str, port: int) -> Starlette:
    """Return the application of a model whose map is being made, reached at a host and a port; see `Guard`."""
    assets = _read_assets()
    questions = _Questions(model)

    async def asset(request: Request) -> Response:
        found = assets.get(request.path_params.get("name", "index.html"))  # a name, never a path
        if found is None:
            raise HTTPException(404)
        return Response(found[0], media_type=found[1])

    routes = [
        Route("/", asset),
        Route("/page/{name}", asset),
        Route("/api/model", questions.model),
        Route("/api/words", questions.words),
        Route("/api/map", questions.map),
        Route("/api/complete", questions.complete),
        Route("/api/neighbors", questions.neighbors),
        Route("/api/analogy", questions.analogy),
        Route("/api/compare", questions.compare, methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {UnknownWordError: _answer_unknown}
    handlers |= dict.fromkeys((HTTPException, ValueError, MapError), _answer_error)
    return Starlette(routes=routes, middleware=[Middleware(Guard, host=host, port=port)], exception_handlers=handlers)


class _Questions:
    """The endpoints that ask the model."""

    def __init__(self, model: ExploredModel) -> None:
        self._model = model
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._words: bytes | None = None

    async def model(self, request: Request) -> Response:
        return _as_json(self._model.describe())

    async def words(self, request: Request) -> Response:
        if self._words is None:
            self._words = await self._ask(lambda: _encode(self._model.map_words()))
        return Response(self._words, media_type="application/json")

    async def map(self, request: Request) -> Response:
        """Answer the newest map: n pairs of float32, then n uint8; nothing if it is not newer than ``after``."""
        state = await self._ask(self._model.word_map.state)
        if state.version <= _number(request, "after", 0):
            return Response(status_code=204)
        points = np.ascontiguousarray(state.layout.points, "<f4").tobytes()
        headers = {
            "X-Map-Version": str(state.version),
            "X-Map-Stage": state.layout.stage,
            "X-Map-Progress": f"{state.layout.progress:.2f}",
        }
        body = points + self._model.word_map.groups.tobytes()
        return Response(body, media_type="application/octet-stream", headers=headers)

    async def complete(self, request: Request) -> Response:
        prefix, n = request.query_params.get("prefix", ""), _number(request, "n", 8)
        return _as_json({"words": await self._ask(lambda: self._model.complete(prefix, n))})

    async def neighbors(self, request: Request) -> Response:
        word, n = _text(request, "word"), _number(request, "n", 20)
        return _as_json(await self._ask(lambda: self._model.neighbors(word, n)))

    async def analogy(self, request: Request) -> Response:
        a, b, c = (_text(request, name) for name in "abc")
        method, n = request.query_params.get("method", "add"), _number(request, "n", 10)
        return _as_json(await self._ask(lambda: self._model.analogy(a, b, c, method=method, n=n)))

    async def compare(self, request: Request) -> Response:
        asked = _parse(await request.body())
        return _as_json(await self._ask(lambda: self._model.compare(**asked)))

    async def _ask(self, work: Callable[[], Any]) -> Any:
        """Return what the model answers, a few questions at a time."""
        if self._waiting >= _WAITING:
            raise Refusal(503, "too many questions are waiting; ask again in a second")
        self._waiting += 1
        try:
            async with self._turns:
                return await run_in_threadpool(work)
        finally:
            self._waiting -= 1


def _read_assets() -> dict[str, tuple[bytes, str]]:
    """Return the files of the page and their types, by name."""
    entries = [entry for entry in files("w2v.explorer").joinpath("page").iterdir() if entry.is_file()]
    kinds = {entry.name: _TYPES.get(entry.name[entry.name.rfind(".") :]) for entry in entries}
    return {entry.name: (entry.read_bytes(), kind) for entry in entries if (kind := kinds[entry.name])}


def _text(request: Request, name: str) -> str:
    text = request.query_params.get(name, "")
    if not text:
        raise ValueError(f"{name} is missing")
    return text


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f"{name} must be a whole number")
    return int(text)


def _parse(body: bytes) -> dict[str, Any]:
    """Return the arguments of a comparison."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError("the question is not JSON") from error
    types: dict[str, Any] = {"first": str, "second": str, "layer": (int, type(None)), "head": (int, type(None))}
    is_complete = isinstance(asked, dict) and {"first", "second"} <= set(asked) <= set(types)
    if not is_complete or not all(isinstance(asked[name], types[name]) and asked[name] is not True for name in asked):
        raise ValueError("a comparison has the texts first and second, and may have the numbers layer and head")
    return dict(asked)


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def _as_json(value: Any, status: int = 200) -> Response:
    return Response(_encode(value), status, media_type="application/json")


async def _answer_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _as_json({"error": error.detail}, error.status_code)
    return _as_json({"error": str(error)}, 500 if isinstance(error, MapError) else 400)


async def _answer_unknown(request: Request, error: UnknownWordError) -> Response:
    """Answer that a word is not known: no failure, which browsers would complain of while somebody types."""
    near = await run_in_threadpool(lambda: error.suggestions)
    return _as_json({"error": str(error), "unknown": error.words, "suggestions": near})
