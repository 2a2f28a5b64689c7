"""Processes that live as long as `up` does, and not a moment longer."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import psutil

from ml_connector.core.errors import AbortRun

MARK = "ML_CONNECTOR_UP"
"""In the environment of every process that we start, and so of all that these start: the folder of their `up`."""
PATIENCE = 8.0
"""Seconds to end by itself after SIGTERM; then it is killed."""
_TAIL = 15


class Children:
    """Our processes by name. What they print goes to ``<logs>/<name>.log``."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._logs = home / "logs"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs.mkdir(parents=True, exist_ok=True)

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], listener: socket.socket | None = None
    ) -> None:
        """Start a process in a session of its own, so that a Ctrl-C in the terminal reaches only us.

        ``listener`` becomes its own, under the same file descriptor: our copy is closed.
        """
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 - commands are ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment, MARK: str(self._home)},
                start_new_session=True,
                pass_fds=[listener.fileno()] if listener else (),
            )
        if listener:
            listener.close()

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    async def watch(self) -> NoReturn:
        """Look at them all the time (`check`)."""
        while True:
            self.check()
            await asyncio.sleep(0.25)

    def check(self) -> None:
        """Raise AbortRun, with the end of its log, when one of the processes has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                lines = self.log(name).read_text(errors="replace").splitlines()[-_TAIL:]
                told = "\n".join(["", *lines])
                raise AbortRun(f"the {name} ended (exit code {process.returncode}); {self.log(name)} ends:{told}")

    async def stop(self) -> None:
        """End all processes with everything that they started, the youngest first; returns when none is left."""
        while self._running:
            _, process = self._running.popitem()
            await end(_tree(process.pid))
            process.wait()
        await end(list(left_over(self._home)))


def left_over(home: Path) -> Iterator[psutil.Process]:
    """Processes that carry our mark: of an `up` in this folder that could not stop them, or whose parent has died."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(home):
                yield process


async def end(processes: Sequence[psutil.Process]) -> None:
    """Ask processes to end, wait, kill those that did not; returns when they are gone."""
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    for process in await _still_there(processes):
        with suppress(psutil.Error):
            process.kill()
    await _still_there(processes)


async def _still_there(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended when our patience has."""
    deadline = time.monotonic() + PATIENCE
    while True:
        alive = [process for process in processes if _lives(process)]
        if not alive or time.monotonic() > deadline:
            return alive
        await asyncio.sleep(0.05)


def _tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants: flow runs stand in sessions of their own, which a signal to a group misses."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
