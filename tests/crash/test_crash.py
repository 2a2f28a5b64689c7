"""Killing the process at any point loses nothing and repeats nothing; a design for which that is not so is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_connector.core.embedded import Embedded
from ml_connector.sandbox.serve import sandbox_process
from tests.crash.harness import Tally
from tests.crash.journeys import harness
from tests.crash.sweep import POINTS, naive_designs
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits: the receiver insists on it


def test_a_death_at_every_crash_point_and_at_random_ones(postgres: Embedded, tmp_path: Path) -> None:
    tally = Tally()
    with sandbox_process() as url, harness(postgres, url, tmp_path / "tenants") as made:
        made.sweep("new", tally)
        made.sweep("changed", tally, faults=made.story.faults[:1])
        made.leave_in_doubt("new", tally)
        made.shuffle(6, seed=20261121, tally=tally)
        caught = naive_designs(made, tmp_path / "naive", rounds=6, seed=1)

    assert (tally.lost, tally.doubled) == (0, 0), tally.bad
    assert [point for point in POINTS["customers"] if not tally.deaths[point]] == []
    assert caught.lost > 0
    assert caught.doubled > 0


def test_the_path_of_an_event_from_its_delivery_to_the_note(postgres: Embedded, tmp_path: Path) -> None:
    tally = Tally()
    with (
        sandbox_process() as url,
        harness(postgres, url, tmp_path / "tenants", "crash_tickets", story="tickets") as made,
    ):
        made.sweep("new", tally)
        made.once_at_each("changed", ("inbox.taken", "ledger.claimed", "upsert.sent"), tally)
        made.leave_in_doubt("changed", tally)
        made.shuffle(2, seed=20261121, tally=tally)

    assert (tally.lost, tally.doubled) == (0, 0), tally.bad
    assert [point for point in POINTS["tickets"] if not tally.deaths[point]] == []


@pytest.mark.parametrize(
    "story",
    ["qad_tickets", "workday", "messages", pytest.param("qad", marks=pytest.mark.slow)],  # as `customers` are
)
def test_customers_of_qad_tickets_that_name_invoices_of_workday_and_messages_of_slack(
    postgres: Embedded, tmp_path: Path, story: str
) -> None:
    """A short sweep; ``make crash`` has the long one."""
    tally = Tally()
    with sandbox_process() as url, harness(postgres, url, tmp_path / "tenants", f"crash_{story}", story=story) as made:
        made.once_at_each("new", [point for point in POINTS[story] if point != "upsert.probed"], tally)
        made.leave_in_doubt("changed", tally)
        made.shuffle(3, seed=20261121, tally=tally)

    assert (tally.lost, tally.doubled) == (0, 0), tally.bad
    assert len(tally.deaths.keys() & set(POINTS[story])) > 4


def test_costs_that_stand_on_tasks_of_asana(postgres: Embedded, tmp_path: Path) -> None:
    """A task that is created is what must not be done twice."""
    tally, points = Tally(), ["ledger.planned", "ledger.claimed", "ledger.settled"]
    with sandbox_process() as url, harness(postgres, url, tmp_path / "tenants", "crash_costs", story="costs") as made:
        made.once_at_each("new", points, tally)
        made.leave_in_doubt("new", tally)

    assert (tally.lost, tally.doubled) == (0, 0), tally.bad
    assert [point for point in (*points, "upsert.sent", "upsert.probed") if not tally.deaths[point]] == []


def test_completions_of_which_none_may_be_posted_twice(postgres: Embedded, tmp_path: Path) -> None:
    """Where it matters most: with the claim committed, with the file handed in, and while nobody can tell."""
    tally, story = Tally(), "completions"
    points = ["ledger.claimed", "oracle.journal.submitted"]
    with sandbox_process() as url, harness(postgres, url, tmp_path / "tenants", f"crash_{story}", story=story) as made:
        made.once_at_each("new", points, tally)
        made.leave_in_doubt("changed", tally)

    assert (tally.lost, tally.doubled) == (0, 0), tally.bad
    assert [point for point in (*points, "upsert.sent", "upsert.probed") if not tally.deaths[point]] == []
