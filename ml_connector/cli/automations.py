"""Which automations Prefect is to have: who is told of what, and how a run whose process has died comes back.

What must be seen from inside a run or a check arrives as an event of ours (`tasks/alerts.py`); the rest are Prefect's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from ml_connector.cli.plan import TAG, Wanted
from ml_connector.cli.schedules import longest_pause
from tasks.alerts import (
    CHANNEL_CHANGED,
    KEEPS_FAILING,
    NEEDS_HUMAN,
    NEEDS_REAUTH,
    STAYS_PARKED,
    WEBHOOK_DEACTIVATED,
)

APPLIED = "ml-connector.deployment.applied"
"""`apply` emits it for each deployment: from then on its first run is awaited."""
LATEST_START = timedelta(minutes=20)
"""How late a run may begin before somebody is told."""
SILENCE = timedelta(minutes=3)
"""Six heartbeats (prefect.yaml sets their frequency): a slow network or a restarted server is no dead process."""
COMES_BACK = 3
"""How often a run whose process has died is started again by itself. It then stays crashed, for a person to look at."""
COMING_BACK = "ComingBack"
"""State of a run whose process has died, until it is continued."""
REST = timedelta(seconds=30)
_LONGEST_RUN = timedelta(days=1)

_RUN = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
_OF_ONE_RUN = {"prefect.resource.id"}


async def wanted_automations(deployments: Sequence[Wanted], blocks: Mapping[str, UUID]) -> list[AutomationCore]:
    """Alerts for the tenants that have a notification block, and for all of them that crashed runs come back."""
    tenants = sorted({one.tenant for one in deployments})
    alerts = [alert for tenant in tenants if tenant in blocks for alert in _alerts(tenant, blocks[tenant])]
    scheduled = [one for one in deployments if one.tenant in blocks and one.schedules]
    alerts += [await _has_not_run(one, blocks[one.tenant]) for one in scheduled]
    return [*alerts, _without_sign_of_life(), _comes_back(), _goes_on()] if deployments else []


def _alerts(tenant: str, block: UUID) -> list[AutomationCore]:
    return [
        _alert(
            tenant,
            "failed or crashed run",
            EventTrigger(
                expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
                match=_RUN,
                match_related=[_tagged(TAG), _tagged(f"tenant:{tenant}")],
                for_each=_OF_ONE_RUN,
            ),
            block,
            "{{ flow_run.name }}: {{ flow_run.state.name }}",
            "{{ flow_run.state.message }}\n\nattempt {{ flow_run.run_count }}: {{ flow_run | ui_url }}\n"
            f"A crashed run comes back by itself up to {COMES_BACK} times; Retry continues a failed one.",
        ),
        _alert(
            tenant,
            "record needs a person",
            _ours(f"ml-connector.record.{tenant}.*", NEEDS_HUMAN, KEEPS_FAILING, STAYS_PARKED),
            block,
            "{{ event.payload.tenant }} {{ event.payload.stream }}: {{ event.payload.what }}",
            "{{ event.payload.count }} records: {{ event.payload.records | join(', ') }}\n\n{{ event.payload.advice }}",
        ),
        _alert(
            tenant,
            "connection must be reconnected",
            _ours(f"ml-connector.connection.{tenant}.*", NEEDS_REAUTH),
            block,
            "{{ event.payload.connection }} must be reconnected",
            "{{ event.payload.reason }}\n\n{{ event.payload.advice }}",
        ),
        _alert(
            tenant,
            "channel archived, renamed or gone",
            _ours(f"ml-connector.channel.{tenant}.*", CHANNEL_CHANGED),
            block,
            "{{ event.payload.connection }}: {{ event.payload.what }}",
            "Rules that send messages there: {{ event.payload.rules | join(', ') }}\n\n{{ event.payload.advice }}",
        ),
        _alert(
            tenant,
            "webhook deactivated",
            _ours(f"ml-connector.webhook.{tenant}.*", WEBHOOK_DEACTIVATED),
            block,
            "{{ event.payload.connection }}: a webhook was deactivated",
            "{{ event.payload.reason }}\n\n{{ event.payload.advice }}",
        ),
    ]


async def _has_not_run(deployment: Wanted, block: UUID) -> AutomationCore:
    """Late and missing runs alike, whatever the reason: nothing has begun. Told once, until the next one begins."""
    pause = await longest_pause(deployment.schedules)
    return _alert(
        deployment.tenant,
        f"{deployment.template.flow} has not run",
        EventTrigger(
            after={"prefect.flow-run.Running", APPLIED},
            expect={"prefect.flow-run.Running"},
            match_related=[ResourceSpecification(flow_of(deployment)), _tagged(f"tenant:{deployment.tenant}")],
            posture=Posture.Proactive,
            within=pause + LATEST_START,
        ),
        block,
        f"{deployment.name} has not run",
        f"No run has begun for {pause + LATEST_START}; its schedules are at most {pause} apart.\n"
        "`ml-connector doctor` tells whether a worker is online; the deployment or a schedule may be paused.",
    )


def flow_of(deployment: Wanted) -> dict[str, str]:
    """The flow of a deployment as it stands in the events of its runs."""
    return {"prefect.resource.role": "flow", "prefect.resource.name": deployment.template.flow}


def _without_sign_of_life() -> AutomationCore:
    """A worker tells when the process of a run has died. When it has died too, nobody does.

    A heartbeat that comes late cannot crash a run that has ended: Prefect refuses to crash those (without ``force``).
    """
    return AutomationCore(
        name=f"{TAG}: run without a sign of life",
        description="A run whose process and worker are gone is told to be crashed.",
        tags=[TAG],
        trigger=EventTrigger(
            after={"prefect.flow-run.Running", "prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match=_RUN,
            match_related=[_tagged(TAG)],
            for_each=_OF_ONE_RUN,
            posture=Posture.Proactive,
            within=SILENCE,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, message=f"No sign of life for {SILENCE}: its process or its machine is gone."
            )
        ],
    )


def _comes_back() -> AutomationCore:
    """Each start is followed by one restart at most, and starts are counted: neither a run that always crashes nor one
    whose process dies before it has begun goes round and round."""
    return AutomationCore(
        name=f"{TAG}: crashed run comes back",
        description=f"A run whose process has died is to be continued, {COMES_BACK} times at most.",
        tags=[TAG],
        trigger=EventTrigger(
            after={"prefect.flow-run.Running"},
            expect={"prefect.flow-run.Crashed"},
            match=ResourceSpecification({**_RUN.root, "prefect.run-count": [str(n + 1) for n in range(COMES_BACK)]}),
            match_related=[_tagged(TAG)],
            for_each=_OF_ONE_RUN,
            within=_LONGEST_RUN,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.FAILED, name=COMING_BACK, message=f"Its process has died. It is continued in {REST}."
            )
        ],
    )


def _goes_on() -> AutomationCore:
    """Not at once: a worker tells of a dead process twice (Prefect 3.8.8), before and after the flow's hooks have run,
    and the second time would crash the process that has taken over. While a run rests Prefect refuses that."""
    return AutomationCore(
        name=f"{TAG}: run that is coming back goes on",
        description="A crashed run is continued after a rest, unless somebody has pressed Retry meanwhile.",
        tags=[TAG],
        trigger=EventTrigger(
            after={f"prefect.flow-run.{COMING_BACK}"},
            expect={"prefect.flow-run.*"},
            match=_RUN,
            match_related=[_tagged(TAG)],
            for_each=_OF_ONE_RUN,
            posture=Posture.Proactive,
            within=REST,
        ),
        actions=[
            ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message="Continued after a crash.")
        ],
    )


def _alert(tenant: str, what: str, trigger: EventTrigger, block: UUID, subject: str, body: str) -> AutomationCore:
    return AutomationCore(
        name=f"{TAG} {tenant}: {what}",
        description="Sends a notification by the block that the tenant's file names.",
        tags=[TAG, f"tenant:{tenant}"],
        trigger=trigger,
        actions=[SendNotification(block_document_id=block, subject=f"[{TAG}] {subject}", body=body)],
    )


def _ours(resource: str, *events: str) -> EventTrigger:
    return EventTrigger(
        expect=set(events), match=ResourceSpecification({"prefect.resource.id": resource}), for_each=_OF_ONE_RUN
    )


def _tagged(tag: str) -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.id": f"prefect.tag.{tag}"})
