"""Who is told when something goes wrong, and how a run whose process has died comes back: by a real Prefect server."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from typer.testing import CliRunner

from ml_connector.cli.automation_plan import expect_runs
from ml_connector.cli.automations import COMES_BACK
from ml_connector.cli.children import MARK, left_over
from ml_connector.cli.main import app
from ml_connector.cli.plan import wanted_deployments
from ml_connector.cli.services import WORK_POOL
from ml_connector.cli.templates import load_templates
from ml_connector.core.connections import put_secret
from ml_connector.core.secret import Secret
from ml_connector.core.settings import ROOT
from ml_connector.core.tenants import load_tenant
from tasks.alerts import webhook_deactivated
from tasks.webhooks import webhook_findings
from tasks.workspace import open_workspace
from tests.e2e.listener import Listener, listening
from tests.e2e.reconcile import doubled, reconcile
from tests.e2e.stack import FLOW, Stack, until
from tests.notices import stack_file

OTHER_FLOW = "prune"
CUSTOMERS = 40
SHORT = 12.0
"""Seconds that the server of a test waits for what ought to come, instead of minutes."""


@pytest.fixture(autouse=True)
def nothing_is_left(stack: Stack) -> Iterator[None]:
    """Neither tenants, which would meet at one Zendesk, nor automations: other tests kill runs as well."""
    yield
    for file in (stack.home / "tenants").glob("*.yaml"):
        if file.stem != "defaults":
            file.unlink()
    _apply(stack)
    assert not _automations(stack)


@pytest.fixture
def listener(stack: Stack) -> Iterator[Listener]:
    """Hears what the notification block ``custom-webhook/ops`` is to send."""
    with listening() as listener:
        block = CustomWebhookNotificationBlock(
            name="ops", url=listener.url, json_data={"subject": "{{subject}}", "body": "{{body}}"}
        )
        with stack.surroundings():
            block.save("ops", overwrite=True, _sync=True)  # type: ignore[call-arg]
        yield listener


def test_each_kind_of_trouble_ends_as_one_notification(stack: Stack, listener: Listener) -> None:
    tenant, sandbox = stack.tenant("alerted"), stack.sandbox
    file = stack.home / "tenants" / "alerted.yaml"
    without = file.read_text()
    assert "Nobody is told of failures of" in _apply(stack)
    file.write_text(without + "alerts: {block: custom-webhook/nobody}\n")
    assert "custom-webhook/nobody, which Prefect does not have" in _apply(stack, code=2)
    file.write_text(without + "alerts: {block: custom-webhook/ops}\n")
    _apply(stack)
    before = _automations(stack)
    alerts = [name for name in before if name.startswith("ml-connector alerted: ")]
    assert len(alerts) > 5
    assert "create" not in _apply(stack)
    assert _automations(stack) == before

    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    sandbox.fault("oracle_fusion", "status", "GET", "*/hub*", status=400)
    failed = tenant.start("organizations")
    assert failed.wait() == "Failed"
    [told] = until(lambda: listener.about("Failed"), 60, "a notification of the failed run")
    assert told["subject"] == "[ml-connector] alerted organizations: Failed"
    assert failed.message in told["body"]
    assert f"/runs/flow-run/{failed.id}" in told["body"]
    sandbox.clear_faults()
    assert tenant.start("organizations").wait() == "Completed"

    with stack.owner() as db:
        db.execute("update batch set open = true where tenant = 'alerted'")
        db.execute(
            "update effect set state = 'needs_human' where id = any(array("
            "select id from effect where tenant = 'alerted' and state = 'applied' order by id limit 2))"
        )
    for _ in range(2):
        assert tenant.start("organizations").wait() == "Completed"
    [told] = until(lambda: listener.about("records need a decision"), 60, "a notification of the records")
    assert "2 records: 3000" in told["body"]

    sandbox.fault("zendesk", "expire_token", times=1)
    sandbox.fault("zendesk", "status", path="*oauth*", status=401, body={"error": "invalid_client"})
    stack.touch("customers", count=3, set={"City": "Elsewhere"})
    assert [tenant.start("organizations").wait() for _ in range(2)] == ["Disconnected"] * 2
    [told] = until(lambda: listener.about("must be reconnected"), 60, "a notification of the connection")
    assert "alerted/zendesk" in told["subject"]
    sandbox.clear_faults()

    with stack.surroundings():
        told_of = webhook_deactivated("alerted", "zendesk", "Zendesk has switched it off after too many failures")
        assert asyncio.run(told_of)
    until(lambda: listener.about("a webhook was deactivated"), 60, "a notification of the webhook")

    for once in ("must be reconnected", "need a decision", "organizations: Failed"):
        assert len(listener.about(once)) == 1, once
    assert not listener.about("Disconnected")

    file.write_text(without)
    assert _apply(stack, code=1).count("remove") == len(alerts)  # 1: its connection is still refused
    assert not _automations(stack, "tenant:alerted")


@pytest.mark.slow
def test_a_run_that_is_missing_is_told_of_until_one_begins(stack: Stack, listener: Listener) -> None:
    tenant = stack.tenant("alerted")
    file = stack.home / "tenants" / "alerted.yaml"
    file.write_text(file.read_text() + "alerts: {block: custom-webhook/ops}\n")
    _apply(stack)
    _impatient(stack, f"ml-connector alerted: {FLOW} has not run", SHORT)
    _impatient(stack, f"ml-connector alerted: {OTHER_FLOW} has not run", SHORT)
    began = time.monotonic()
    assert tenant.start("organizations").wait() == "Completed"
    with stack.surroundings():
        wanted = wanted_deployments(load_templates(), [load_tenant(file)])
        asyncio.run(expect_runs([one for one in wanted if one.template.flow == OTHER_FLOW]))  # it has never run
    for flow in (FLOW, OTHER_FLOW):
        until(lambda: listener.about(f"{flow}/alerted has not run"), 60, "a notification of a missing run")  # noqa: B023
        print(f"{flow}: told {time.monotonic() - began:.1f} s after the start of a run")
    time.sleep(0.5 * SHORT)  # a server that is very busy may tell the same twice
    about = listener.about("has not run")
    time.sleep(1.5 * SHORT)
    assert listener.about("has not run") == about, "not told again, until a run begins"


@pytest.mark.slow
def test_a_revoked_token_of_slack_is_one_notification_and_runs_go_on_where_they_were_when_there_is_another(
    stack: Stack, listener: Listener
) -> None:
    sandbox = stack.sandbox
    sandbox.reset()
    sandbox.seed("oracle_fusion", "invoices", 6)
    rule = "\n      - {name: invoices, streams: invoices, to: procurement}\n"
    text = stack_file("told", rule).replace("    channels:", "    app_id: A0SANDBOX1\n    channels:")
    deployment = stack.deploy("told", f"{text}\nalerts: {{block: custom-webhook/ops}}\n", "oracle-slack-notify")
    _apply(stack)
    with stack.surroundings():
        asyncio.run(_put("told", "slack", "webhook_secret_app", "sandbox-signing-secret"))
        sandbox.settings("slack", events_url=asyncio.run(_request_url("told", "slack")), posts_per_second=None)

    sandbox.fault("slack", "expire_token", "POST", "/api/chat.postMessage", every=3)
    runs = [stack.run(deployment, streams=["invoices"]).wait() for _ in range(3)]
    until(lambda: listener.about("told/slack must be reconnected"), 60, "a notification of the connection")
    sandbox.clear_faults()
    sandbox.settings("slack", token="xoxb-another")
    with stack.surroundings():
        asyncio.run(_put("told", "slack", "token", "xoxb-another"))
    last = stack.run(deployment, streams=["invoices"])

    assert (runs, last.wait()) == (["Disconnected"] * 3, "Completed")
    assert len(sandbox.state("slack", "messages")) == 6
    sandbox.mutate("slack", "channels", keys=["C0PROCURE1"], set={"is_archived": True})
    [told] = until(lambda: listener.about("is archived"), 60, "a notification of the channel")
    assert "Rules that send messages there: invoices" in told["body"]
    assert [one["subject"] for one in listener.heard if "archived" not in one["subject"]] == [
        "[ml-connector] told/slack must be reconnected"
    ]


async def _put(tenant: str, connection: str, name: str, value: str) -> None:
    async with open_workspace(tenant) as opened:
        await put_secret(opened.db, opened.vault, tenant, connection, name, Secret(value))


async def _request_url(tenant: str, connection: str) -> str:
    """As `ping` shows it to who configures the app."""
    async with open_workspace(tenant) as opened:
        [finding] = await webhook_findings(opened, connection)
    found = re.search(r"Request URL: ([^\s,]+)", str(finding.hint))
    assert found
    return found[1]


@pytest.mark.slow
def test_a_run_whose_process_dies_comes_back_by_itself_but_not_for_ever(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("comesback"), stack.sandbox
    _apply(stack)
    _impatient(stack, "ml-connector: run that is coming back goes on", SHORT)
    assert [line for line in _apply(stack).splitlines() if "  update  " in line and "goes on" in line]
    _impatient(stack, "ml-connector: run that is coming back goes on", SHORT)
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    sandbox.fault("zendesk", "too_many_jobs")  # it waits before its first write, until the fault is cleared
    run = tenant.start("organizations")
    took, died = [], time.monotonic()
    for count in range(1, COMES_BACK + 2):
        until(lambda: run.told["run_count"] == count and run.state == "Running", 60, f"start {count} of {run}")  # noqa: B023
        took.append(round(time.monotonic() - died, 1))
        [process] = run.processes()
        process.kill()
        died = time.monotonic()

    until(lambda: run.state == "Crashed", 30, f"{run} to crash")
    time.sleep(2 * SHORT)
    print(f"back after {took} s: {' > '.join(run.history())}")
    assert run.state == "Crashed"
    assert run.told["run_count"] == COMES_BACK + 1
    sandbox.clear_faults()
    run.retry()
    assert run.wait() == "Completed"
    assert reconcile(sandbox) == []
    assert doubled(sandbox) == []


@pytest.mark.slow
def test_so_does_one_whose_worker_is_gone_with_it(stack: Stack) -> None:
    tenant, sandbox = stack.tenant("machine"), stack.sandbox
    _apply(stack)
    _impatient(stack, "ml-connector: run without a sign of life", 32.0)  # heartbeats come every 30 s
    _impatient(stack, "ml-connector: run that is coming back goes on", SHORT)
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    sandbox.fault("zendesk", "too_many_jobs")
    worker = next(process for process in left_over(stack.home) if "worker" in process.cmdline())
    worker.suspend()
    try:
        with _machine(stack):
            run = tenant.start("organizations")
            until(lambda: run.state == "Running" and run.processes(), 60, f"{run} to begin")
            time.sleep(1)
            for process in run.processes():
                process.kill()
    finally:
        worker.resume()
    died = time.monotonic()
    sandbox.clear_faults()
    until(lambda: run.told["run_count"] == 2, 90, f"{run} to come back")
    print(f"back after {time.monotonic() - died:.1f} s: {' > '.join(run.history())}")
    assert run.wait() == "Completed"
    assert any("No sign of life" in (state["message"] or "") for state in run.states())
    assert reconcile(sandbox) == []
    assert doubled(sandbox) == []


@contextmanager
def _machine(stack: Stack) -> Iterator[None]:
    """Another worker, which is gone without a word in the end."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process"]
    own = {"PREFECT_WORKER_QUERY_SECONDS": "1", MARK: str(stack.home), "ML_CONNECTOR_CHECKOUT": str(ROOT)}
    with stack.surroundings():
        environment = {**os.environ, **own, "PREFECT_HOME": str(stack.home / "machine")}
    with (stack.home / "machine.log").open("wb") as log:
        worker = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        worker.kill()
        worker.wait(10)


def _impatient(stack: Stack, name: str, seconds: float) -> None:
    """Let an automation wait for seconds instead of minutes."""
    found = _automations(stack)[name]
    found["trigger"]["within"] = seconds
    told = {key: value for key, value in found.items() if key not in ("id", "created", "updated")}
    stack.api.put(f"/automations/{found['id']}", json=told).raise_for_status()


def _apply(stack: Stack, *, code: int = 0) -> str:
    with stack.surroundings():
        done = CliRunner().invoke(app, ["apply"])
    assert done.exit_code == code, done.output
    return done.output


def _automations(stack: Stack, tag: str = "ml-connector") -> dict[str, Any]:
    found = stack.api.post("/automations/filter", json={}).raise_for_status().json()
    return {one["name"]: one for one in found if tag in one["tags"]}
