"""What a person is to be told, as Prefect events: automations that `apply` creates make notifications of them.

They name records by their key and hold nothing else of them. Without a Prefect server nobody is told. Each event is
posted to Prefect's API, and its answer awaited, before anybody notes that it was told: Prefect's `emit_event` only
queues it, and what is queued is lost with the process or with the connection.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from prefect.client.orchestration import get_client
from prefect.events import Event
from prefect.settings import get_current_settings

from ml_connector.core.alarms import Alarm
from ml_connector.core.findings import Finding
from ml_connector.core.parking import OVERDUE
from ml_connector.core.refusals import Refused

NEEDS_HUMAN = "ml-connector.record.needs-human"
KEEPS_FAILING = "ml-connector.record.keeps-failing"
STAYS_PARKED = "ml-connector.record.stays-parked"
NEEDS_REAUTH = "ml-connector.connection.needs-reauth"
WEBHOOK_DEACTIVATED = "ml-connector.webhook.deactivated"
CHANNEL_CHANGED = "ml-connector.channel.changed"
log = logging.getLogger(__name__)
NAMED = 20
"""Records that an alert names; it counts all of them."""


async def records_need_a_person(tenant: str, stream: str, alarms: Sequence[Alarm]) -> bool:
    """Tell of records of one stream, one event for each thing that is the matter with some of them."""
    events = []
    for event, what, advice, concerned in (
        (
            NEEDS_HUMAN,
            "records need a decision",
            f"Compare with the destination; what happened: `ml-connector audit {tenant} --state needs_human`.",
            [alarm for alarm in alarms if alarm.undecided],
        ),
        (
            KEEPS_FAILING,
            "records fail again and again",
            f"They are tried again in each run, the others go on: `ml-connector audit {tenant} --record ID`.",
            [alarm for alarm in alarms if not alarm.undecided and not alarm.waiting],
        ),
        (
            STAYS_PARKED,
            f"records wait for {OVERDUE.days} days for a record that they belong to",
            (
                f"What for: `ml-connector audit {tenant} --state parked`. They are sent as soon as it is there; "
                f"`ml-connector resolve {tenant} ID abandon` gives one up."
            ),
            [alarm for alarm in alarms if alarm.waiting],
        ),
    ):
        if concerned:
            one = _event(
                event,
                f"ml-connector.record.{tenant}.{stream}",
                tenant,
                stream=stream,
                what=what,
                count=len(concerned),
                records=[alarm.source_id for alarm in concerned[:NAMED]],
                advice=advice,
                case=uuid5(min(alarm.effect_id for alarm in concerned), event),
            )
            events.append(one)
    return await _tell(events)


async def connection_needs_reauth(refused: Refused) -> bool:
    """Tell that a connection's credential is refused. To be called once, not at each run."""
    named = f"{refused.tenant}/{refused.connection}"
    event = _event(
        NEEDS_REAUTH,
        f"ml-connector.connection.{refused.tenant}.{refused.connection}",
        refused.tenant,
        connection=named,
        reason=refused.reason,
        advice=f"`ml-connector ping {refused.tenant}` says more; no run asks the vendor before it is mended.",
        case=uuid5(NAMESPACE_URL, f"{named} {refused.since.isoformat()}"),
    )
    return await _tell([event])


async def webhook_deactivated(tenant: str, connection: str, reason: str) -> bool:
    """Tell that a webhook was switched off or gone. To be called by who has mended it, so once each time."""
    event = _event(
        WEBHOOK_DEACTIVATED,
        f"ml-connector.webhook.{tenant}.{connection}",
        tenant,
        connection=f"{tenant}/{connection}",
        reason=reason,
        advice="It was set up again; what it did not tell is read from the vendor's export. See why it was refused.",
    )
    return await _tell([event])


async def channel_changed(tenant: str, connection: str, finding: Finding, rules: Sequence[str], case: UUID) -> bool:
    """Tell that a channel is not what it was, and the rules that send messages there; once for a ``case``."""
    event = _event(
        CHANNEL_CHANGED,
        f"ml-connector.channel.{tenant}.{connection}",
        tenant,
        connection=f"{tenant}/{connection}",
        what=finding.what,
        rules=list(rules),
        advice=finding.hint,
        case=case,
    )
    return await _tell([event])


def _event(event: str, about: str, tenant: str, *, case: UUID | None = None, **payload: Any) -> Event:
    """``case``: an event that Prefect has seen with the same one is not told again."""
    return Event.model_validate(
        {
            "event": event,
            "resource": {"prefect.resource.id": about, "prefect.resource.name": about.removeprefix("ml-connector.")},
            "related": [{"prefect.resource.id": f"prefect.tag.tenant:{tenant}", "prefect.resource.role": "tag"}],
            "payload": {"tenant": tenant, **payload},
            "id": case or uuid4(),
        }
    )


async def _tell(events: Sequence[Event]) -> bool:
    """False: Prefect does not have them. That is no reason for a run to fail: the next one tells of it."""
    if not get_current_settings().api.url:  # Prefect would start a server of its own to take them
        return True
    try:
        async with get_client() as client:
            await client.request("POST", "/events", json=[event.model_dump(mode="json") for event in events])
    except Exception as error:  # noqa: BLE001 - whatever keeps Prefect from taking them
        log.warning("Prefect does not take %s: %s", ", ".join(event.event for event in events), type(error).__name__)
        return False
    return True
