"""The explorer's server: it listens on a port and shuts down quietly."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from w2v.explorer.opening import Explored

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"
PORT = 8642
"""The default port, if it is free."""
_GRACE = 1
"""Seconds that running requests have when the server shuts down."""
_CONNECTIONS = 64


class PortError(OSError):
    """The server cannot listen on the requested address; the message says what to do."""


def listen(host: str = HOST, port: int | None = None) -> socket.socket:
    """Return a socket that listens on an address or name of this machine.

    The default port is 8642, or any free port if that is in use; 0 means any free port. Raises PortError if the port is
    in use or not allowed, or if the address does not belong to this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise PortError(f"{host!r:.80} is not an address of this machine; the default is {HOST}") from error
    tried = [PORT, 0] if port is None else [port]
    for number in tried:
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind((address[0], number, *address[2:]))
            opened.listen(_CONNECTIONS)
            return opened
        except OSError as error:
            opened.close()
            if number == tried[-1]:
                raise PortError(_reason(error, host, number)) from error
    raise AssertionError("one of the ports was tried last")


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; give another --port, or leave it out to use a free one"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"you are not allowed to use port {port}; give a port of 1024 or above"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; the default is {HOST}"
    return f"cannot listen on port {port} of {host}: {error.strerror}"


def address_of(listening: socket.socket) -> str:
    """Return the URL that a browser on this machine opens."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": HOST, "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}/"


def is_loopback(listening: socket.socket) -> bool:
    """Return whether only this machine can reach a socket."""
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def serve(model: Explored, listening: socket.socket, *, started: Callable[[], None] | None = None) -> None:
    """Serve the page until Ctrl-C or SIGTERM, then return quietly.

    The model's background work, such as the map, runs meanwhile. `started` is called once the page can be opened; the
    socket is closed at the end. Raises ImportError, which says what to install, if Starlette or uvicorn is missing.
    """
    require_server()
    model.start()  # before the imports, which take as long as a first map
    try:
        server = _make_server(model, listening)
        if started is not None:
            started()
        with suppress(KeyboardInterrupt):  # uvicorn raises it again after closing everything
            server.run(sockets=[listening])
    finally:
        model.stop()
        listening.close()


def _make_server(model: Explored, listening: socket.socket) -> uvicorn.Server:
    import uvicorn

    from w2v.explorer.app import make_app

    host, port = listening.getsockname()[:2]
    config = uvicorn.Config(
        make_app(model, host=host, port=port),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE,
    )
    return uvicorn.Server(config)


class Exploring:
    """A page that is served in the background until `stop`; also a context manager.

    Parameters
    ----------
    model : Explored
    host, port
        See `listen`.
    opens_browser : bool, default True

    Attributes
    ----------
    address : str
        The URL of the page.

    Raises
    ------
    ImportError
        If Starlette or uvicorn is missing; the message says what to install.
    PortError
        As `listen`.
    """

    def __init__(
        self, model: Explored, *, host: str = HOST, port: int | None = None, opens_browser: bool = True
    ) -> None:
        require_server()
        self._model, self._listening = model, listen(host, port)
        self.address = address_of(self._listening)
        self._server = _make_server(model, self._listening)
        model.start()
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listening]}, name="explorer", daemon=True
        )
        self._thread.start()
        if opens_browser:
            threading.Thread(target=webbrowser.open, args=(self.address,), daemon=True).start()

    def stop(self) -> None:
        """Stop serving the page."""
        self._server.should_exit = True
        self._thread.join(2 * _GRACE)
        self._model.stop()
        self._listening.close()

    def __enter__(self) -> Exploring:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Exploring({str(self._model.path)!r}, {self.address})"

    def _repr_html_(self) -> str:
        return f'<a href="{self.address}" target="_blank">{self.address}</a>'


def require_server() -> None:
    """Raise ImportError unless Starlette and uvicorn are installed; this does not import them."""
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise ImportError(
            "the explorer needs Starlette and uvicorn; install them with: pip install 'w2v-toolkit[explore]'"
        )
