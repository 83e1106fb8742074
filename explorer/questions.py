"""The endpoints of each kind of model; a few requests run at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio.from_thread
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from w2v.explorer.explored import ExploredModel
from w2v.explorer.guard import Refusal
from w2v.explorer.opening import Explored

if TYPE_CHECKING:
    from w2v.explorer.texts import ExploredLanguageModel

AT_ONCE, WAITING = 2, 32
"""Requests that run at the same time, and that may wait."""

_BYTES = "application/octet-stream"
_KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "whole number": (int,),
    "number": (int, float),
    "whole number or null": (int, type(None)),
    "whole numbers": (list,),
}

Ask = Callable[[Callable[[], Any]], Awaitable[Any]]


class Turns:
    """Runs a few requests at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def ask(self, work: Callable[[], Any]) -> Any:
        """Run a function in a thread when its turn has come, and return its result."""
        if self._waiting >= WAITING:
            raise Refusal(503, "too many requests are waiting; try again in a second")
        self._waiting += 1
        try:
            async with self._turns:
                return await run_in_threadpool(work)
        finally:
            self._waiting -= 1


def routes_of(model: Explored) -> list[Route]:
    """Return the endpoints of a model."""
    ask = Turns().ask

    async def describe(request: Request) -> Response:
        return as_json(model.describe())

    return [Route("/api/model", describe), *_own_routes(model, ask)]


def _own_routes(model: Explored, ask: Ask) -> list[Route]:
    if isinstance(model, ExploredModel):
        return _Words(model, ask).routes()
    from w2v.explorer.texts import ExploredLanguageModel, Loaded

    assert isinstance(model, Loaded)
    routes = [_posted(name, getattr(model, name), entries, ask) for name, entries in model.questions.items()]
    return [*routes, _writing_route(model, ask)] if isinstance(model, ExploredLanguageModel) else routes


class _Words:
    """The endpoints of word vectors and sentence encoders."""

    def __init__(self, model: ExploredModel, ask: Ask) -> None:
        self._model, self._ask = model, ask
        self._words: bytes | None = None

    def routes(self) -> list[Route]:
        return [
            Route("/api/words", self.words),
            Route("/api/map", self.map),
            Route("/api/regions", self.regions),
            Route("/api/complete", self.complete),
            Route("/api/neighbors", self.neighbors),
            Route("/api/analogy", self.analogy),
            Route("/api/compare", self.compare, methods=["POST"]),
        ]

    async def words(self, request: Request) -> Response:
        if self._words is None:
            self._words = await self._ask(lambda: encode(self._model.map_words()))
        return Response(self._words, media_type="application/json")

    async def map(self, request: Request) -> Response:
        """Return the newest map: n pairs of float32, then n uint8; nothing if it is not newer than ``after``."""
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
        return Response(body, media_type=_BYTES, headers=headers)

    async def regions(self, request: Request) -> Response:
        """Return the regions of the map and their names, level by level; none before the map is complete."""
        regions = self._model.word_map.regions
        return as_json({"levels": [] if regions is None else await self._ask(regions.described)})

    async def complete(self, request: Request) -> Response:
        prefix, n = request.query_params.get("prefix", ""), _number(request, "n", 8)
        return as_json({"words": await self._ask(lambda: self._model.complete(prefix, n))})

    async def neighbors(self, request: Request) -> Response:
        word, n = _text(request, "word"), _number(request, "n", 20)
        return as_json(await self._ask(lambda: self._model.neighbors(word, n)))

    async def analogy(self, request: Request) -> Response:
        a, b, c = (_text(request, name) for name in "abc")
        method, n = request.query_params.get("method", "add"), _number(request, "n", 10)
        return as_json(await self._ask(lambda: self._model.analogy(a, b, c, method=method, n=n)))

    async def compare(self, request: Request) -> Response:
        numbers = {"layer": "whole number or null", "head": "whole number or null"}
        asked = await _parsed(request, {"first": "text", "second": "text"}, numbers)
        return as_json(await self._ask(lambda: self._model.compare(**asked)))


def _posted(name: str, answer: Callable[..., Any], entries: tuple[dict[str, str], dict[str, str]], ask: Ask) -> Route:
    """Return the endpoint of a request with a single answer."""

    async def reply(request: Request) -> Response:
        asked = await _parsed(request, *entries)
        answered = await ask(lambda: answer(**asked))
        return Response(answered, media_type=_BYTES) if isinstance(answered, bytes) else as_json(answered)

    return Route(f"/api/{name}", reply, methods=["POST"])


def _writing_route(model: ExploredLanguageModel, ask: Ask) -> Route:
    options = {
        "temperature": "number",
        "top_k": "whole number or null",
        "seed": "whole number",
        "pieces": "whole number",
    }

    async def write(request: Request) -> Response:
        asked = await _parsed(request, {"prompt": "text"}, options)
        prompt = asked.pop("prompt")
        return _Lines(request, ask, lambda tell: model.write(prompt, tell, **asked))

    return Route("/api/write", write, methods=["POST"])


class _GoneError(Exception):
    """The client has disconnected."""


class _Lines(Response):
    """A stream of JSON lines, each sent as soon as `work` yields it, until the client disconnects.

    An error before the first line is answered as usual; a later one becomes the last line.
    """

    def __init__(self, request: Request, ask: Ask, work: Callable[[Callable[[Any], None]], None]) -> None:
        super().__init__(media_type="application/x-ndjson")
        del self.headers["content-length"]
        self._request, self._ask, self._work = request, ask, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_begun = False

        async def say(line: bytes, more: bool = True) -> None:
            nonlocal is_begun
            if not is_begun:
                is_begun = True
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": line, "more_body": more})

        def tell(value: Any) -> None:
            if anyio.from_thread.run(self._request.is_disconnected):
                raise _GoneError
            anyio.from_thread.run(say, encode(value) + b"\n")

        try:
            await self._ask(lambda: self._work(tell))
        except _GoneError:
            return
        except ValueError as error:
            if not is_begun:
                raise
            await say(encode({"error": str(error)}) + b"\n")
        await say(b"", more=False)


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


async def _parsed(request: Request, needed: dict[str, str], optional: dict[str, str]) -> dict[str, Any]:
    """Return the entries of a JSON request, each of the kind that `_KINDS` names."""
    try:
        asked = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise ValueError("the request is not JSON") from error
    kinds = needed | optional
    is_complete = isinstance(asked, dict) and set(needed) <= set(asked) <= set(kinds)
    if not is_complete or not all(_is_a(kinds[name], value) for name, value in asked.items()):
        wanted, allowed = (", ".join(f"{name} ({kind})" for name, kind in part.items()) for part in (needed, optional))
        has = f"must have {wanted}" if wanted else "needs no entries"
        raise ValueError(f"this request {has}" + (f" and may have {allowed}" if allowed else ""))
    return dict(asked)


def _is_a(kind: str, value: object) -> bool:
    if isinstance(value, list):
        return kind == "whole numbers" and all(_is_a("whole number", item) for item in value)
    return isinstance(value, _KINDS[kind]) and not isinstance(value, bool)


def encode(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def as_json(value: Any, status: int = 200) -> Response:
    """Return a value as an answer."""
    return Response(encode(value), status, media_type="application/json")
