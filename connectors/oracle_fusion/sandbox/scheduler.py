"""Scheduled processes (ESS): each takes its time, and ends with what its work makes of it.

https://docs.oracle.com/en/cloud/saas/applications-common/25c/oacpr/statuses-of-scheduled-processes.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from ml_connector.sandbox.world import World

ON_THE_WAY = ("WAIT", "READY", "BLOCKED", "RUNNING", "PAUSED", "COMPLETED")
"""What a process passes through before it ends. Its parent is PAUSED while its children run."""
FIRST = 10_000_001


@dataclass(slots=True)
class Process:
    """One process with the logs that it wrote and the processes that it started."""

    number: int
    name: str
    definition: str
    submitted_at: datetime
    seconds: float
    arguments: Sequence[str] = ()
    """What it was submitted with."""
    parent: int | None = None
    ended: str | None = None
    """The final status; None while it runs."""
    logs: dict[str, str] = field(default_factory=dict)
    children: list[Process] = field(default_factory=list)

    def status(self, now: datetime) -> str:
        if self.ended is not None:
            return self.ended
        passed = (now - self.submitted_at).total_seconds() / self.seconds if self.seconds else 0.0
        return ON_THE_WAY[min(int(passed * len(ON_THE_WAY)), len(ON_THE_WAY) - 1)]


class Scheduler:
    """All processes, by their number (the request id)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.processes: dict[int, Process] = {}
        self._timers: list[asyncio.TimerHandle] = []

    def reset(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self.processes.clear()

    def submit(
        self,
        name: str,
        definition: str,
        seconds: float,
        work: Callable[[Process], None],
        arguments: Sequence[str] = (),
    ) -> Process:
        """Begin a process; ``work`` is done at its end, and says in ``ended`` how it went. No seconds: at once."""
        process = self._begin(name, definition, seconds, arguments)
        self.later(seconds, partial(work, process))
        return process

    def child(self, parent: Process, name: str, definition: str) -> Process:
        """A process that its parent waits for; whoever begins it says how it ends."""
        process = self._begin(name, definition, 0.0)
        process.parent = parent.number
        parent.children.append(process)
        return process

    def later(self, seconds: float, work: Callable[[], Any]) -> None:
        """Do it after so many seconds; at once if there are none."""
        if seconds > 0:
            self._timers.append(asyncio.get_running_loop().call_later(seconds, work))
        else:
            work()

    def _begin(self, name: str, definition: str, seconds: float, arguments: Sequence[str] = ()) -> Process:
        process = Process(FIRST + len(self.processes), name, definition, self.world.now(), seconds, arguments)
        self.processes[process.number] = process
        return process
