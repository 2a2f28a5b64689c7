"""What a person sees and does in Prefect, with a real server, worker and flow processes."""

from __future__ import annotations

import signal
import time
from collections import Counter
from datetime import datetime
from typing import Any

from tests.e2e.reconcile import doubled, reconcile
from tests.e2e.stack import LEASE_SECONDS, Stack, until

CUSTOMERS, CONTACTS = 40, 30
NAMELESS = 3
"""Customers whose name is empty, which Zendesk does not take."""
_CITY = "organization_fields: {city: {title: City, type: text}}"
NOT_APPLIED = f"{{fields: {{organization_fields.city: City}}, custom_fields: {{{_CITY}}}}}"
MENDED = "{fields: {name: 'first_nonempty(OrganizationName, PartyNumber)'}}"


def test_a_run_shows_what_it_would_do_and_what_it_did_and_retry_does_the_rest_and_then_all_again(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("shown", minimum=NAMELESS), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    sandbox.mutate("oracle_fusion", "hubOrganizations", count=NAMELESS, set={"OrganizationName": " "})
    taken = CUSTOMERS - NAMELESS

    before, tables = len(sandbox.effects()), _tables(stack, tenant.name)
    file = stack.home / "tenants" / "shown.yaml"
    applied = file.read_text()
    file.write_text(applied.replace("mapping: {}", f"mapping: {NOT_APPLIED}"))
    preview = tenant.start("organizations", mode="preview")
    assert preview.wait() == "Completed"
    file.write_text(applied)
    now = _tables(stack, tenant.name)
    assert {name: rows for name, rows in now.items() if rows != tables[name]} == {}
    assert len(sandbox.effects()) == before
    rows = preview.artifacts()["preview"]
    assert Counter(row["action"] for row in rows) == {"create": taken, "rejected": NAMELESS}
    assert all("organization_fields.city" in row["fields"] for row in rows if row["action"] == "create")
    wanted = {"artifacts": {"flow_run_id": {"any_": [preview.id]}}}
    (shown,) = stack.api.post("/artifacts/filter", json=wanted).raise_for_status().json()
    assert shown["description"].endswith("that `ml-connector apply` creates: organization_fields.city.")

    run = tenant.start("organizations")
    assert run.wait() == "Failed"
    assert f"{NAMELESS} of {CUSTOMERS} records were rejected, more than the tenant's limit of 5%" in run.message
    assert run.told["name"] == "shown organizations"
    assert {"tenant:shown", "integration:oracle_zendesk"} <= set(run.told["tags"])
    artifacts = run.artifacts()
    assert float(artifacts["progress"]) == 100
    assert artifacts["balance"] == [_row(fetched=CUSTOMERS, created=taken, rejected=NAMELESS)]
    shown = {row["destination"] for row in artifacts["records"]}
    there = {str(one["id"]) for one in sandbox.state("zendesk", "organizations")}
    assert shown == {f"[{key}]({sandbox.url}/zendesk/agent/organizations/{key})" for key in there}
    assert artifacts["rejected"].count("| rejected | name, from ``cut(OrganizationName, `255`)``: it is") == NAMELESS

    since = len(sandbox.effects())
    sandbox.fault("oracle_fusion", "status", status=503)  # down: what follows needs only what is stored
    tenant.configure(minimum=NAMELESS, mapping=MENDED)
    run.retry()
    assert run.wait() == "Completed"
    assert Counter(one["kind"] for one in sandbox.effects(since=since)) == {"organization.created": NAMELESS}
    assert run.artifacts()["balance"] == [_row(fetched=CUSTOMERS, created=CUSTOMERS)]

    since = len(sandbox.effects())
    run.retry()
    assert run.wait() == "Completed"
    again = [(one["kind"], one["key"]) for one in sandbox.effects(since=since)]
    parties = sandbox.state("oracle_fusion", "hubOrganizations")
    assert sorted(again) == sorted(("organization.updated", party["PartyNumber"]) for party in parties)
    assert run.artifacts()["balance"] == [_row(fetched=CUSTOMERS, updated=CUSTOMERS)]


def test_of_two_runs_one_works_and_the_other_is_skipped_and_a_retry_on_a_running_one_does_no_harm(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("twice"), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    sandbox.seed("oracle_fusion", "contacts", CONTACTS)
    sandbox.fault("zendesk", "too_many_jobs")  # it waits before its first write, until the fault is cleared

    runs = [tenant.start(), tenant.start()]
    skipped = until(lambda: next((run for run in runs if run.state == "Skipped"), None), 120, "a run to be skipped")
    [working] = [run for run in runs if run is not skipped]
    assert f"is being written by flow run twice organizations, users ({working.id})" in skipped.message
    assert _seconds(skipped, "Running", "Skipped") < 2 * LEASE_SECONDS, (
        "who waits for a lease does so for three times as long"
    )

    assert working.state == "Running"
    working.retry()
    until(lambda: working.told["run_count"] == 2, 120, "a second process of the same run")
    assert len(working.processes()) == 2
    sandbox.clear_faults()
    assert working.wait() == "Completed"

    assert reconcile(sandbox) == []
    assert doubled(sandbox) == []
    assert not any(one["kind"].endswith(".updated") for one in sandbox.effects())
    assert working.balance()["organizations"]["created"] == CUSTOMERS
    assert working.balance()["users"]["created"] == CONTACTS


def test_a_process_that_slept_through_its_lease_writes_nothing_more(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("sleeper"), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", 3 * CUSTOMERS)
    sandbox.seed("oracle_fusion", "contacts", CONTACTS)
    sandbox.fault("zendesk", "job_delay", seconds=5.0)

    sleeper = tenant.start()
    until(lambda: sandbox.kinds()["organization.created"], 120, "the first organizations")
    [process] = sleeper.processes()
    process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    sandbox.clear_faults()
    try:
        with stack.owner() as db:
            expired = "select bool_and(until < clock_timestamp()) from lease where tenant = 'sleeper'"
            until(lambda: (db.execute(expired).fetchone() or [False])[0], 60, "its lease to run out")
        heir = tenant.start()
        assert heir.wait() == "Completed"
        time.sleep(max(0.0, stopped + 2 * LEASE_SECONDS - time.monotonic()))
        seen, calls = len(sandbox.effects()), sandbox.writes()
    finally:
        process.send_signal(signal.SIGCONT)
    assert sleeper.wait() == "Failed"

    assert "LeaseLost" in sleeper.message
    assert (len(sandbox.effects()), sandbox.writes()) == (seen, calls)
    assert reconcile(sandbox) == []
    assert doubled(sandbox) == []


def _row(fetched: int, **counts: int) -> dict[str, Any]:
    """The line of the balance table about the organizations."""
    kinds = dict.fromkeys(("created", "updated", "digested", "unchanged", "rejected", "superseded", "open"), 0)
    return {
        "stream": "oracle_zendesk/organizations",
        "fetched": fetched,
        "known": 0,
        "read": fetched,
        **kinds,
        **counts,
    }


def _tables(stack: Stack, tenant: str) -> dict[str, list[str]]:
    """Every row of a tenant's. Tokens and keys are made by whoever is the first to need one."""
    names = set(stack.tables("ml_connector")) - {"token", "data_key"}
    return {name: [row for row in stack.rows("ml_connector", name) if f"({tenant}," in row] for name in names}


def _seconds(run: Any, first: str, last: str) -> float:
    at = {state["name"]: datetime.fromisoformat(state["timestamp"]) for state in run.states()}
    return (at[last] - at[first]).total_seconds()
