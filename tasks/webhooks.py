"""The webhooks of a connection, at its vendor: made, looked at, taken away."""

from __future__ import annotations

from ml_connector.core import watermarks
from ml_connector.core.endpoints import ensure_endpoint, remove_endpoint
from ml_connector.core.errors import Misconfigured, SafeError
from ml_connector.core.findings import Finding
from ml_connector.core.handshakes import Keeper
from ml_connector.core.listeners import listening
from ml_connector.core.secret import Secret
from tasks.alerts import webhook_deactivated
from tasks.fetch import SELDOM
from tasks.running import OpenRun
from tasks.verb import verb
from tasks.workspace import Workspace, open_workspace


@verb()
async def tend_webhooks(run: OpenRun) -> list[str]:
    """See once in a while that the vendors still tell us, and mend it if not; those who are alerted hear of it.

    What was not told meanwhile is for who reads the export afterwards; so that one that cannot be mended fails the run,
    and does not stop it. Returns what was mended.
    """
    ages = [await watermarks.age(run.db, run.tenant, stream.route.key) for stream in run.streams]
    if not any(age is None or age > SELDOM for age in ages):
        return []
    told_by = await listening(run.db, run.tenant)
    mended = []
    async with open_workspace(run.tenant) as workspace:
        for connection in {told_by[stream.route.key] for stream in run.streams if stream.route.key in told_by}:
            if not workspace.settings.public_url:
                continue
            try:
                lines = await ensure_webhooks(workspace, connection)
            except Misconfigured as error:
                run.failures.append(str(SafeError.of(error)))
                continue
            if lines:
                if not await webhook_deactivated(run.tenant, connection, "; ".join(lines)):
                    run.failures.append(f"{connection}: {'; '.join(lines)}; Prefect did not take the alert of it")
                mended += lines
    return mended


async def ensure_webhooks(workspace: Workspace, connection: str) -> list[str]:
    """Create what is missing and mend what does not work; what was done, a line each. The receiver must be running.

    Without a public address there are no webhooks: what they would tell is polled.
    """
    ensure = workspace.system_of(connection).ensure_webhooks
    if ensure is None:
        return []
    if not workspace.settings.public_url:
        return [f"{connection} cannot tell us anything: set ML_CONNECTOR_PUBLIC_URL to where it reaches the receiver"]
    keeper = Keeper(workspace.db, workspace.vault, workspace.tenant, connection)
    return await ensure(await workspace.client(connection), await _address(workspace, connection), keeper)


async def webhook_findings(workspace: Workspace, connection: str) -> list[Finding]:
    """Whether events can reach us, and of late have. Writes nothing at the vendor."""
    look = workspace.system_of(connection).webhook_findings
    if look is None or not workspace.settings.public_url:
        return []
    return await look(await workspace.client(connection), await _address(workspace, connection))


async def remove_webhooks(workspace: Workspace, connection: str) -> str:
    """The vendor need not tell any more, and what it tells is refused. Returns what was done.

    Of a connection that is not in the file any more only our address is closed: it cannot be asked.
    """
    there = connection in workspace.config.connections
    if there and (remove := workspace.system_of(connection).remove_webhooks) is not None:
        await remove(await workspace.client(connection), await _address(workspace, connection))
    await remove_endpoint(workspace.db, workspace.tenant, connection)
    if there:
        return f"nothing listens to {connection} any more: its webhooks are removed"
    return f"{connection} is not in the file any more: what it sends is refused; delete its webhooks at the vendor"


async def _address(workspace: Workspace, connection: str) -> Secret:
    """Where the vendor sends the events of a connection. Whoever knows it can knock there, so it is a secret."""
    system = workspace.system_of(connection).name
    token = await ensure_endpoint(workspace.db, workspace.vault, workspace.tenant, connection, system)
    return Secret(f"{workspace.settings.public_url.rstrip('/')}/hooks/{token.reveal()}")
