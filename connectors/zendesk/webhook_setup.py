"""The two webhooks of an account at our address, and the trigger that one of them belongs to.

One webhook cannot serve a trigger and subscribe to events as well: tickets come through a trigger, users through a
subscription. Names are not unique in Zendesk, so a webhook is known again by the last part of its address, which is
random and nobody else's, also when the host before it has changed; and the trigger by the webhook that it notifies,
together with its title or with what it does: people may have made others for our webhook.
https://developer.zendesk.com/documentation/webhooks/creating-and-monitoring-webhooks/
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from connectors.zendesk.client import VENDOR, Zendesk
from connectors.zendesk.contact_users import USER_EVENTS
from connectors.zendesk.webhook import TRIGGER_BODY
from ml_connector.core.errors import Misconfigured
from ml_connector.core.findings import Finding
from ml_connector.core.records import Body
from ml_connector.core.secret import Secret

Accept = Callable[[str, Secret], Awaitable[None]]
"""Keeps the signing secret of a webhook, by the webhook's name; deliveries are taken from then on."""

_TRIGGERED = ["conditional_ticket_events"]
_TRIGGER = "ml-connector: ticket changed"
_SAID = {
    "endpoint": "sent elsewhere",
    "subscriptions": "subscribed to other events",
    "status": "was switched off, by Zendesk after many failures or by a person",
}
_PORTS = {"https": 443, "http": 80}
_APPLY = "run `ml-connector apply`"


@dataclass(slots=True, frozen=True)
class _Kind:
    """One of our webhooks. ``name`` is its secret's."""

    name: str
    title: str
    subscriptions: Sequence[str]


TICKETS = _Kind("tickets", "ml-connector: tickets", _TRIGGERED)
USERS = _Kind("users", "ml-connector: users", [f"zen:event-type:{kind}" for kind in USER_EVENTS])


async def ensure_webhooks(client: Zendesk, address: Secret, accept: Accept) -> list[str]:
    """Create, repair and switch on what is missing, differs or is off; says what was done. Nothing: all was in order.

    A new webhook is switched on when its signing secret is known, so that no delivery comes which cannot be proved.
    The token's user must be an admin (`Misconfigured`).
    """
    webhooks = await _webhooks(client)
    return [
        *await _ensure(client, TICKETS, webhooks, address, accept),
        *await _ensure(client, USERS, webhooks, address, accept),
    ]


async def remove_webhooks(client: Zendesk, address: Secret) -> None:
    """Delete our webhooks at this address, and before them our trigger.

    `Misconfigured` if somebody else's notifies them: Zendesk does not delete a webhook that has a trigger.
    """
    ours = [webhook for webhook in await _webhooks(client) if _is_at(webhook, address)]
    for trigger in await _triggers(client) if ours else []:
        if any(_is_ours(trigger, webhook) for webhook in ours):
            await client.write("DELETE", f"/triggers/{trigger['id']}")
        elif any(_notifies(trigger, webhook["id"]) for webhook in ours):
            what = f"trigger {trigger['id']} notifies our webhook and was not made by us"
            raise Misconfigured(f"{what}: take that action out of it, or delete it, in Zendesk", vendor=VENDOR)
    for webhook in ours:
        await client.write("DELETE", f"/webhooks/{webhook['id']}")


async def webhook_findings(client: Zendesk, address: Secret) -> list[Finding]:
    """Whether events can reach us, and of late have. Only reads."""
    webhooks = await _webhooks(client)
    findings = []
    for kind in (TICKETS, USERS):
        webhook = _find(kind, webhooks, address)
        if webhook is None:
            findings.append(Finding(False, f"the webhook for {kind.name} is missing", _APPLY))
        elif _place(webhook["endpoint"]) != _place(address.reveal()):
            findings.append(Finding(False, f"the webhook for {kind.name} sends elsewhere", _APPLY))
        elif webhook.get("status") != "active":
            hint = f"Zendesk switches off what fails too often: see that our address can be reached, then {_APPLY}"
            findings.append(Finding(False, f"the webhook for {kind.name} is switched off", hint))
        else:
            findings.append(await _deliveries(client, kind, webhook))
    webhook = _find(TICKETS, webhooks, address)
    if webhook is not None and (wrong := _wrong(await _trigger(client, webhook, webhooks), webhook)):
        findings.append(Finding(False, f"the trigger `{_TRIGGER}` {wrong}", _APPLY))
    return findings


async def _ensure(client: Zendesk, kind: _Kind, webhooks: Sequence[Body], address: Secret, accept: Accept) -> list[str]:
    done = []
    webhook = _find(kind, webhooks, address)
    if webhook is None:
        webhook = await _create(client, kind, address)
        done.append(f"created the webhook `{kind.title}`")
    signing = (await client.get(f"/webhooks/{webhook['id']}/signing_secret"))["signing_secret"]
    await accept(kind.name, Secret(signing["secret"]))
    changes = _changes(kind, webhook, address)
    if changes:
        await client.write("PATCH", f"/webhooks/{webhook['id']}", {"webhook": changes})
    if not done:  # what was just created has been created switched off on purpose
        done += [f"mended the webhook `{kind.title}`: it {_SAID[name]}" for name in changes]
    if kind is TICKETS:  # after the webhook is active: nothing says that a trigger takes another one
        done += await _ensure_trigger(client, webhook, webhooks)
    return done


def _changes(kind: _Kind, webhook: Body, address: Secret) -> Body:
    changes: Body = {}
    if _place(webhook["endpoint"]) != _place(address.reveal()):
        changes["endpoint"] = address.reveal()
    if set(webhook.get("subscriptions") or ()) != set(kind.subscriptions):
        changes["subscriptions"] = list(kind.subscriptions)
    if webhook.get("status") != "active":
        changes["status"] = "active"
    return changes


async def _create(client: Zendesk, kind: _Kind, address: Secret) -> Body:
    webhook = {
        "name": kind.title,
        "status": "inactive",
        "endpoint": address.reveal(),
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": list(kind.subscriptions),
    }
    answer, _ = await client.write("POST", "/webhooks", {"webhook": webhook})
    return dict(answer["webhook"])


async def _ensure_trigger(client: Zendesk, webhook: Body, webhooks: Sequence[Body]) -> list[str]:
    trigger = await _trigger(client, webhook, webhooks)
    wrong = _wrong(trigger, webhook)
    if trigger is None:
        body = {**_wanted(webhook), **await _category(client)}
        await client.write("POST", "/triggers", {"trigger": body})
        return [f"created the trigger `{_TRIGGER}`"]
    if wrong:
        await client.write("PUT", f"/triggers/{trigger['id']}", {"trigger": _wanted(webhook)})
        return [f"mended the trigger `{_TRIGGER}`: it {wrong}"]
    return []


async def _trigger(client: Zendesk, webhook: Body, webhooks: Sequence[Body]) -> Body | None:
    """Ours, or else one of our title whose webhook is gone."""
    triggers = await _triggers(client)
    for trigger in triggers:
        if _is_ours(trigger, webhook):
            return trigger
    known = [other["id"] for other in webhooks]
    orphans = [t for t in triggers if t.get("title") == _TRIGGER and not any(_notifies(t, one) for one in known)]
    return orphans[0] if orphans else None


def _wanted(webhook: Body) -> Body:
    kinds = ("Create", "Change")
    return {
        "title": _TRIGGER,
        "active": True,
        "conditions": {"all": [], "any": [{"field": "update_type", "operator": "is", "value": kind} for kind in kinds]},
        "actions": [{"field": "notification_webhook", "value": [webhook["id"], TRIGGER_BODY]}],
    }


def _wrong(trigger: Body | None, webhook: Body) -> str | None:
    """What is not as we would make it. What a person has added about the trigger's title and place is theirs."""
    if trigger is None:
        return "is missing"
    if not trigger.get("active"):
        return "is switched off"
    wanted = _wanted(webhook)
    if _conditions(trigger) != _conditions(wanted):
        return "has other conditions"
    return None if _actions(trigger) == _actions(wanted) else "does something else"


def _conditions(trigger: Body) -> list[list[tuple[str, str]]]:
    """Without the operator: there is only one for what we ask, and not every account tells it."""
    conditions = trigger.get("conditions") or {}
    return [sorted((c["field"], str(c.get("value"))) for c in conditions.get(part) or []) for part in ("all", "any")]


def _actions(trigger: Body) -> list[tuple[str, str, object]]:
    found = []
    for action in trigger.get("actions") or []:
        value = action.get("value")
        target, body = value if isinstance(value, list) and len(value) == 2 else (value, None)
        found.append((str(action.get("field")), str(target), _json(body)))
    return found


def _json(text: object) -> object:
    """The content of a body: how it is spaced makes no difference."""
    try:
        return json.loads(str(text))
    except ValueError:
        return text


def _is_ours(trigger: Body, webhook: Body) -> bool:
    return _notifies(trigger, webhook["id"]) and (trigger.get("title") == _TRIGGER or _wrong(trigger, webhook) is None)


def _notifies(trigger: Body, webhook_id: str) -> bool:
    return any(field == "notification_webhook" and target == webhook_id for field, target, _ in _actions(trigger))


async def _category(client: Zendesk) -> Body:
    """Where accounts sort their triggers into categories, a new one has to name its own: the first will do."""
    async for categories in client.pages("/trigger_categories", "trigger_categories"):
        for category in categories:
            return {"category_id": str(category["id"])}
    return {}


async def _webhooks(client: Zendesk) -> list[Body]:
    return [webhook async for page in client.pages("/webhooks", "webhooks") for webhook in page]


async def _triggers(client: Zendesk) -> list[Body]:
    return [trigger async for page in client.pages("/triggers", "triggers") for trigger in page]


async def _deliveries(client: Zendesk, kind: _Kind, webhook: Body) -> Finding:
    recent = {"page[size]": "20", "sort": "-latest_completed_at"}
    answer = await client.get(f"/webhooks/{webhook['id']}/invocations", **recent)
    statuses = [str(one.get("status")) for one in answer.get("invocations") or []]
    failed = [status for status in statuses if status not in ("success", "accepted", "unknown")]
    what = f"the webhook for {kind.name} is active; of its last {len(statuses)} deliveries {len(failed)} failed"
    if len(failed) * 2 <= len(statuses):
        return Finding(True, what)
    hint = "see that our address can be reached from outside; what was missed comes with the next incremental export"
    return Finding(False, f"{what} ({', '.join(sorted(set(failed)))})", hint)


def _find(kind: _Kind, webhooks: Sequence[Body], address: Secret) -> Body | None:
    """Ours of this kind, an active one if there are several."""
    triggered = kind.subscriptions == _TRIGGERED
    found = [w for w in webhooks if _is_at(w, address) and (w.get("subscriptions") == _TRIGGERED) == triggered]
    return next((webhook for webhook in found if webhook.get("status") == "active"), found[0] if found else None)


def _is_at(webhook: Body, address: Secret) -> bool:
    token = urlsplit(address.reveal()).path.rpartition("/")[2]
    return urlsplit(str(webhook.get("endpoint"))).path.rpartition("/")[2] == token


def _place(address: str) -> tuple[str, str | None, int | None, str]:
    """An address without its spelling: Zendesk writes the default port where nobody else does."""
    url = urlsplit(address)
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme), url.path
