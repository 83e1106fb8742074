"""The guard in front of the explorer: who may send requests, how large and how many, and what a page may do.

Every page that is open in the same browser can reach a server on the loopback. The guard refuses other sites by their
Origin and Sec-Fetch headers, and names that were pointed at this machine (DNS rebinding) by their Host.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = dict[bytes, list[bytes]]
MOST_BODY_BYTES = 64 << 10
MOST_QUERY_BYTES = 8 << 10
BURST, PER_SECOND = 150, 60.0
"""Requests allowed at once, and in each following second."""

_METHODS = {"GET", "HEAD", "POST"}
_HEADERS = (
    # no scripts, styles, pictures or fonts from other origins, no inline scripts, and no HTML from strings
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        b"trusted-types 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-store"),
)


class Refusal(Exception):
    """A refused request: its HTTP status, and a message for the client."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Guard:
    """ASGI middleware that refuses requests from other pages than the explorer's, and adds headers to all answers.

    Parameters
    ----------
    app : ASGIApp
    host : str
        The address that the server listens on.
    port : int
    most_bytes : int
        Maximum size of the body of a request.
    clock : callable, optional
        Returns the time in seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        most_bytes: int = MOST_BODY_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._host, self._port, self._most_bytes, self._clock = app, host, port, most_bytes, clock
        self._left, self._counted = float(BURST), clock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return  # no WebSockets, and nothing to do at startup or shutdown

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, _limited(receive, self._most_bytes), send_guarded)
        except Refusal as refusal:
            await _refuse(refusal, send_guarded)

    def _check(self, scope: Scope) -> None:
        headers: Headers = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        hosts = [value.decode("latin-1") for value in headers.get(b"host", [])]
        if len(hosts) != 1 or not is_own_host(hosts[0], self._host, self._port):
            raise Refusal(403, "this server answers only to its own name, but the request has another Host")
        if _is_foreign(scope, headers, hosts[0]):
            raise Refusal(403, "this server answers only its own page, but the request comes from another site")
        if scope["method"] not in _METHODS:
            raise Refusal(405, "the method must be GET or POST")
        _check_size(scope, headers, self._most_bytes)
        if scope["path"].startswith("/api/") and not self._has_turn():
            raise Refusal(429, "too many requests at once; try again in a second")

    def _has_turn(self) -> bool:
        """Return whether another request may be answered now."""
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._counted) * PER_SECOND)
        self._counted = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def is_own_host(given: str, host: str, port: int) -> bool:
    """Return whether a request's Host names this server, which listens at a host and a port.

    Besides `host`, the names of the loopback are accepted. If the server listens on all addresses, so are all numeric
    addresses, which no site can claim, and the machine's own name.
    """
    name, colon, number = given.rpartition(":")
    if not colon or number != str(port):
        return False
    bare = name.removeprefix("[").removesuffix("]").lower()
    if bare in {"localhost", "127.0.0.1", "::1", host.lower()}:
        return True
    if host not in {"0.0.0.0", "::"}:
        return False
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return bare == socket.gethostname().lower()
    return True


def _is_foreign(scope: Scope, headers: Headers, host: str) -> bool:
    """Return whether a browser sends the request on behalf of another site."""
    if any(origin.decode("latin-1") != f"http://{host}" for origin in headers.get(b"origin", [])):
        return True
    is_own = all(site in (b"same-origin", b"none") for site in headers.get(b"sec-fetch-site", []))
    return not (is_own or _opens_page(scope, headers))


def _opens_page(scope: Scope, headers: Headers) -> bool:
    """Return whether the request follows a link to the page, which any site may contain."""
    is_navigation = headers.get(b"sec-fetch-mode") == [b"navigate"] and headers.get(b"sec-fetch-dest") == [b"document"]
    return is_navigation and scope["path"] == "/" and scope["method"] == "GET"


def _check_size(scope: Scope, headers: Headers, most_bytes: int) -> None:
    if len(scope.get("query_string", b"")) > MOST_QUERY_BYTES:
        raise Refusal(414, f"a request may have at most {MOST_QUERY_BYTES:,} bytes; this one is longer")
    for length in headers.get(b"content-length", []):
        if not length.isdigit() or int(length) > most_bytes:
            raise _too_large(most_bytes)


def _limited(receive: Receive, most_bytes: int) -> Receive:
    """Return a `receive` function that limits the size of the body."""
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most_bytes:
            raise _too_large(most_bytes)
        return message

    return receive_limited


def _too_large(most_bytes: int) -> Refusal:
    return Refusal(413, f"a request may have at most {most_bytes:,} bytes; this one is larger")


async def _refuse(refusal: Refusal, send: Send) -> None:
    body = json.dumps({"error": refusal.reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.status == 429:
        headers.append((b"retry-after", b"1"))
    if refusal.status == 413:
        headers.append((b"connection", b"close"))  # because the rest of the body is not read
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
