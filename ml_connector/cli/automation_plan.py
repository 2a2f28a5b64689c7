"""What `apply` will do to Prefect's automations, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.events import Event, get_events_client
from prefect.events.related import tags_as_related_resources
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.events.schemas.events import RelatedResource, Resource
from prefect.exceptions import ObjectNotFound

from ml_connector.cli.automations import APPLIED, flow_of
from ml_connector.cli.plan import TAG, Wanted
from ml_connector.core.errors import Misconfigured
from ml_connector.core.tenants import TenantConfig

_PAGE = 200
_COMPARED = {"description", "tags", "trigger", "actions"}


@dataclass(slots=True, frozen=True)
class AutomationChange:
    """One automation: what happens to it."""

    name: str
    kind: Literal["create", "update", "unchanged", "remove"]
    wanted: AutomationCore | None = None
    existing: Automation | None = None


async def notification_blocks(client: PrefectClient, tenants: Sequence[TenantConfig]) -> dict[str, UUID]:
    """By tenant, the id of the block that its file names. Misconfigured if Prefect has no such notification block."""
    return {one.tenant: await _block(client, one.tenant, one.alerts.block) for one in tenants if one.alerts}


async def _block(client: PrefectClient, tenant: str, named: str) -> UUID:
    kind, _, name = named.partition("/")
    try:
        found = await client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound:
        raise Misconfigured(
            f"tenant {tenant}: its file names the notification block {named}, which Prefect does not have. Create it "
            "in the UI (Blocks), or correct `alerts` in the file"
        ) from None
    if found.block_schema is None or "notify" not in found.block_schema.capabilities:
        raise Misconfigured(
            f"tenant {tenant}: the block {named}, which its file names for alerts, cannot notify anybody"
        )
    return found.id


async def existing_automations(client: PrefectClient) -> list[Automation]:
    """Everything in Prefect that has our tag."""
    found: list[Automation] = []
    while page := await client.read_automations(limit=_PAGE, offset=len(found)):
        found += page
    return [one for one in found if TAG in one.tags]


def plan_automations(wanted: Sequence[AutomationCore], existing: Sequence[Automation]) -> list[AutomationChange]:
    """What must happen, by name; ``remove`` for what no file asks for any more, and for all but one of a name."""
    there = {one.name: one for one in existing}
    changes = [_change(one, there.get(one.name)) for one in wanted]
    kept = {change.existing.id for change in changes if change.existing}
    changes += [AutomationChange(one.name, "remove", existing=one) for one in existing if one.id not in kept]
    return sorted(changes, key=lambda change: change.name)


async def carry_out_automations(client: PrefectClient, changes: Sequence[AutomationChange]) -> None:
    """Create, update or remove automations. One that somebody has switched off in the UI stays off."""
    for change in changes:
        if change.kind == "create" and change.wanted:
            await client.create_automation(change.wanted)
        elif change.kind == "update" and change.wanted and change.existing:
            # all that is not left out is sent, also what stands at its default; an owner cannot be changed
            fields = change.wanted.model_dump(exclude={"owner_resource"}) | {"enabled": change.existing.enabled}
            await client.update_automation(change.existing.id, AutomationCore.model_validate(fields))
        elif change.kind == "remove" and change.existing:
            await client.delete_automation(change.existing.id)


async def expect_runs(deployments: Sequence[Wanted]) -> None:
    """From now on a first run of these deployments is awaited, too."""
    async with get_events_client() as events:
        for one in deployments:
            flow = RelatedResource({"prefect.resource.id": "ml-connector.flow", **flow_of(one)})
            await events.emit(
                Event(
                    event=APPLIED,
                    resource=Resource({"prefect.resource.id": f"ml-connector.deployment.{one.name}"}),
                    related=[flow, *tags_as_related_resources({f"tenant:{one.tenant}"})],
                )
            )


def _change(wanted: AutomationCore, existing: Automation | None) -> AutomationChange:
    if existing is None:
        return AutomationChange(wanted.name, "create", wanted)
    same = _facts(wanted) == _facts(existing)
    return AutomationChange(wanted.name, "unchanged" if same else "update", wanted, existing)


def _facts(automation: AutomationCore) -> dict[str, Any]:
    """In the words of Prefect's API, whose answers leave out nothing that was not asked for."""
    return AutomationCore.model_validate(automation.model_dump(mode="json")).model_dump(include=_COMPARED)
