"""Whether a connection needs a person, or the vendor has refused one call only."""

from __future__ import annotations

from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.refusals import refusal_told, refused_connections
from ml_connector.core.system import Health
from tasks.alerts import connection_needs_reauth
from tasks.workspace import Workspace


async def is_refused(workspace: Workspace, connection: str) -> bool:
    """Try the connection by reading: some vendors answer 401 where only a right is missing.

    No new token is asked for where renewing it was refused a moment ago.
    """
    try:
        health: Health = await workspace.system_of(connection).ping(await workspace.client(connection), ())
    except ConnectorError as error:
        return isinstance(error, Reauthenticate)
    return any(finding.refused for finding in health.findings)


async def tell_of_refused(workspace: Workspace) -> None:
    """Tell somebody of the connections that wait for a person, once of each.

    A process that dies before it has told leaves it to the next run that needs one of them.
    """
    for refused in await refused_connections(workspace.db, workspace.tenant):
        if not refused.told and await connection_needs_reauth(refused):
            await refusal_told(workspace.db, refused)
