"""``demo``: what is in the ERPs arrives in Zendesk, Slack and Asana, tickets and completed tasks in Oracle."""

from __future__ import annotations

import time
from collections import Counter

from prefect.client.orchestration import PrefectClient

from ml_connector.cli import demo_asana, demo_qad, demo_slack, demo_workday
from ml_connector.cli.apply import carry_out_all
from ml_connector.cli.automation_plan import carry_out_automations, existing_automations, plan_automations
from ml_connector.cli.automations import wanted_automations
from ml_connector.cli.database import open_database
from ml_connector.cli.demo_secrets import TENANT, store_sandbox_secrets
from ml_connector.cli.demo_stage import Scene, Stage
from ml_connector.cli.demo_summary import Summary, hints
from ml_connector.cli.emulators import Emulators, emulators
from ml_connector.cli.plan import existing_deployments, plan, wanted_deployments
from ml_connector.cli.prefect_api import prefect_api
from ml_connector.cli.stack import Stack
from ml_connector.cli.templates import load_templates
from ml_connector.cli.up import keep_up, until_stopped
from ml_connector.core.errors import Misconfigured
from ml_connector.core.run_query import recent_runs
from ml_connector.core.settings import settings
from ml_connector.core.tenants import load_tenant

FLOW = "oracle-zendesk-sync-customers"
EVENTS_FLOW = "oracle-zendesk-log-ticket-events"
CUSTOMERS, CONTACTS, CHANGED = 200, 250, 7
TICKETS, SOLVED = 25, 10
SOLUTION = {"set": {"status": "solved"}, "comment": {"body": "The part was replaced.", "public": True}}


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
    """Runs of different destinations go together: to start one takes most of its time."""
    await _store_secrets()
    async with prefect_api() as client, emulators(stack.sandbox) as vendors:
        await vendors.seed("oracle_fusion", "customers", CUSTOMERS)
        await vendors.seed("oracle_fusion", "contacts", CONTACTS)
        await _apply(client)
        stage = Stage(client, vendors)
        await stage.run(Scene("all customers and contacts", FLOW, await _everything(vendors)))
        await vendors.mutate("oracle_fusion", "customers", CHANGED)
        changed = Counter({"zendesk organization.updated": CHANGED})
        await stage.run(Scene(f"{CHANGED} customers changed in Oracle", FLOW, changed))
        await stage.run(
            Scene("customers of QAD", demo_qad.FLOW, await demo_qad.enter(vendors)),
            Scene("invoices, holds, journals", demo_slack.FLOW, await demo_slack.enter(vendors)),
        )
        await stage.run(
            Scene("suppliers of Workday", demo_workday.FLOW, await demo_workday.enter(vendors)),
            Scene("orders are acknowledged", demo_slack.FLOW, await demo_slack.acknowledge(vendors)),
            Scene("costs stand on tasks", demo_asana.FLOW, await demo_asana.tasks(vendors)),
        )
        posted = Scene(f"{demo_asana.COMPLETED} tasks are completed", demo_asana.JOURNALS_FLOW, demo_asana.batches())
        await stage.hear(posted, demo_asana.complete(vendors))
        await _tickets(stage, vendors)
        return Summary(stack.ui, stage.acts)


async def _tickets(stage: Stage, vendors: Emulators) -> None:
    """One account, and three integrations that hear of its tickets; each does its part, and none another's."""
    come_in = vendors.seed("zendesk", "tickets", TICKETS)
    await stage.hear(Scene(f"{TICKETS} tickets come in", EVENTS_FLOW, _notes(TICKETS)), come_in)
    for erp, people in (("QAD", demo_qad), ("Workday", demo_workday)):
        written = Counter({"zendesk ticket.updated": people.TICKETS})
        scene = Scene(f"{people.TICKETS} tickets that concern {erp}", people.TICKETS_FLOW, written)
        await stage.hear(scene, people.write_tickets(vendors))
    solved = vendors.mutate("zendesk", "tickets", SOLVED, **SOLUTION)
    await stage.hear(Scene(f"{SOLVED} tickets are solved", EVENTS_FLOW, _notes(SOLVED)), solved)


def _notes(count: int) -> Counter[str]:
    return Counter({"oracle_fusion note.created": count, "oracle_fusion note.text": count})


async def _store_secrets() -> None:
    async with open_database() as db:
        if await recent_runs(db, TENANT, failed=False, limit=1):
            raise Misconfigured(
                "ML_CONNECTOR_DATABASE_URL holds an earlier demo, whose vendors have forgotten everything: take an "
                "empty database, or unset it, and the demo starts one of its own"
            )
    await store_sandbox_secrets()


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


async def _resume() -> None:
    async with prefect_api() as client:
        for deployment in (await existing_deployments(client)).values():
            await client.resume_deployment(deployment.id)
