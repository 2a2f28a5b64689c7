"""``python -m ml_connector.receiver --port 8700``: prints its base URL once it listens, runs until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import logging
import os
import socket
import sys

from ml_connector.core.errors import Misconfigured
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys
from ml_connector.receiver.limits import Sparing
from ml_connector.receiver.metrics import Metrics
from ml_connector.receiver.preflight import preflight

PORT = 8700
_MISCONFIGURED = 78
"""EX_CONFIG of sysexits.h."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="ml_connector.receiver", description="Takes the webhooks of vendors")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; a reverse proxy stands before it")
    parser.add_argument("--port", type=int, default=PORT, help="0 takes a free one")
    parser.add_argument("--fd", type=int, help="a listening socket that we inherit, instead of --host and --port")
    arguments = parser.parse_args()
    os.environ.setdefault("DO_NOT_TRACK", "1")  # else Prefect's client tells its maker what we do
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("ml_connector.receiver.hooks", "uvicorn.error"):
        logging.getLogger(name).addFilter(Sparing())
    try:
        run(arguments.host, arguments.port, arguments.fd)
    except Misconfigured as error:
        print(error.message, file=sys.stderr)
        return _MISCONFIGURED
    return 0


def run(host: str, port: int, fd: int | None = None) -> None:
    """Serve until a signal. Raises Misconfigured before it listens."""
    given = settings()
    inherited = None if fd is None else socket.socket(fileno=fd)
    host = inherited.getsockname()[0] if inherited else host
    if not given.database_url:
        raise Misconfigured("there is no database: set ML_CONNECTOR_DATABASE_URL, or start one with `ml-connector up`")
    token = given.operator_token if given.operator_token.reveal() else None
    if token is None and not _is_loopback(host):
        raise Misconfigured(f"set ML_CONNECTOR_OPERATOR_TOKEN to listen on {host}: /metrics is for who shows it")
    master = MasterKeys.load(given)
    asyncio.run(preflight(given.database_url, master))

    # Prefect takes a second to import
    from ml_connector.receiver.app import create_app
    from ml_connector.receiver.serve import listen, server

    metrics = Metrics()
    app = create_app(
        given.database_url, master, metrics, operator_token=token, allow_private_hosts=given.allow_private_hosts
    )
    try:
        listener = inherited or listen(host, port)
    except OSError as error:
        raise Misconfigured(f"{host}:{port} cannot be listened on ({error.strerror}): choose another --port") from None
    address, bound = listener.getsockname()[:2]
    print(f"http://{f'[{address}]' if ':' in address else address}:{bound}", flush=True)
    server(app, metrics).run([listener])


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
