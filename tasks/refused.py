"""Whether a connection needs a person, or the vendor has refused one call only."""

from __future__ import annotations

from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.system import Health
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
