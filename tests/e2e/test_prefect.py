"""What a person sees and does in Prefect, with a real server, worker and flow processes."""

from __future__ import annotations

import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.reconcile import doubled, reconcile
from tests.e2e.stack import LEASE_SECONDS, Stack, until

CUSTOMERS, CONTACTS = 40, 30
NAMELESS = 2
"""Customers whose name is empty, which Zendesk does not take."""


def test_a_run_shows_what_it_would_do_what_it_did_and_does_it_again(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("shown", minimum=3), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    sandbox.mutate("oracle_fusion", "hubOrganizations", count=NAMELESS, set={"OrganizationName": " "})
    before, tables = len(sandbox.effects()), _tables(stack)

    preview = tenant.start("organizations", mode="preview")
    assert preview.wait() == "Completed"
    assert (len(sandbox.effects()), _tables(stack)) == (before, tables)
    rows = preview.artifacts()["preview"]
    assert Counter(row["action"] for row in rows) == {"create": CUSTOMERS - NAMELESS, "rejected": NAMELESS}
    assert all("name" in row["fields"].split(", ") for row in rows if row["action"] == "create")

    first = tenant.start("organizations")
    assert first.wait() == "Completed"
    assert first.told["name"] == "shown organizations"
    assert {"tenant:shown", "integration:oracle_zendesk"} <= set(first.told["tags"])
    artifacts = first.artifacts()
    assert float(artifacts["progress"]) == 100
    assert first.balance()["organizations"] == {
        "stream": "oracle_zendesk/organizations", "fetched": CUSTOMERS, "known": 0, "read": CUSTOMERS,
        "created": CUSTOMERS - NAMELESS, "updated": 0, "unchanged": 0, "rejected": NAMELESS, "superseded": 0, "open": 0,
    }  # fmt: skip
    held = {str(one["id"]) for one in sandbox.state("zendesk", "organizations")}
    shown = [row["destination"] for row in artifacts["records"]]
    assert {link.partition("]")[0].removeprefix("[") for link in shown} == held
    assert all(f"({sandbox.url}/zendesk/agent/organizations/" in link for link in shown)
    assert artifacts["rejected"].count("| rejected | name, from `OrganizationName`: it is empty") == NAMELESS

    # Oracle is down: Retry on the completed run sends everything again, from the stored bodies
    sandbox.fault("oracle_fusion", "status", status=503)
    since = len(sandbox.effects())
    first.retry()
    assert first.wait() == "Completed"
    again = sandbox.effects(since=since)
    assert Counter(one["kind"] for one in again) == {"organization.updated": CUSTOMERS - NAMELESS}
    assert len({one["key"] for one in again}) == CUSTOMERS - NAMELESS
    assert first.balance()["organizations"] | {"fetched": 0} == {
        "stream": "oracle_zendesk/organizations", "fetched": 0, "known": 0, "read": CUSTOMERS,
        "created": 0, "updated": CUSTOMERS - NAMELESS, "unchanged": 0, "rejected": NAMELESS, "superseded": 0, "open": 0,
    }  # fmt: skip

    # more rejected records than the tenant allows
    sandbox.clear_faults()
    _change(stack, count=3, seed=7, set={"OrganizationName": " "})
    failed = tenant.start("organizations")
    assert failed.wait() == "Failed"
    assert "3 of 3 records were rejected, more than the tenant's limit of 5%" in failed.message


def test_of_two_runs_one_works_and_the_other_is_skipped_and_a_retry_on_a_running_one_does_no_harm(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("twice"), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    sandbox.seed("oracle_fusion", "contacts", CONTACTS)
    sandbox.fault("oracle_fusion", "delay", "GET", "*/hub*", seconds=2.0)

    runs = [tenant.start(), tenant.start()]
    until(lambda: any(run.state in ("Running", "Completed") for run in runs), 60, "a run to work")
    skipped = until(lambda: next((run for run in runs if run.state == "Skipped"), None), 60, "a run to be skipped")
    [working] = [run for run in runs if run is not skipped]
    assert f"is being written by flow run twice organizations, users ({working.id})" in skipped.message
    assert _seconds(skipped, "Running", "Skipped") < 2

    assert working.state == "Running"
    working.retry()
    until(lambda: len(working.processes()) == 2, 30, "a second process of the same run")
    assert working.wait() == "Completed"

    sandbox.clear_faults()
    assert reconcile(sandbox) == []
    assert doubled(sandbox) == []
    assert not any(one["kind"].endswith(".updated") for one in sandbox.effects())
    assert working.balance()["organizations"]["created"] == CUSTOMERS
    assert working.balance()["users"]["created"] == CONTACTS


def test_a_process_that_slept_through_its_lease_writes_nothing_more(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("sleeper"), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", 3 * CUSTOMERS)
    sandbox.seed("oracle_fusion", "contacts", CONTACTS)
    sandbox.fault("zendesk", "job_delay", seconds=1.0)

    sleeper = tenant.start()
    until(lambda: sandbox.kinds()["organization.created"], 60, "the first organizations")
    [process] = sleeper.processes()
    process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        with stack.owner() as db:
            expired = "select bool_and(until < clock_timestamp()) from lease where tenant = 'sleeper'"
            until(lambda: (db.execute(expired).fetchone() or [False])[0], 20, "its lease to run out")
        heir = tenant.start()
        assert heir.wait() == "Completed"
        time.sleep(max(0.0, stopped + 2 * LEASE_SECONDS - time.monotonic()))
        seen, calls = len(sandbox.effects()), sandbox.writes()
    finally:
        process.send_signal(signal.SIGCONT)
    assert sleeper.wait() == "Failed"

    assert "LeaseLost" in sleeper.message
    assert (len(sandbox.effects()), sandbox.writes()) == (seen, calls)
    sandbox.clear_faults()
    assert reconcile(sandbox) == []
    assert doubled(sandbox) == []


def _tables(stack: Stack) -> dict[str, Any]:
    """Every row of ours. Tokens and rate limits belong to the connection, whoever uses it."""
    with stack.owner() as db:
        names = [row[0] for row in db.execute("select tablename from pg_tables where schemaname = 'public'")]
        kept = sorted(set(names) - {"token", "rate_bucket"})
        return {name: sorted(row[0] for row in db.execute(f"select t::text from {name} t")) for name in kept}


def _change(stack: Stack, **change: Any) -> None:
    # the source's clock counts whole seconds: what was changed in the current one is for the next window
    when = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
    stack.sandbox.mutate("oracle_fusion", "hubOrganizations", last_update_date=when, **change)


def _seconds(run: Any, first: str, last: str) -> float:
    at = {state["name"]: datetime.fromisoformat(state["timestamp"]) for state in run.states()}
    return (at[last] - at[first]).total_seconds()
