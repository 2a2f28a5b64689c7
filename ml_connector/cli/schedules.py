"""When a tenant's streams run: one schedule for all streams that share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.server.schemas.schedules import CronSchedule as CronDates

from ml_connector.core.tenants import StreamConfig, stagger

_LOOKED_AT = 1_000
"""Moments of a cron line that are compared, as many as Prefect tells: more than a day of one that skips the night."""
_SPELLED = str.maketrans({"*": "any", "/": "per", ",": "and", "-": "to", " ": "-"})


def schedules(tenant: str, streams: Mapping[str, StreamConfig]) -> list[DeploymentScheduleCreate]:
    """One schedule per distinct interval or cron line, and one per interval of full reads.

    ``streams`` are in the flow's order, and stay in it.
    """
    shared: dict[timedelta | str, list[str]] = {}
    full: dict[timedelta, list[str]] = {}
    for name, stream in streams.items():
        shared.setdefault(stream.every or stream.cron or "", []).append(name)
        if stream.full_every is not None:
            full.setdefault(stream.full_every, []).append(name)
    return [
        *[_schedule(tenant, when, names) for when, names in shared.items()],
        *[_full_read(tenant, every, names) for every, names in full.items()],
    ]


async def longest_pause(entries: Sequence[DeploymentScheduleCreate]) -> timedelta:
    """How long these schedules leave a deployment alone at most: the longest pause of the one that runs most often."""
    return min([await _pause(entry.schedule) for entry in entries])


async def _pause(schedule: object) -> timedelta:
    if isinstance(schedule, IntervalSchedule):
        return schedule.interval
    assert isinstance(schedule, CronSchedule)  # noqa: S101 - `schedules` makes no others
    dates = await CronDates(cron=schedule.cron, timezone=schedule.timezone).get_dates(_LOOKED_AT)
    return max(later - earlier for earlier, later in pairwise(dates))


def regular(tenant: str, intervals: Sequence[timedelta]) -> list[DeploymentScheduleCreate]:
    """Those of a flow without streams."""
    return [
        DeploymentScheduleCreate(schedule=_interval(tenant, every), slug=_slug(every), parameters={})
        for every in intervals
    ]


def _full_read(tenant: str, every: timedelta, streams: Sequence[str]) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(
        schedule=IntervalSchedule(interval=every, anchor_date=stagger(f"{tenant} full", every), timezone="UTC"),
        slug=f"full-every-{int(every.total_seconds())}-s",
        parameters={"streams": list(streams), "mode": "full"},
    )


def _schedule(tenant: str, when: timedelta | str, streams: Sequence[str]) -> DeploymentScheduleCreate:
    if isinstance(when, str):
        return DeploymentScheduleCreate(
            schedule=CronSchedule(cron=when, timezone="UTC"),
            slug=f"cron-{when.translate(_SPELLED).lower()}",
            parameters={"streams": list(streams)},
        )
    return DeploymentScheduleCreate(
        schedule=_interval(tenant, when), slug=_slug(when), parameters={"streams": list(streams)}
    )


def _interval(tenant: str, every: timedelta) -> IntervalSchedule:
    return IntervalSchedule(interval=every, anchor_date=stagger(tenant, every), timezone="UTC")


def _slug(every: timedelta) -> str:
    return f"every-{int(every.total_seconds())}-s"
