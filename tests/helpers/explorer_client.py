"""A client that calls the explorer's application directly, without a network."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin

from w2v.explorer.opening import map_of, open_explored
from w2v.explorer.word_map import DEFAULT_WORDS

PORT = 8642


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


class Client:
    """Calls the application directly, without a network."""

    def __init__(self, path: Path, **options: Any) -> None:
        from w2v.explorer.app import make_app

        self.model: Any = open_explored(path, n_words=DEFAULT_WORDS, cache=None, **options)
        self.app = make_app(self.model, host="127.0.0.1", port=PORT)
        self.model.start()
        made = map_of(self.model)
        if made is not None:
            made._thread.join(60)

    def ask(
        self,
        path: str,
        verb: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        **query: Any,
    ) -> Answer:
        given = {"Host": f"127.0.0.1:{PORT}", **(headers or {})}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": verb,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(query).encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "server": ("127.0.0.1", PORT),
            "client": ("127.0.0.1", 50_000),
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))

    def post(self, path: str, **asked: Any) -> Answer:
        return self.ask(path, "POST", body=json.dumps(asked).encode())

    def compare(self, **asked: Any) -> Answer:
        return self.post("/api/compare", **asked)

    def parts_of_page(self) -> list[str]:
        """Return the addresses of all files that the page loads."""
        parts = re.findall(r'(?:src|href)="([^"#]+)"', self.ask("/").body.decode())
        scripts = [part for part in parts if part.endswith(".js")]
        while scripts:
            part = scripts.pop()
            script = self.ask(part)
            imported = [urljoin(part, name) for name in re.findall(r'from "(\.[\w./]+)"', script.body.decode())]
            scripts += [name for name in imported if name not in parts]
            parts += imported
        return parts
