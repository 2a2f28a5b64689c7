"""``ping``: try every connection of a tenant for real."""

from __future__ import annotations

from ml_connector.cli import console
from ml_connector.core.connections import record_identity
from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.findings import Finding
from ml_connector.core.listeners import listening
from ml_connector.core.refusals import needs_reauth
from ml_connector.core.system import Health
from tasks.webhooks import webhook_findings
from tasks.workspace import Workspace, open_workspace


async def ping(tenant: str, *, only: str | None = None) -> int:
    """Show what each connection, or one of them, can do; the exit code is 1 if anything is missing."""
    listed = console.table("connection", "", "found", "what to do")
    failed = False
    async with open_workspace(tenant) as workspace:
        for name in [only] if only else workspace.config.connections:
            findings = await _try(workspace, name)
            for refused in (finding for finding in findings if finding.refused):
                system = workspace.config.connections[name].system
                await needs_reauth(workspace.db, workspace.tenant, name, system, refused.hint or refused.what)
            for finding in findings:
                failed = failed or not finding.ok
                sign = "[green]ok[/]" if finding.ok else "[red]fail[/]"
                listed.add_row(name, sign, console.cell(finding.what), console.cell(finding.hint))
    console.out.print(listed)
    return int(failed)


async def _try(workspace: Workspace, name: str) -> list[Finding]:
    system = workspace.system_of(name)
    try:
        client = await workspace.client(name, even_if_refused=True)
        health: Health = await system.ping(client, workspace.models_in_use(name))
        if health.identity is None:
            return health.findings
        await record_identity(workspace.db, workspace.tenant, name, system.name, health.identity)
        listened_to = set((await listening(workspace.db, workspace.tenant)).values())
        return health.findings + (await webhook_findings(workspace, name) if name in listened_to else [])
    except ConnectorError as error:
        return [Finding(False, "it cannot be used", str(error), isinstance(error, Reauthenticate))]
