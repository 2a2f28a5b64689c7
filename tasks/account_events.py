"""What vendors tell of the accounts themselves: that they refuse us, or a channel that messages go to is closed.

Nothing of it is a record: what an event tells of is looked at, a person is told, and the event says what was found.
Events of other kinds are kept, for as long as all events are.
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from ml_connector.core.errors import ConnectorError, Reauthenticate, RetryLater, SafeError
from ml_connector.core.inbox import Inbox, Pending
from ml_connector.core.lease import leased
from ml_connector.core.listeners import listening
from ml_connector.core.refusals import needs_reauth
from ml_connector.core.tenants import TenantConfig
from ml_connector.core.webhooks import Event, News
from tasks.alerts import channel_changed
from tasks.refused import tell_of_refused
from tasks.story import this_flow_run
from tasks.verb import verb
from tasks.workspace import Workspace

FLOW = "account-events"
_STREAM = "account/"
_BATCH = 100


def stream_of(connection: str) -> str:
    """The stream that hears what is told of the account of a connection."""
    return f"{_STREAM}{connection}"


async def heed_all(workspace: Workspace) -> str | None:
    """Handle what has been told of a tenant's accounts. Returns why something is left, or None. Raises LeaseTaken."""
    db, tenant = workspace.db, workspace.tenant
    told = {stream: name for stream, name in (await listening(db, tenant)).items() if stream.startswith(_STREAM)}
    flow_run = await this_flow_run()
    holder = f"flow run {flow_run.name} ({flow_run.id})"
    sealer = await workspace.vault.sealer(tenant, "body")
    async with leased(db, tenant, list(told), holder=holder, ttl=workspace.settings.lease_seconds) as lease:
        left = [
            await heed(workspace, connection, Inbox(db, sealer, lease, tenant, stream, None))
            for stream, connection in told.items()
        ]
    return "; ".join(reason for reasons in left for reason in reasons) or None


@verb()
async def heed(workspace: Workspace, connection: str, inbox: Inbox) -> list[str]:
    """Handle the events of a connection that are due. Returns why some were put off."""
    put_off = []
    while events := await inbox.take(_BATCH):
        for event in events:
            try:
                await _handle(workspace, connection, inbox, event)
            except RetryLater as error:
                await inbox.put_off([event], error.message, event.pause)
                put_off.append(f"{connection}: {error.message}")
            except (ConnectorError, ValueError, KeyError, TypeError, AttributeError) as error:
                await inbox.reject(event, str(SafeError.of(error)))
    return put_off


async def _handle(workspace: Workspace, connection: str, inbox: Inbox, event: Pending) -> None:
    look = workspace.system_of(connection).heed
    assert look is not None  # noqa: S101 - only such connections are listened to
    client = await workspace.client(connection, even_if_refused=True)
    try:
        news = await look(client, Event(event.event_id, event.kind, event.object_key, event.body))
    except Reauthenticate as error:
        system = workspace.system_of(connection).name
        await needs_reauth(workspace.db, workspace.tenant, connection, system, error.message)
        await tell_of_refused(workspace)
        await inbox.done([event], "the connection must be reconnected")
        return
    found = [(one, rules) for one in news if (rules := pointing(workspace.config, connection, one))]
    for one, rules in found:
        case = uuid5(NAMESPACE_URL, f"{workspace.tenant}/{connection}/{event.event_id}/{sorted(one.channel)}")
        if not await channel_changed(workspace.tenant, connection, one.finding, rules, case):
            raise RetryLater("Prefect does not take the alert of it", vendor="prefect", phase="POST events")
    told = "; ".join(f"{one.finding.what}: {one.finding.hint} (rules: {', '.join(rules)})" for one, rules in found)
    if all(one.finding.ok for one, _ in found):
        await inbox.done([event], told or None)
    else:
        await inbox.reject(event, told)


def pointing(config: TenantConfig, connection: str, news: News) -> list[str]:
    """The rules of a tenant that send messages of this connection to this channel."""
    return [
        rule.name
        for integration in config.integrations.values()
        if integration.enabled and integration.destination == connection
        for rule in integration.routing
        if set(rule.to) & set(news.channel)
    ]
