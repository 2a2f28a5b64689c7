"""Trying a connection for real, without writing: what works, what is missing, and which workspace it reaches."""

from __future__ import annotations

from connectors.asana.client import Asana
from connectors.asana.projects import read_fields
from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.findings import Finding
from ml_connector.core.system import Health

_CREATED = "`ml-connector apply` creates what is missing; what somebody has renamed must get its name back"
_INVITE = "add the token's user to the project, as an editor"


async def ping(client: Asana) -> Health:
    """Whom the token acts for, its workspace, each project with its custom fields, and whether our webhooks deliver.

    The identity is the workspace's id, once the token's user is seen to be in it. Never raises a `ConnectorError`: it
    becomes a finding.
    """
    wanted = client.settings.workspace
    try:
        me = await client.get("/users/me", opt_fields="name,workspaces.gid,workspaces.name")
    except ConnectorError as error:
        finding = Finding(False, "Asana cannot be reached", error.message, isinstance(error, Reauthenticate))
        return Health(None, [finding])
    workspaces = {str(one["gid"]): str(one.get("name")) for one in me.get("workspaces") or []}
    if wanted not in workspaces:
        has = ", ".join(f"{name} ({gid})" for gid, name in workspaces.items()) or "none"
        told = f"the token's user is not in workspace {wanted}"
        return Health(None, [Finding(False, told, f"its workspaces: {has}; correct `workspace`, or invite it")])
    findings = [Finding(True, f"acts as {me.get('name')} in the workspace {workspaces[wanted]} ({wanted})")]
    for name, gid in client.settings.projects.items():
        findings += await _project(client, name, gid)
    if not client.settings.projects:
        findings.append(Finding(False, "no projects are named", "name them under `projects` of the connection"))
    return Health(wanted, [*findings, await _webhooks(client)])


async def _project(client: Asana, name: str, gid: str) -> list[Finding]:
    try:
        project = await client.get(f"/projects/{gid}", opt_fields="name,archived,workspace.gid")
        fields = await read_fields(client, gid)
    except ConnectorError as error:
        return [Finding(False, f"project {name} ({gid}) cannot be read", f"{error.message}; {_INVITE}")]
    if str((project.get("workspace") or {}).get("gid")) != client.settings.workspace:
        return [Finding(False, f"project {name} ({gid}) is in another workspace", "correct `projects` or `workspace`")]
    if project.get("archived"):
        return [Finding(False, f"project {name} is archived", "unarchive it, or take it out of `projects`")]
    settings = client.settings
    needed = [settings.po_field, *([settings.id_field] if settings.found_by == "field" else [])]
    missing = [field for field in needed if field not in fields]
    told = f"project {name} can be read; it has {len(fields)} custom fields"
    if missing:
        return [Finding(False, f"{told}, not {' and '.join(missing)}", _CREATED)]
    return [Finding(True, told)]


async def _webhooks(client: Asana) -> Finding:
    """Of our token: those that Asana fails to deliver. Whether each project has one, `webhook_findings` says."""
    try:
        rows = await client.all(
            "/webhooks",
            workspace=client.settings.workspace,
            opt_fields="resource.gid,active,last_success_at,last_failure_at",
        )
    except ConnectorError as error:
        return Finding(False, "the webhooks cannot be listed", error.message)
    failing = [
        str((row.get("resource") or {}).get("gid"))
        for row in rows
        if not row.get("active") or str(row.get("last_failure_at") or "") > str(row.get("last_success_at") or "")
    ]
    if failing:
        hint = "see that the receiver can be reached from outside, then run `ml-connector apply`"
        return Finding(False, f"{len(failing)} of {len(rows)} webhooks fail (projects {', '.join(failing)})", hint)
    return Finding(True, f"{len(rows)} webhooks, none of them failing")
