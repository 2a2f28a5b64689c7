"""The webhooks half of ``apply``: vendors are asked to tell us, and each event finds the streams that want it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from connectors.registry import system
from ml_connector.cli import console
from ml_connector.cli.plan import Wanted
from ml_connector.core import listeners
from ml_connector.core.db import Database
from ml_connector.core.endpoints import addresses, all_endpoints
from ml_connector.core.errors import ConnectorError, SafeError
from ml_connector.core.tenants import TenantConfig
from tasks import account_events
from tasks.webhooks import ensure_webhooks, remove_webhooks
from tasks.workspace import Workspace, open_workspace


@dataclass(slots=True, frozen=True)
class Ear:
    """A stream (``integration/stream``), the connection and the objects whose events it wants (None: all), and the
    deployment that handles them."""

    stream: str
    connection: str
    objects: str | None
    deployment: str


async def ensure_listening(tenant: TenantConfig, deployments: Sequence[Wanted]) -> bool:
    """Let the vendors send their events to us, and only to streams that want them. False, and a message, if not.

    Without an address at which vendors reach us there are no webhooks: what they would tell is polled.
    """
    try:
        async with open_workspace(tenant.tenant) as workspace:
            wanted = ears(workspace, deployments)
            await _hand_out(workspace, wanted)
            connections = dict.fromkeys(ear.connection for ear in wanted)
            for connection in connections:
                for line in await ensure_webhooks(workspace, connection):
                    console.out.print(f"{tenant.tenant}: {line}", highlight=False)
            # whoever has an address, not whoever listened: what could not be removed is tried again by the next apply
            for connection, its_system in (await addresses(workspace.db, tenant.tenant)).items():
                if connection not in connections and system(its_system).remove_webhooks is not None:
                    line = await remove_webhooks(workspace, connection)
                    console.out.print(f"{tenant.tenant}: {line}", highlight=False)
    except (ConnectorError, SafeError) as error:
        console.err.print(Text(f"{tenant.tenant}: its webhooks are not in order, because of this:", style="red"))
        console.complain(error)
        return False
    return True


async def still_told(db: Database, tenants: Sequence[TenantConfig]) -> list[str]:
    """Names of those that have no file any more, while vendors still send them events, which nobody handles."""
    return sorted(
        {endpoint.tenant for endpoint in (await all_endpoints(db)).values()} - {one.tenant for one in tenants}
    )


def ears(workspace: Workspace, deployments: Sequence[Wanted]) -> list[Ear]:
    """The streams of these deployments whose vendor tells of its objects, and the connections that are told of their
    accounts.

    Of several connections to one account the first has the webhooks, for all of them.
    """
    found = []
    for one in deployments:
        integration = one.template.integration
        if one.template.flow == account_events.FLOW:
            heard = [name for name in workspace.config.connections if workspace.is_heard(name)]
            found += [Ear(account_events.stream_of(name), name, None, one.name) for name in heard]
        if integration is None:
            continue
        for stream in one.streams:
            told = workspace.told_of(integration, stream)
            if told is not None:
                connection, objects = _first_of_account(workspace, told[0]), told[1]
                found.append(Ear(f"{integration}/{stream}", connection, objects, one.name))
    return found


async def _hand_out(workspace: Workspace, wanted: Sequence[Ear]) -> None:
    db, tenant = workspace.db, workspace.tenant
    for stream in await listeners.listening(db, tenant):
        if stream not in {ear.stream for ear in wanted}:
            await listeners.unlisten(db, tenant, stream)
    for ear in wanted:
        await listeners.listen(db, tenant, ear.stream, ear.connection, ear.deployment, ear.objects)


def _first_of_account(workspace: Workspace, connection: str) -> str:
    connections = workspace.config.connections
    return next(name for name, one in connections.items() if one.account == connections[connection].account)
