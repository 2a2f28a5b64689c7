"""Which schedules a tenant's streams make."""

from __future__ import annotations

import itertools
from datetime import timedelta

from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from ml_connector.cli.schedules import schedules
from ml_connector.core.tenants import StreamConfig, stagger


def test_streams_with_the_same_interval_share_a_schedule_in_the_flows_order() -> None:
    made = schedules(
        "acme",
        {
            "organizations": StreamConfig(every=timedelta(minutes=10)),
            "receivables": StreamConfig(cron="0 2 * * *"),
            "users": StreamConfig(every=timedelta(seconds=600)),
        },
    )

    assert [entry.parameters for entry in made] == [
        {"streams": ["organizations", "users"]},
        {"streams": ["receivables"]},
    ]
    often, nightly = (entry.schedule for entry in made)
    assert isinstance(often, IntervalSchedule)
    assert isinstance(nightly, CronSchedule)
    assert often.anchor_date == stagger("acme", timedelta(minutes=10))
    assert (nightly.cron, nightly.timezone) == ("0 2 * * *", "UTC")


def test_different_schedules_have_different_slugs() -> None:
    """A slug is how Prefect knows a schedule again: two of the same name would become one."""
    lines = ("0 2 * * *", "0 2 * * 1", "*/5 * * * *", "0 1-5 * * *", "0-1 5 * * *", "0 1,5 * * *", "0 2 * * MON")
    config = {f"s{n}": StreamConfig(cron=line) for n, line in enumerate(lines)}
    config |= {f"t{n}": StreamConfig(every=timedelta(minutes=n)) for n in (1, 10, 60)}
    slugs = [entry.slug for entry in schedules("acme", config)]

    assert all(one != other for one, other in itertools.combinations(slugs, 2))
    assert all(slug and slug.replace("-", "").isalnum() for slug in slugs)


def test_streams_that_want_it_are_read_in_full_now_and_then() -> None:
    daily = StreamConfig(every=timedelta(minutes=10), full_every=timedelta(days=1))
    made = schedules(
        "acme", {"organizations": daily, "receivables": StreamConfig(every=timedelta(hours=1)), "users": daily}
    )

    assert made[-1].parameters == {"streams": ["organizations", "users"], "mode": "full"}
    assert isinstance(made[-1].schedule, IntervalSchedule)
    assert made[-1].schedule.interval == timedelta(days=1)
    assert len({entry.slug for entry in made}) == 3
