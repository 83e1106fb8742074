"""Small servers on the loopback interface, in place of those on the internet."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar


class QuietHandler(http.server.BaseHTTPRequestHandler):
    """A handler that prints nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", *, head: bool = False, **headers: str) -> None:
        """Send an answer; underscores in header names stand for hyphens."""
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Length": str(len(body))} | named).items():
            self.send_header(name, value)
        self.end_headers()
        if not head:
            self.wfile.write(body)


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve while the block runs; yield the address, without a trailing slash."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class FileServer:
    """Serves the files of a folder, supports byte ranges, and can break off.

    Attributes
    ----------
    asked : list of (str, str or None)
        Paths requested, and the Range header of each request.
    breaks_after : int or None
        Number of bytes of the body after which the connection is closed.
    has_ranges : bool
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, list[tuple[str, str | None]]()
        self.breaks_after: int | None = None
        self.has_ranges = True

    def handler(self) -> type[QuietHandler]:
        """Return a handler for `serving`."""
        outer = self

        class Handler(QuietHandler):
            served: ClassVar[Callable[[], None]]

            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                outer.asked.append((self.path, wanted))
                path = outer.folder / self.path.lstrip("/")
                if not path.is_file():
                    self.answer(404)
                    return
                data = path.read_bytes()
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and outer.has_ranges else 0
                if start >= len(data):
                    self.answer(416)
                    return
                body = data[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: outer.breaks_after])
                if outer.breaks_after is not None:
                    self.close_connection = True

        return Handler
