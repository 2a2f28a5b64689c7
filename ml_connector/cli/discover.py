"""``discover``: what an instance has, as a proposal for the tenant file."""

from __future__ import annotations

from ml_connector.cli import console
from ml_connector.cli.tenant_names import named_connection
from ml_connector.core.errors import Misconfigured
from tasks.workspace import open_workspace


async def discover(named: str) -> int:
    """Print what the connection could be configured to read. Misconfigured where a system describes nothing."""
    tenant, connection, config = named_connection(named)
    async with open_workspace(tenant) as workspace:
        find = workspace.system_of(connection).discover
        if find is None:
            raise Misconfigured(f"{config.system} needs no discovery: its objects are the same everywhere")
        proposal = await find(await workspace.client(connection, even_if_refused=True))
    console.out.print(proposal, markup=False, highlight=False, soft_wrap=True)
    return 0
