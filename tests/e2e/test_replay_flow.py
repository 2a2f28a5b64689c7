"""The replay flow through its deployment, as the command line and the form of the Prefect UI start it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from typer.testing import CliRunner

from flows.oracle_zendesk import sync_customers
from ml_connector.cli.main import app
from tests.e2e.stack import FlowRun, Stack
from tests.e2e.test_prefect import MENDED, NAMELESS
from tests.installation import tell

CUSTOMERS = 12


def test_a_replay_is_previewed_and_then_sends_what_was_selected_and_nothing_else(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("again"), stack.sandbox
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    nameless = sandbox.mutate("oracle_fusion", "hubOrganizations", count=NAMELESS + 1, set={"OrganizationName": " "})
    first = tenant.start("organizations")
    assert first.wait() == "Completed"
    stack.touch("hubOrganizations", keys=nameless[:1], set={"OrganizationName": "Overtaken"})
    with stack.surroundings():
        assert asyncio.run(tell(sync_customers, tenant="again", streams=["organizations"])).is_completed()
    sandbox.fault("oracle_fusion", "status", status=503)  # down: a replay needs only what is stored
    tenant.configure(mapping=MENDED)
    since = len(sandbox.effects())

    rejected = ("replay", "again", "--run", first.id, "--state", "rejected")
    preview = _type(stack, *rejected, "--preview")
    assert preview.count("action=create") == NAMELESS
    assert "action=left out reason=a later run has overtaken 1" in preview
    assert len(sandbox.effects()) == since

    done = _type(stack, *rejected, "--reason", "the mapping is mended")
    assert f"read={NAMELESS} created={NAMELESS}" in done
    assert "left out of oracle_zendesk/organizations: 1 that a later run has overtaken" in done
    assert Counter(one["kind"] for one in sandbox.effects(since=since)) == {"organization.created": NAMELESS}
    told = _type(stack, "audit", "again", "--failed", "--format", "jsonl")
    assert len(told.splitlines()) == NAMELESS + 1  # what went wrong then is not forgotten
    [held] = sandbox.state("zendesk", "organizations")[:1]
    since = len(sandbox.effects())

    run = _form(stack, record_keys=[held["external_id"]], mode="replay", actor="ada", reason="a customer asked")
    assert run.wait() == "Completed"
    assert run.told["name"] == "again replay"
    assert [(one["kind"], one["key"]) for one in sandbox.effects(since=since)] == [
        ("organization.updated", held["external_id"])
    ]
    entries = [
        json.loads(line) for line in _type(stack, "audit", "again", "--run", run.id, "--format", "jsonl").splitlines()
    ]
    assert {(entry["actor"], entry["reason"]) for entry in entries} == {("ada", "a customer asked")}


def _form(stack: Stack, **filled: Any) -> FlowRun:
    """The UI's form, filled in and sent."""
    deployment = stack.api.get("/deployments/name/replay/again").raise_for_status().json()["id"]
    made = stack.api.post(f"/deployments/{deployment}/create_flow_run", json={"parameters": filled})
    return FlowRun(stack, made.raise_for_status().json()["id"])


def _type(stack: Stack, *words: str) -> str:
    with stack.surroundings():
        done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout
