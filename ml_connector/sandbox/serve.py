"""Ways to run the sandbox: in a thread of the test, or as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import uvicorn

from ml_connector.sandbox.app import EMULATORS, create_app
from ml_connector.sandbox.world import Emulator, World


def listen(port: int) -> socket.socket:
    """A listening loopback socket; port 0 takes a free one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(2048)
    return listener


def address(listener: socket.socket) -> str:
    """The base URL of a listening socket."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def server(app: object) -> uvicorn.Server:
    """uvicorn as the sandbox wants it: quiet, and ending at once."""
    return uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]  # uvicorn's own names for ASGI types differ from Starlette's
            log_level="warning",
            access_log=False,
            lifespan="off",
            date_header=False,  # uvicorn's own lags by a second and more; windows are made of it, so the gate tells it
            timeout_graceful_shutdown=1,
            timeout_keep_alive=300,
        )
    )


class SandboxThread:
    """The sandbox on a free loopback port, in a thread of this process; a context manager.

    ``world`` and ``emulators`` (by system) are the live objects: look at them, or seed them while nobody calls.
    """

    def __init__(self, emulators: tuple[type[Emulator], ...] = EMULATORS) -> None:
        app = create_app(emulators=emulators)
        self.world: World = app.state.world
        self.emulators: dict[str, Emulator] = app.state.emulators
        self._listener = listen(0)
        self.base_url = address(self._listener)
        self._server = server(app)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    def url(self, system: str) -> str:
        """The origin of one vendor."""
        return f"{self.base_url}/{system}"

    def start(self) -> Self:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the sandbox did not start; uvicorn's log says why")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=60)
        self._listener.close()

    def reset(self) -> None:
        """Everything as after a start."""
        self.world.reset()
        for emulator in self.emulators.values():
            emulator.reset()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextmanager
def sandbox_process() -> Iterator[str]:
    """The sandbox as a process of its own, for as long as the block lasts; yields its base URL."""
    command = [sys.executable, "-m", "ml_connector.sandbox", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own module
    try:
        assert process.stdout is not None  # noqa: S101  # for the type checker
        base_url = process.stdout.readline().strip()
        if not base_url:
            raise RuntimeError("the sandbox process did not start; its error is above")
        yield base_url
    finally:
        process.terminate()
        process.wait(timeout=60)
