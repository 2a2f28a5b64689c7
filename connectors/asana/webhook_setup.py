"""A webhook for each project, at our one address: created with a handshake, looked after, taken away.

Asana deletes a webhook that it could not deliver to for 24 hours, tells nothing about the time in between, and names a
webhook's secret only once. So one is made anew where it is missing, and where nothing of it ever reached us.
https://developers.asana.com/docs/webhooks-guide
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from connectors.asana.client import Asana
from connectors.asana.errors import VENDOR, Refused
from ml_connector.core.errors import Misconfigured, RetryLater
from ml_connector.core.findings import Finding
from ml_connector.core.records import Body
from ml_connector.core.secret import Secret
from ml_connector.core.webhooks import SecretKeeper

_FILTERS = [{"resource_type": "task", "action": "changed", "fields": ["completed", "approval_status"]}]
_OPT_FIELDS = (
    "active,target,resource.gid,created_at,last_success_at,last_failure_at,delivery_retry_count,"
    "failure_deletion_timestamp,filters.resource_type,filters.action,filters.fields"
)
_YOUNG = timedelta(minutes=5)
"""A new webhook may not have delivered anything yet."""
_TRIED = timedelta(hours=1)
"""So long Asana may fail to bring a new one's first heartbeat. While our receiver is down it fails, too; but behind a
secret that was lost, between Asana's answer and our keeping it, it never ends before Asana gives up."""
_QUIET = timedelta(hours=9)
"""Asana sends a heartbeat every 8 hours, whether there are events or not."""
_APPLY = "run `ml-connector apply`"


async def ensure_webhooks(client: Asana, address: Secret, keeper: SecretKeeper) -> list[str]:
    """Create what is missing, replace what does not work, take away what no project of the connection needs.

    The receiver must be running: Asana asks it while the call that creates a webhook is open. Says what was done, a
    line each. Raises Misconfigured if Asana cannot reach the address.
    """
    webhooks, now = await _webhooks(client, address), await client.clock()
    done = []
    for name, project in client.settings.projects.items():
        webhook = webhooks.pop(project, None)
        if webhook is not None and _is_dead(webhook, now):
            await client.delete(f"/webhooks/{webhook['gid']}")
            done.append(f"took the webhook of project {name} away: nothing of it has reached us")
            webhook = None
        if webhook is None:
            if await _is_readable(client, project):  # of one that is gone, those who read it tell
                await _create(client, project, address, keeper)
                done.append(f"created the webhook of project {name}")
        elif _filters(webhook) != _filters({"filters": _FILTERS}):
            await client.update(f"/webhooks/{webhook['gid']}", {"filters": _FILTERS})
            done.append(f"changed what the webhook of project {name} tells of")
    for project, webhook in webhooks.items():
        await client.delete(f"/webhooks/{webhook['gid']}")
        done.append(f"took the webhook of project {project} away: the connection does not name it")
    return done


async def remove_webhooks(client: Asana, address: Secret) -> None:
    """Delete our webhooks at this address."""
    for webhook in (await _webhooks(client, address)).values():
        await client.delete(f"/webhooks/{webhook['gid']}")


async def webhook_findings(client: Asana, address: Secret) -> list[Finding]:
    """Whether events of each project can reach us, and of late have. Only reads."""
    webhooks, now = await _webhooks(client, address), await client.clock()
    return [_finding(name, webhooks.get(gid), now) for name, gid in client.settings.projects.items()]


async def _create(client: Asana, project: str, address: Secret, keeper: SecretKeeper) -> None:
    data = {"resource": project, "target": address.reveal(), "filters": _FILTERS}
    try:
        async with keeper.handshake():
            answer, _ = await client.create("/webhooks", data)
    except Refused as error:
        hint = "is ML_CONNECTOR_PUBLIC_URL an address that Asana reaches, and does the receiver run?"
        raise Misconfigured(
            f"Asana does not create the webhook of project {project} ({error.code}): {hint}",
            vendor=VENDOR,
            phase=error.phase,
            request_id=error.request_id,
        ) from None
    except RetryLater as error:
        if error.maybe_applied:  # its secret is lost with the answer
            await _forget(client, project, address)
        raise
    secret = answer.get("X-Hook-Secret")
    if not isinstance(secret, str) or not secret:
        await _forget(client, project, address)
        raise Misconfigured("Asana created a webhook and did not tell its secret", vendor=VENDOR)
    await keeper(project, Secret(secret))


async def _is_readable(client: Asana, project: str) -> bool:
    try:
        await client.get(f"/projects/{project}", opt_fields="gid")
    except Refused as error:
        if not error.out_of_reach:
            raise
        return False
    return True


async def _forget(client: Asana, project: str, address: Secret) -> None:
    webhook = (await _webhooks(client, address)).get(project)
    if webhook is not None:
        await client.delete(f"/webhooks/{webhook['gid']}")


async def _webhooks(client: Asana, address: Secret) -> dict[str, Body]:
    """Ours at this address, by project. Asana lists those of our app and user only."""
    rows = await client.all("/webhooks", workspace=client.settings.workspace, opt_fields=_OPT_FIELDS)
    return {str(row["resource"]["gid"]): row for row in rows if row.get("target") == address.reveal()}


def _is_dead(webhook: Body, now: datetime) -> bool:
    """Nothing has ever come through (its secret is lost, or its handshake was), or nothing comes any more.

    While Asana still tries it is left alone: it holds back the events of this time, and we hold the secret. Of one that
    never came through we do not know that, so it is not left alone for a day.
    """
    age = now - datetime.fromisoformat(str(webhook["created_at"]))
    if age < _YOUNG:
        return False
    never = not webhook.get("last_success_at") and age >= (_TRIED if _fails(webhook) else _YOUNG)
    return webhook.get("active") is False or never or _is_silent(webhook, now)


def _is_silent(webhook: Body, now: datetime) -> bool:
    succeeded = webhook.get("last_success_at")
    quiet = bool(succeeded) and now - datetime.fromisoformat(str(succeeded)) > _QUIET
    return quiet and not _fails(webhook)


def _fails(webhook: Body) -> bool:
    return str(webhook.get("last_failure_at") or "") > str(webhook.get("last_success_at") or "")


def _finding(name: str, webhook: Body | None, now: datetime) -> Finding:
    if webhook is None:
        return Finding(False, f"project {name} has no webhook", f"{_APPLY}; until then its tasks are polled")
    succeeded = webhook.get("last_success_at") or "ever"
    if _fails(webhook):
        until = webhook.get("failure_deletion_timestamp")
        hint = "see that our address can be reached from outside" + (f"; Asana deletes it at {until}" if until else "")
        return Finding(False, f"the webhook of project {name} has not reached us since {succeeded}", hint)
    if not webhook.get("active") or _is_silent(webhook, now):
        return Finding(False, f"the webhook of project {name} is silent since {succeeded}", _APPLY)
    return Finding(True, f"the webhook of project {name} works")


def _filters(webhook: Mapping[str, object]) -> list[tuple[str, str, tuple[str, ...]]]:
    rows = webhook.get("filters")
    found: Sequence[Body] = rows if isinstance(rows, list) else []
    return sorted(
        (str(f.get("resource_type")), str(f.get("action")), tuple(sorted(f.get("fields") or ()))) for f in found
    )
