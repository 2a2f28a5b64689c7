"""``python -m tests.e2e.drains``: a warm process that forks runs which post journals, each of which may be killed.

For each line on standard input, the id of a flow run and its count, it answers with the id of the process that is it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import Self

from connectors.oracle_fusion import journal_outcomes
from connectors.oracle_fusion.journals import Journals
from flows.oracle_asana import post_journals
from ml_connector.core.http import HttpClient, HttpPolicy
from tasks import events
from tests.installation import tell


class Drains:
    """The warm process, from the test's side."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.e2e.drains"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)

    def start(self, run: str, count: int = 1) -> int:
        """The process that is flow run ``run``, for the ``count``-th time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{run} {count}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _drain(run: str, count: int) -> None:
    state = await tell(post_journals, run, count, 0)
    if not state.is_completed():
        print(f"{run}: {state.message}", file=sys.stderr)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has ended is gone, nobody waits for it
    events.LINGER = 0.0
    Journals.settle_seconds = 0.2
    journal_outcomes.AGAIN_AFTER = 1.0
    (HttpClient.__init__.__kwdefaults__ or {})["policy"] = HttpPolicy(backoff=0.02)
    for line in sys.stdin:
        run, count = line.split()
        if (pid := os.fork()) == 0:
            try:
                asyncio.run(_drain(run, int(count)))
            except Exception as error:  # noqa: BLE001 - its lease was lost, a vendor is away: the next run goes on
                print(f"{run}: {type(error).__name__}: {error}", file=sys.stderr)
            finally:
                sys.stderr.flush()
                os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
