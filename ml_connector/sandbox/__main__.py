"""``python -m ml_connector.sandbox --port 8600``: prints the base URL once it listens, runs until it is stopped."""

from __future__ import annotations

import argparse
import socket

from ml_connector.sandbox.app import create_app
from ml_connector.sandbox.serve import address, listen, server


def main() -> None:
    parser = argparse.ArgumentParser(prog="ml_connector.sandbox", description="The vendors, played on loopback")
    parser.add_argument("--port", type=int, default=8600, help="loopback port; 0 takes a free one")
    parser.add_argument("--fd", type=int, help="a listening socket that we inherit, instead of --port")
    given = parser.parse_args()
    listener = listen(given.port) if given.fd is None else socket.socket(fileno=given.fd)
    print(address(listener), flush=True)
    server(create_app()).run([listener])


if __name__ == "__main__":
    main()
