"""Which automations tenants get, and what `apply` does about those that are there."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.events.schemas.automations import Automation

from ml_connector.cli.automation_plan import plan_automations
from ml_connector.cli.automations import wanted_automations
from ml_connector.cli.plan import Wanted
from ml_connector.cli.schedules import longest_pause
from ml_connector.cli.templates import load_templates


@pytest.mark.parametrize(
    ("lines", "pause"),
    [
        (["0 2 * * *"], timedelta(days=1)),
        (["0 6 * * MON-FRI"], timedelta(days=3)),  # over the weekend
        (["*/5 8-17 * * *"], timedelta(hours=14, minutes=5)),  # over the night
        (["0 2 * * *", timedelta(minutes=10)], timedelta(minutes=10)),
    ],
    ids=str,
)
async def test_a_run_is_missed_after_the_longest_pause_that_its_schedules_make(
    lines: list[str | timedelta], pause: timedelta
) -> None:
    assert await longest_pause([_schedule(line) for line in lines]) == pause


async def test_only_what_differs_is_changed_and_what_nobody_asks_for_is_removed() -> None:
    wanted = [Wanted(template, "acme", ["x"], [_schedule(timedelta(minutes=10))]) for template in load_templates()]
    block = uuid4()
    asked = await wanted_automations(wanted, {"acme": block})
    there = [Automation(id=uuid4(), **one.model_dump()) for one in asked]
    assert {change.kind for change in plan_automations(asked, there)} == {"unchanged"}

    other = {change.name: change.kind for change in plan_automations(await wanted_automations(wanted, {}), there)}
    assert {kind for name, kind in other.items() if name.startswith("ml-connector acme: ")} == {"remove"}
    assert {kind for name, kind in other.items() if name.startswith("ml-connector: ")} == {"unchanged"}

    moved = plan_automations(await wanted_automations(wanted, {"acme": uuid4()}), [*there, there[0]])
    assert {change.kind for change in moved if change.name.startswith("ml-connector acme: ")} == {"update"}
    assert {change.kind for change in plan_automations([], there)} == {"remove"}


def _schedule(line: str | timedelta) -> DeploymentScheduleCreate:
    if isinstance(line, str):
        return DeploymentScheduleCreate(schedule=CronSchedule(cron=line, timezone="UTC"))
    return DeploymentScheduleCreate(schedule=IntervalSchedule(interval=line))
