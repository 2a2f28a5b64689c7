"""uvicorn's HTTP protocol with what it lacks: a deadline for sending a request, and a bound on its headers.

uvicorn's timers begin anew with every byte (https://github.com/encode/uvicorn/issues/157), so a sender that drips its
request would keep a connection for ever; so would one that sends an empty line behind a request, which ends the timer
of an idle connection and begins no request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ml_connector.receiver.limits import Limits

_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class DeadlineProtocol(HttpToolsProtocol):
    """A connection whose requests must arrive in time."""

    def __init__(self, *args: Any, limits: Limits, on_slow: Callable[[], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # whatever the configuration says, which Prefect's own logging set-up undoes: addresses of hooks are secrets
        self.access_log = False
        self._limits = limits
        self._on_slow = on_slow
        self._deadline: asyncio.TimerHandle | None = None
        self._head = 0
        """Bytes that came in while the headers were not complete."""
        self._in_head = True
        self._behind = 0
        """Bytes that came in behind them: of a body in chunks the sizes, and headers once more at its end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None:
            self._start()
        if self._in_head:
            self._head += len(data)
        else:
            self._behind += len(data)
        super().data_received(data)
        if self._is_too_long() and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()

    def _is_too_long(self) -> bool:
        """Whether there is too much of what the application does not see, or not before all of it is there."""
        if self._in_head:
            return self._head > self._limits.head_bytes
        return self._behind > self._limits.head_bytes + 2 * self._limits.body_bytes

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:  # a further request on this connection
            self._start()

    def on_headers_complete(self) -> None:
        self._in_head, self._head, self._behind = False, 0, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop()
        self._in_head = True
        super().on_message_complete()

    def _start(self) -> None:
        self._deadline = self.loop.call_later(self._limits.request_seconds, self._too_slow)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self._on_slow()
        self.transport.abort()
