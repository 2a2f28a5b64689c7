"""``apply``: bring Prefect, and the vendors' custom fields and webhooks, in step with the tenant files."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.client.orchestration import PrefectClient
from rich.text import Text

from ml_connector.cli import console
from ml_connector.cli.automation_plan import (
    AutomationChange,
    carry_out_automations,
    existing_automations,
    expect_runs,
    notification_blocks,
    plan_automations,
)
from ml_connector.cli.automations import wanted_automations
from ml_connector.cli.database import open_database
from ml_connector.cli.deployments import carry_out, create_pool, missing_pools
from ml_connector.cli.listening import ensure_listening, still_told
from ml_connector.cli.map_check import require_mappings
from ml_connector.cli.plan import Change, existing_deployments, plan, wanted_deployments
from ml_connector.cli.prefect_api import prefect_api
from ml_connector.cli.settings_check import require_settings
from ml_connector.cli.templates import load_templates
from ml_connector.cli.tenant_names import tell_left_out
from ml_connector.core.errors import ConnectorError, Misconfigured, SafeError
from ml_connector.core.settings import settings
from ml_connector.core.tenants import TenantConfig, load_tenants
from tasks.workspace import Workspace, open_workspace

_NAMED = 6
_COLOUR = {"create": "green", "update": "yellow", "remove": "red", "unchanged": "dim"}


async def apply(*, dry_run: bool) -> int:
    """Show the plan, then carry it out; what no file asks for any more is removed. Safe to repeat.

    A tenant whose custom fields cannot be created keeps the deployments that it has; the exit code is then 1.
    """
    tenants, left_out = load_tenants(settings().tenants_dir), tell_left_out()
    require_settings(tenants)
    require_mappings(tenants)
    async with prefect_api() as client:
        wanted = wanted_deployments(load_templates(), tenants)
        changes = plan(wanted, await existing_deployments(client))
        pools = await missing_pools(client, [one.template.work_pool for one in wanted])
        blocks = await notification_blocks(client, tenants)
        automations = plan_automations(await wanted_automations(wanted, blocks), await existing_automations(client))
        console.out.print(_as_table(pools, changes, automations))
        if untold := [tenant.tenant for tenant in tenants if tenant.alerts is None]:
            hint = "their files name no notification block (`alerts: {block: slack-webhook/ops}`)"
            console.out.print(f"Nobody is told of failures of {', '.join(untold)}: {hint}.", highlight=False)
        if dry_run:
            return 0
        async with open_database() as db:
            for name in sorted({*await still_told(db, tenants)} - {*left_out}):
                hint = "put it back with its integrations switched off (`enabled: false`), apply, then delete it"
                console.out.print(f"{name} has no file any more, but vendors send it events: {hint}.", highlight=False)
        failed = await carry_out_all(client, tenants, pools, changes)
        await carry_out_automations(client, automations)
        await expect_runs(wanted)
        return failed


async def carry_out_all(
    client: PrefectClient,
    tenants: Sequence[TenantConfig],
    pools: Sequence[str],
    changes: Sequence[Change],
    *,
    paused: bool | None = None,
) -> int:
    """Fields before deployments, so that no run meets an account that lacks them."""
    failed = {tenant.tenant for tenant in tenants if not await _prepare(tenant)}
    for pool in pools:
        await create_pool(client, pool)
    for change in changes:
        if change.wanted is None or change.wanted.tenant not in failed:
            await carry_out(client, change, paused=paused)
    for tenant in tenants:
        deployed = [change.wanted for change in changes if change.wanted and change.wanted.tenant == tenant.tenant]
        if tenant.tenant not in failed and not await ensure_listening(tenant, deployed):
            failed.add(tenant.tenant)
    done = sum(change.kind != "unchanged" for change in changes)
    if not failed:
        console.out.print(f"Applied: {done} of {len(changes)} deployments changed.", highlight=False)
    return int(bool(failed))


async def _prepare(tenant: TenantConfig) -> bool:
    """See that what is read is there, where that differs per instance, and create the custom fields that the tenant's
    mappings write; False, and a message, if that failed."""
    try:
        async with open_workspace(tenant.tenant) as workspace:
            await _require_entities(workspace)
            for name, integration in tenant.integrations.items():
                if not integration.enabled:
                    continue
                created = [
                    field
                    for stream, its in integration.streams.items()
                    if its.enabled
                    for field in await workspace.ensure_fields(name, stream)
                ]
                if created:
                    console.out.print(f"{tenant.tenant}: created the fields {_listed(created)}", highlight=False)
    except (ConnectorError, SafeError) as error:
        console.err.print(
            Text(f"{tenant.tenant}: its deployments were left as they are, because of this:", style="red")
        )
        console.complain(error)
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


async def _require_entities(workspace: Workspace) -> None:
    """Misconfigured with a line for each thing that the file reads from an instance and the instance does not have."""
    lines = []
    for connection in workspace.config.connections:
        its_system, models = workspace.system_of(connection), workspace.models_in_use(connection)
        if its_system.discover is not None and models:
            health = await its_system.ping(await workspace.client(connection), models)
            lines += [f"{connection}: {one.what}: {one.hint}" for one in health.findings if not one.ok]
    if lines:
        raise Misconfigured("\n".join(lines))


def _as_table(pools: Sequence[str], changes: Sequence[Change], automations: Sequence[AutomationChange]) -> object:
    listed = console.table("", "what", "name", "details", title="Plan")
    for pool in pools:
        listed.add_row("[green]create[/]", "work pool", pool, "")
    for change in changes:
        listed.add_row(Text(change.kind, style=_COLOUR[change.kind]), "deployment", change.name, _details(change))
    for one in automations:
        listed.add_row(Text(one.kind, style=_COLOUR[one.kind]), "automation", one.name, "")
    return listed


def _details(change: Change) -> str:
    if change.kind == "update":
        return f"differs in {', '.join(change.differs)}"
    if change.wanted is None:
        return "no tenant file asks for it"
    streams = {entry.slug: ", ".join(entry.parameters.get("streams", [])) for entry in change.wanted.schedules}
    return "; ".join(f"{slug}: {names}" if names else str(slug) for slug, names in streams.items())
