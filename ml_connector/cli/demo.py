"""``demo``: what is in the ERPs arrives in Zendesk and Slack, and tickets in Oracle, by a real Prefect."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.sorting import FlowRunSort

from ml_connector.cli import demo_qad, demo_slack, demo_workday
from ml_connector.cli.apply import carry_out_all
from ml_connector.cli.automation_plan import carry_out_automations, existing_automations, plan_automations
from ml_connector.cli.automations import wanted_automations
from ml_connector.cli.database import open_database, open_vault
from ml_connector.cli.demo_summary import Act, Summary, hints
from ml_connector.cli.emulators import Emulators, emulators
from ml_connector.cli.follow import follow
from ml_connector.cli.plan import existing_deployments, plan, wanted_deployments
from ml_connector.cli.prefect_api import page_of, prefect_api
from ml_connector.cli.run import start
from ml_connector.cli.stack import Stack
from ml_connector.cli.templates import load_templates
from ml_connector.cli.up import keep_up, until_stopped
from ml_connector.core.credentials import put_secret
from ml_connector.core.errors import AbortRun, Misconfigured
from ml_connector.core.run_query import recent_runs
from ml_connector.core.secret import Secret
from ml_connector.core.settings import settings
from ml_connector.core.tenant_rows import register
from ml_connector.core.tenants import load_tenant

TENANT = "demo"
FLOW = "oracle-zendesk-sync-customers"
EVENTS_FLOW = "oracle-zendesk-log-ticket-events"
CUSTOMERS, CONTACTS, CHANGED = 200, 250, 7
TICKETS, SOLVED = 25, 10
_PATIENCE = 60.0
"""Seconds that ticket events may take to become notes."""
SOLUTION = {"set": {"status": "solved"}, "comment": {"body": "The part was replaced.", "public": True}}
_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - of clients that exist in the sandbox only
_TOKEN = "xoxb-sandbox-token"  # noqa: S105 - as above
_PASSWORD = "sandbox-password"  # noqa: S105 - as above
_SECRETS = {
    "bearer": ("token", _TOKEN),
    "oauth_password": ("password", _PASSWORD),
    "ws_security": ("password", _PASSWORD),
}
"""By the kind of authentication; all others have a client."""


async def demo(*, once: bool, port: int) -> int:
    """Show it; with ``once`` the exit code is 1 if an expected effect is missing, and nothing stays up."""
    began = time.monotonic()

    async def work(stack: Stack) -> int:
        summary = await _perform(stack)
        summary.seconds = round(time.monotonic() - began, 1)
        summary.write()
        summary.show()
        if not once:
            await _resume()
            hints(TENANT, FLOW, summary.acts[0].flow_run_id, summary.ui)
            await until_stopped()
        return 0 if summary.ok else 1

    return await keep_up(port, work, fresh=True)


async def _perform(stack: Stack) -> Summary:
    summary = Summary(stack.ui)
    await _store_secrets()
    async with prefect_api() as client, emulators(stack.sandbox) as vendors:
        await vendors.seed("oracle_fusion", "customers", CUSTOMERS)
        await vendors.seed("oracle_fusion", "contacts", CONTACTS)
        await _apply(client)
        summary.acts.append(await _run(client, vendors, "all customers and contacts", await _everything(vendors)))
        await vendors.mutate("oracle_fusion", "customers", CHANGED)
        expected = Counter({"zendesk organization.updated": CHANGED})
        summary.acts.append(await _run(client, vendors, f"{CHANGED} customers changed in Oracle", expected))
        told = await demo_qad.enter(vendors)
        summary.acts.append(await _run(client, vendors, "customers of QAD", told, demo_qad.FLOW))
        told = await demo_workday.enter(vendors)
        summary.acts.append(await _run(client, vendors, "suppliers of Workday", told, demo_workday.FLOW))
        come_in = vendors.seed("zendesk", "tickets", TICKETS)
        summary.acts.append(await _hear(client, vendors, f"{TICKETS} tickets come in", _notes(TICKETS), come_in))
        for erp, people in (("QAD", demo_qad), ("Workday", demo_workday)):
            told = Counter({"zendesk ticket.updated": people.TICKETS})
            title = f"{people.TICKETS} tickets that concern {erp}"
            written = people.write_tickets(vendors)
            summary.acts.append(await _hear(client, vendors, title, told, written, people.TICKETS_FLOW))
        solved = vendors.mutate("zendesk", "tickets", SOLVED, **SOLUTION)
        summary.acts.append(await _hear(client, vendors, f"{SOLVED} tickets are solved", _notes(SOLVED), solved))
        told = await demo_slack.enter(vendors)
        summary.acts.append(await _run(client, vendors, "invoices, holds, journals", told, demo_slack.FLOW))
        told = await demo_slack.acknowledge(vendors)
        summary.acts.append(await _run(client, vendors, "orders are acknowledged", told, demo_slack.FLOW))
    return summary


async def _store_secrets() -> None:
    async with open_database() as db:
        if await recent_runs(db, TENANT, failed=False, limit=1):
            raise Misconfigured(
                "ML_CONNECTOR_DATABASE_URL holds an earlier demo, whose vendors have forgotten everything: take an "
                "empty database, or unset it, and the demo starts one of its own"
            )
        vault = await open_vault(db)
        for name, connection in load_tenant(settings().tenants_dir / f"{TENANT}.yaml").connections.items():
            secret, value = _SECRETS.get(connection.auth.type, ("client_secret", _CLIENT_SECRET))
            await put_secret(db, vault, TENANT, name, secret, Secret(value))
        await register(db, [TENANT])


async def _apply(client: PrefectClient) -> None:
    """As `apply` does, for this tenant only, and paused: no scheduled run comes between the two that we count."""
    config = load_tenant(settings().tenants_dir / f"{TENANT}.yaml")
    wanted = wanted_deployments(load_templates(), [config])
    changes = plan(wanted, await existing_deployments(client))
    await carry_out_all(client, [config], [], changes, paused=True)
    automations = plan_automations(await wanted_automations(wanted, {}), await existing_automations(client))
    await carry_out_automations(client, automations)


async def _everything(vendors: Emulators) -> Counter[str]:
    """What must happen at Zendesk, from what Oracle holds: balances and limits reach their organizations apart."""
    persons = await vendors.objects("oracle_fusion", "contacts")
    accounts = await vendors.objects("oracle_fusion", "accounts")
    orders = await vendors.objects("oracle_fusion", "purchase_orders")
    with_account = len({account["CustomerId"] for account in accounts})
    sellers = len({order["SupplierId"] for order in orders})
    return Counter(
        {
            "zendesk organization.created": CUSTOMERS,
            "zendesk organization.updated": 2 * with_account + sellers,  # receivables and credit; purchase orders
            "zendesk user.created": len(persons),
            "zendesk membership.created": sum(person["OrganizationPartyId"] is not None for person in persons),
            "zendesk identity.created": sum(person["EmailAddress"] is not None for person in persons),
        }
    )


async def _run(client: PrefectClient, vendors: Emulators, title: str, expected: Counter[str], flow: str = FLOW) -> Act:
    _, before = await vendors.effects(0)
    began = time.monotonic()
    started = await start(client, TENANT, flow, {})
    state = await follow(client, started.id, label=title)
    if not state.is_completed():
        raise AbortRun(f"the run ended as {state.name}: {state.message}; see {page_of(started.id)}")
    seen, _ = await vendors.effects(before)
    return Act(title, str(started.id), round(time.monotonic() - began, 1), expected, seen)


async def _hear(
    client: PrefectClient,
    vendors: Emulators,
    title: str,
    expected: Counter[str],
    happens: Awaitable[object],
    flow: str = EVENTS_FLOW,
) -> Act:
    """Something happens in Zendesk, which tells us by webhook; whoever rings and drains does so by itself."""
    _, before = await vendors.effects(0)
    began = time.monotonic()
    await happens
    seen: Counter[str] = Counter()
    while expected - seen and time.monotonic() - began < _PATIENCE:
        await asyncio.sleep(0.2)
        seen, _ = await vendors.effects(before)
    seconds = round(time.monotonic() - began, 1)
    return Act(title, str(await _last_run(client, flow)), seconds, expected, seen)


def _notes(count: int) -> Counter[str]:
    return Counter({"oracle_fusion note.created": count, "oracle_fusion note.text": count})


async def _last_run(client: PrefectClient, flow: str) -> UUID | None:
    [*runs] = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])), sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=1
    )
    return runs[0].id if runs else None


async def _resume() -> None:
    async with prefect_api() as client:
        for deployment in (await existing_deployments(client)).values():
            await client.resume_deployment(deployment.id)
