"""``kill -9`` of the flow's process at random moments of a sync, and Retry as often as it takes.

``E2E_KILLS=20 E2E_RECORDS=2000 pytest -o timeout=900 tests/e2e/test_kill.py`` is the long version (four minutes on two
cores); ``E2E_SEED`` repeats one.
"""

from __future__ import annotations

import os
import random
import time

from tests.e2e.reconcile import doubled, reconcile
from tests.e2e.stack import Stack, until

KILLS = int(os.environ.get("E2E_KILLS", "3"))
RECORDS = int(os.environ.get("E2E_RECORDS", "200"))
SEED = int(os.environ.get("E2E_SEED", random.SystemRandom().randrange(10**6)))
PAGES = 40
"""All records come in so many reads, and each takes its time: so the deaths are spread over the whole sync."""


def test_killed_and_retried_every_record_arrives_once(stack: Stack) -> None:
    dice = random.Random(SEED)
    tenant, sandbox = stack.tenant("killed"), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", RECORDS // 2)
    sandbox.seed("oracle_fusion", "contacts", RECORDS // 2)
    sandbox.fault("oracle_fusion", "cap_page", rows=RECORDS // PAGES)
    sandbox.fault("oracle_fusion", "delay", "GET", "*/hub*", seconds=0.2)
    sandbox.fault("zendesk", "job_delay", seconds=0.4)
    run = tenant.start()
    died_with: list[int] = []
    fence = 0
    for wanted in sorted(dice.randrange(int(1.7 * RECORDS)) for _ in range(KILLS)):  # of some 2 a record
        process = run.process()
        if dice.random() < 0.85:
            fence = until(lambda: _fence(stack, fence), 60, f"{run} to hold its leases")  # noqa: B023
            until(lambda: len(sandbox.effects()) >= wanted or not process.is_running(), 120, f"{wanted} effects")  # noqa: B023
        time.sleep(dice.uniform(0.0, 0.5))
        assert process.is_running(), f"seed {SEED}: it has ended after {died_with} effects: {run}: {run.message}"
        process.kill()
        process.wait(10)
        died_with.append(len(sandbox.effects()))
        if dice.random() < 0.5:
            until(lambda: run.state == "Crashed", 30, f"{run} to crash")
        run.retry()
    run.process()
    run.wait(seconds=200)

    print(f"seed {SEED}: died after {died_with} effects; {' > '.join(run.history())}")
    assert run.state == "Completed", f"seed {SEED}: {run}: {run.message}"
    assert reconcile(sandbox) == [], f"seed {SEED}"
    assert doubled(sandbox) == [], f"seed {SEED}"
    assert not any(one["kind"].endswith(".updated") for one in sandbox.effects()), f"seed {SEED}"
    for row in run.balance().values():
        assert row["read"] == row["created"] == row["fetched"] - row["known"] == RECORDS // 2, f"seed {SEED}: {row}"


def _fence(stack: Stack, before: int) -> int | None:
    """The number of times that the organizations have been leased, if that is more than ``before``."""
    with stack.owner() as db:
        row = db.execute("select fence from lease where tenant = 'killed' and stream like '%organizations'").fetchone()
    return row[0] if row and row[0] > before else None
