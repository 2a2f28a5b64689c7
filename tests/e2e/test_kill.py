"""``kill -9`` of the flow's process at random moments of a sync, and Retry as often as it takes.

``E2E_KILLS=20 E2E_RECORDS=2000 pytest -m slow -o timeout=900 tests/e2e/test_kill.py`` is the long version (four minutes
for customers on two cores, then QAD and Workday, with their tickets); ``E2E_SEED`` repeats one.
"""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from ml_connector.core.settings import settings
from tests.e2e.erp_qad import Qad
from tests.e2e.erp_workday import Workday
from tests.e2e.erps import Erp, shown
from tests.e2e.reconcile import doubled, reconcile
from tests.e2e.stack import FlowRun, Stack, until
from tests.installation import Installation

KILLS = int(os.environ.get("E2E_KILLS", "3"))
RECORDS = int(os.environ.get("E2E_RECORDS", "200"))
SEED = int(os.environ.get("E2E_SEED", random.SystemRandom().randrange(10**6)))
PAGES = 40
"""All records come in so many reads, and each takes its time: so the deaths are spread over the whole sync."""


@pytest.mark.slow
def test_killed_and_retried_every_record_arrives_once(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("killed"), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", RECORDS // 2)
    sandbox.seed("oracle_fusion", "contacts", RECORDS // 2)
    sandbox.fault("oracle_fusion", "cap_page", rows=RECORDS // PAGES)
    sandbox.fault("oracle_fusion", "delay", "GET", "*/hub*", seconds=0.2)
    sandbox.fault("zendesk", "job_delay", seconds=0.4)
    run = tenant.start()
    _kill_and_retry(stack, run, "killed", "organizations", int(1.7 * RECORDS))  # of some 2 a record

    assert reconcile(sandbox) == [], f"seed {SEED}"
    assert doubled(sandbox) == [], f"seed {SEED}"
    assert not any(one["kind"].endswith(".updated") for one in sandbox.effects()), f"seed {SEED}"
    for row in run.balance().values():
        assert row["read"] == row["created"] == row["fetched"] - row["known"] == RECORDS // 2, f"seed {SEED}: {row}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("kind", "effects"), [(Qad, 3.5), (Workday, 1.8)], ids=["qad", "workday"])
def test_killed_and_retried_all_of_qad_and_workday_arrives_once(stack: Stack, kind: type[Erp], effects: float) -> None:
    erp, deployments = _deployed(stack, kind, RECORDS // 2)
    sandbox, source = stack.sandbox, erp.tenant.source
    sandbox.fault(source, "delay", path=erp.reading, seconds=0.2)
    sandbox.fault("zendesk", "job_delay", seconds=0.4)
    run = stack.run(deployments["customers"], streams=list(erp.synced))
    _kill_and_retry(stack, run, erp.tenant.name, "organizations", int(effects * RECORDS / 2))
    assert erp.wrong() == [], f"seed {SEED}"
    sandbox.clear_faults()

    since = len(sandbox.effects())
    wanted = erp.make_tickets(RECORDS // 2)
    sandbox.fault("zendesk", "delay", "PUT", "/api/v2/tickets/*", seconds=2.0)
    run = stack.run(deployments["tickets"])
    _kill_and_retry(stack, run, erp.tenant.name, "tickets", int(0.4 * RECORDS), since)
    found = shown(sandbox)
    assert {ticket: found[ticket] for ticket in wanted} == wanted, f"seed {SEED}"
    assert sandbox.kinds(since) == {"ticket.updated": len(wanted)}, f"seed {SEED}"


def _deployed(stack: Stack, kind: type[Erp], records: int) -> tuple[Erp, dict[str, str]]:
    """A tenant of one of the two, with its deployments. It hears no events: the export tells."""
    name, sandbox = f"killed{kind.integration.partition('_')[0]}", stack.sandbox
    sandbox.reset()
    sandbox.settings("zendesk", rate_scale=None, webhook_drop=1.0)
    with stack.surroundings():
        erp = kind(Installation(sandbox, settings().database_url), name=name, page_size=max(1, records // PAGES))
        asyncio.run(erp.prepare(records))
    text = (stack.home / "tenants" / f"{name}.yaml").read_text()
    flows = {"customers": erp.sync_flow, "tickets": erp.ticket_flow}
    return erp, {what: stack.deploy(name, text, flow.name) for what, flow in flows.items()}


def _kill_and_retry(stack: Stack, run: FlowRun, tenant: str, stream: str, effects: int, since: int = 0) -> None:
    """Kill the run's process KILLS times, until Zendesk has seen some of so many effects, and press Retry.

    ``stream``: one that the run leases.
    """
    dice = random.Random(SEED)
    died_with: list[int] = []
    fence = 0
    for wanted in sorted(dice.randrange(effects) for _ in range(KILLS)):
        process = run.process()
        if dice.random() < 0.85:
            fence = until(lambda: _fence(stack, tenant, stream, fence), 120, f"{run} to hold its leases")  # noqa: B023
            until(lambda: _seen(stack, since) >= wanted or not process.is_running(), 120, f"{wanted} effects")  # noqa: B023
        time.sleep(dice.uniform(0.0, 0.5))
        assert process.is_running(), f"seed {SEED}: it has ended after {died_with} effects: {run}: {run.message}"
        process.kill()
        process.wait(10)
        died_with.append(_seen(stack, since))
        if dice.random() < 0.5:
            until(lambda: run.state == "Crashed", 30, f"{run} to crash")
        run.retry()
    run.process()
    run.wait(seconds=200)
    print(f"seed {SEED}: died after {died_with} effects; {' > '.join(run.history())}")
    assert run.state == "Completed", f"seed {SEED}: {run}: {run.message}"


def _seen(stack: Stack, since: int) -> int:
    return len(stack.sandbox.effects(since=since))


def _fence(stack: Stack, tenant: str, stream: str, before: int) -> int | None:
    """How often a stream has been leased, if that is more than ``before``."""
    with stack.owner() as db:
        wanted = (tenant, f"%/{stream}")
        row = db.execute("select fence from lease where tenant = %s and stream like %s", wanted).fetchone()
    return row[0] if row and row[0] > before else None
