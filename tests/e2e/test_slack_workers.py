"""Three of Prefect's workers, each with a run that sends into the same two channels."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ml_connector.cli.children import left_over
from ml_connector.cli.services import WORK_POOL
from tests.e2e.stack import Stack, until
from tests.notices import CHANNELS, pace, stack_file

SENT = int(os.environ.get("E2E_SENT", "15"))
"""Messages of each run into each channel."""
STREAMS = ("invoices", "holds", "journal_batches")
ROUTING = """
      - {name: all, to: [procurement, finance]}
"""


@pytest.mark.slow
def test_no_channel_is_sent_more_than_a_message_a_second_and_none_waits_for_long(stack: Stack) -> None:
    sandbox = stack.sandbox
    sandbox.reset()
    sandbox.settings("slack", posts_per_second=1.0)
    for collection in STREAMS:
        sandbox.seed("oracle_fusion", collection, SENT)
    deployment = stack.deploy("paced", stack_file("paced", ROUTING), "oracle-slack-notify")

    with _three_workers(stack) as workers:
        runs = [stack.run(deployment, streams=[stream]) for stream in STREAMS]
        until(lambda: all(run.processes() for run in runs), 120, "all runs to begin")
        assert {run.processes()[-1].ppid() for run in runs} == workers, "a run for each worker"
        assert [run.wait(seconds=60 + 4 * 3 * SENT) for run in runs] == ["Completed"] * 3

    assert sandbox.state("slack", "rate_violations") == []
    for channel in ("procurement", "finance"):
        count, rate, least = pace(sandbox, CHANNELS[channel])
        print(f"{channel}: {count} messages, {rate:.2f} a second, at least {least:.2f} s apart")
        assert count == 3 * SENT
        assert least >= 1.0
        assert rate >= 0.75


@contextmanager
def _three_workers(stack: Stack) -> Iterator[set[int]]:
    """In place of the one of `up`, which would take all runs; each of these takes one at a time."""
    [own] = [one for one in left_over(stack.home) if one.cmdline()[2:5] == ["prefect", "worker", "start"]]
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process"]
    environment = own.environ()
    own.suspend()
    workers = [subprocess.Popen([*command, "--limit", "1"], env=environment) for _ in range(3)]
    try:
        yield {worker.pid for worker in workers}
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait(30)
        own.resume()
