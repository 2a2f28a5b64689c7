"""Where notifications end: an HTTP server on loopback that keeps what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener:
    """The JSON bodies of all requests so far, in ``heard``; each is answered with ``status``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[Any] = []
        self.status = 204

    def about(self, words: str) -> list[dict[str, Any]]:
        """The notifications whose subject has these words."""
        return [one for one in self.heard if words in one["subject"]]


@contextmanager
def listening() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            listener.heard.append(json.loads(body))
            self.send_response(listener.status)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(404)  # Prefect's client asks for a CSRF token first
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
