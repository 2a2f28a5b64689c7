"""uvicorn, as the receiver wants it."""

from __future__ import annotations

import functools
import socket

import uvicorn
from starlette.types import ASGIApp

from ml_connector.receiver.limits import Limits
from ml_connector.receiver.metrics import Metrics
from ml_connector.receiver.protocol import DeadlineProtocol


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


def server(app: ASGIApp, metrics: Metrics, limits: Limits | None = None) -> uvicorn.Server:
    """A server whose connections are bounded by ``limits``."""
    protocol = functools.partial(DeadlineProtocol, limits=limits or Limits(), on_slow=metrics.slow.inc)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=protocol,  # type: ignore[arg-type]  # what makes a protocol, where uvicorn names its class
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
    )
