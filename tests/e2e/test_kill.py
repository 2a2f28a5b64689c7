"""``kill -9`` of the flow's process at random moments of a sync, and Retry as often as it takes.

``E2E_KILLS=20 E2E_RECORDS=2000 pytest tests/e2e/test_kill.py`` is the long version; ``E2E_SEED`` repeats one.
"""

from __future__ import annotations

import os
import random
import time

import psutil

from tests.e2e.reconcile import doubled, reconcile
from tests.e2e.stack import FlowRun, Stack, until

KILLS = int(os.environ.get("E2E_KILLS", "3"))
RECORDS = int(os.environ.get("E2E_RECORDS", "400"))
SEED = int(os.environ.get("E2E_SEED", random.SystemRandom().randrange(10**6)))


def test_killed_and_retried_every_record_arrives_once(stack: Stack) -> None:
    dice = random.Random(SEED)
    tenant, sandbox = stack.tenant("killed"), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", RECORDS // 2)
    sandbox.seed("oracle_fusion", "contacts", RECORDS // 2)
    sandbox.fault("zendesk", "job_delay", seconds=0.6)
    effects = [0, *sorted(dice.randrange(2 * RECORDS) for _ in range(KILLS - 1))]
    run = tenant.start()
    died = 0
    for wanted in effects:
        process = _process(run)
        until(lambda: len(sandbox.effects()) >= wanted or not process.is_running(), 120, f"{wanted} effects")  # noqa: B023
        time.sleep(dice.uniform(0.0, 5.0 if not wanted else 0.7))
        if process.is_running():
            process.kill()
            died += 1
            if dice.random() < 0.5:
                until(lambda: run.state == "Crashed", 30, f"{run} to crash")
            run.retry()
    _process(run)
    run.wait(seconds=120)

    print(f"seed {SEED}: {died} of {KILLS} kills hit; {' > '.join(run.history())}")
    assert run.state == "Completed", f"seed {SEED}: {run}: {run.message}"
    assert reconcile(sandbox) == [], f"seed {SEED}"
    assert doubled(sandbox) == [], f"seed {SEED}"
    assert not any(one["kind"].endswith(".updated") for one in sandbox.effects()), f"seed {SEED}"
    for row in run.balance().values():
        assert row["read"] == row["created"] == row["fetched"] - row["known"] == RECORDS // 2, f"seed {SEED}: {row}"


def _process(run: FlowRun) -> psutil.Process:
    """Wait for the run's process. As a person would, press Retry again when a late `Crashed` has undone the retry."""
    looked = time.monotonic()
    while not (found := run.processes()):
        assert time.monotonic() < looked + 60, f"no process of {run}"
        if run.state == "Crashed":
            run.retry()
        time.sleep(0.1)
    return found[-1]
