"""What the sandbox does not do to jobs: odd orders, contested places, jobs that are refused as a whole."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any, cast
from uuid import uuid4

import pytest

from connectors.zendesk.client import Zendesk
from connectors.zendesk.errors import Problem, Refused
from connectors.zendesk.job_results import results_of
from connectors.zendesk.jobs import Jobs
from connectors.zendesk.writing import Call, Fate, Halt, Result, Work
from ml_connector.core.errors import AbortRun, RetryLater
from ml_connector.core.records import Body, Decision

CREATE = Call("POST", "/things/create_many", "things")
UPDATE = Call("PUT", "/things/update_many", "things")


def works(bodies: Sequence[Body], call: Call = CREATE) -> list[Work]:
    return [Work(Decision(uuid4(), str(n), ""), call, body) for n, body in enumerate(bodies)]


class Vendor:
    """Takes jobs and ends them at the next look, with results in a random order; refuses what is poisoned."""

    def __init__(self) -> None:
        self.jobs: dict[str, list[Body]] = {}
        self.submitted: list[int] = []
        self.looks = 0
        self.running: set[str] = set()
        self.dice = random.Random(1)
        self.most_running = 0

    async def write(self, method: str, path: str, body: Body, **_: Any) -> tuple[Body, str | None]:
        things = body["things"]
        self.submitted.append(len(things))
        if any(thing.get("hangs") for thing in things):
            raise RetryLater("it timed out", maybe_applied=True)
        if any(thing.get("poison") for thing in things):
            raise Refused("no", Problem("RecordInvalid"), phase=f"{method} {path}")
        job_id = f"job {len(self.jobs)}"
        results = [{"index": n, "id": thing["number"] + 1000} for n, thing in enumerate(things)]
        self.dice.shuffle(results)
        self.jobs[job_id] = results
        self.running.add(job_id)
        self.most_running = max(self.most_running, len(self.running))
        return {"job_status": {"id": job_id, "status": "queued", "results": None}}, "request 1"

    async def show_jobs(self, ids: Sequence[str]) -> list[Body]:
        self.looks += 1
        self.running.difference_update(ids)
        return [{"id": one, "status": "completed", "results": self.jobs[one]} for one in ids if one in self.jobs]


def jobs_of(vendor: Any, most: int = 20) -> Jobs:
    return Jobs(cast(Zendesk, vendor), most, forget=0.3, patience=2.0)


async def write(jobs: Jobs, work: list[Work], halt: Halt | None = None) -> dict[int, Result]:
    """By the place in ``work``; each has exactly one."""
    done = await asyncio.gather(*jobs.batches(work, halt or Halt()))
    results = {int(piece.decision.source_id): result for batch in done for piece, result in batch}
    assert len(results) == len(work) == sum(len(batch) for batch in done)
    return results


async def test_results_find_their_records_whatever_their_order() -> None:
    vendor = Vendor()
    results = await write(jobs_of(vendor), works([{"number": n} for n in range(350)]))

    assert {place: result.id for place, result in results.items()} == {n: str(n + 1000) for n in range(350)}
    assert vendor.submitted == [100, 100, 100, 50]
    assert vendor.looks == 1, "all jobs in flight are looked at together"


async def test_the_jobs_in_flight_are_bounded_over_all_who_send() -> None:
    vendor = Vendor()
    jobs = jobs_of(vendor, most=3)
    work = works([{"number": n} for n in range(500)])
    await asyncio.gather(write(jobs, work), write(jobs, work))

    assert len(vendor.submitted) == 10
    assert vendor.most_running == 3


async def test_a_poison_record_is_found_and_the_others_go_on() -> None:
    vendor = Vendor()
    work = works([{"number": n, "poison": n in (37, 38)} for n in range(100)])
    results = await write(jobs_of(vendor), work)

    refused = [place for place, result in results.items() if result.fate is Fate.REFUSED]
    assert refused == [37, 38]
    assert sum(result.fate is Fate.WRITTEN for result in results.values()) == 98
    assert len(vendor.submitted) < 30


async def test_what_failed_before_stands_alone_and_after_an_outage_in_a_hundred_jobs() -> None:
    vendor = Vendor()
    work = works([{"number": n} for n in range(700)])
    for piece in work[:60]:
        piece.decision.attempts = 2
    await write(jobs_of(vendor), work)
    assert sorted(vendor.submitted) == [1] * 60 + [40] + [100] * 6

    vendor = Vendor()
    for piece in work:
        piece.decision.attempts = 3
    await write(jobs_of(vendor), work)
    assert vendor.submitted == [7] * 100


async def test_records_that_let_their_jobs_time_out_keep_nobody_for_long() -> None:
    vendor = Vendor()
    open_ = works([{"number": n, "hangs": n in (3, 104, 205)} for n in range(2_500)])
    left: list[int] = []
    while len(left) < 4:
        results = await write(jobs_of(vendor), open_)
        open_ = [piece for piece in open_ if results[int(piece.decision.source_id)].fate is not Fate.WRITTEN]
        for piece in open_:
            piece.decision.attempts += 1
        left.append(len(open_))

    assert left == [300, 300, 9, 3]


def test_updates_are_told_apart_by_id_and_never_by_place() -> None:
    batch = works([{"id": 7}, {"id": 8}, {"id": 9}], UPDATE)
    told = [
        {"id": 9, "action": "update", "success": True, "status": "Updated"},
        {"id": 7, "action": "update", "success": False, "error": "Name: Acme has already been taken", "details": ""},
    ]
    found = [result for _, result in results_of(batch, {"status": "completed", "results": told}, None)]

    assert [result.fate for result in found] == [Fate.REFUSED, Fate.SILENT, Fate.WRITTEN]
    assert found[0].problem == Problem("Unknown", (("name", "DuplicateValue"),))


@pytest.mark.parametrize(
    ("results", "fates"),
    [
        ([{"index": 0, "id": 5}, {"index": 0, "id": 6}], [Fate.SILENT, Fate.SILENT]),
        ([{"index": 9, "id": 5}, {"index": 1, "id": 6}], [Fate.SILENT, Fate.WRITTEN]),
        ([{"id": 5}, {"id": 6}], [Fate.SILENT, Fate.SILENT]),
        # The "id" of what was not created is its place in the request.
        ([{"index": 1, "id": 1, "success": False, "error": "x"}], [Fate.SILENT, Fate.REFUSED]),
        ([{"index": 0, "id": 5}, {"id": 1, "success": False, "error": "x"}], [Fate.WRITTEN, Fate.REFUSED]),
        ([{"id": 5, "status": "Created"}, {"id": 1, "status": "Failed"}], [Fate.SILENT, Fate.REFUSED]),
        # One sign is not enough: it may be counted from one, or the list may be in no order.
        ([{"id": 1, "success": False, "error": "x"}, {"index": 0, "id": 5}], [Fate.WRITTEN, Fate.SILENT]),
        ([{"id": 1, "status": "Failed"}, {"id": 2, "status": "Failed"}], [Fate.SILENT, Fate.SILENT]),
        ([{"id": 0, "status": "Failed"}], [Fate.SILENT, Fate.SILENT]),
        ([{"status": "Failed"}, {"status": "Failed"}], [Fate.SILENT, Fate.SILENT]),
        ({"success": True}, [Fate.SILENT, Fate.SILENT]),
        (None, [Fate.SILENT, Fate.SILENT]),
    ],
)
def test_results_that_do_not_name_a_record_say_nothing_about_it(results: Any, fates: list[Fate]) -> None:
    told = results_of(works([{}, {}]), {"status": "completed", "results": results}, None)

    assert [result.fate for _, result in told] == fates


@pytest.mark.parametrize(
    ("entry", "fate"),
    [
        ({"id": 5, "status": "Created"}, Fate.WRITTEN),
        ({"success": False, "error": "x", "details": "y"}, Fate.REFUSED),
        ({"id": 0, "status": "Failed"}, Fate.REFUSED),
        ({"status": "Created"}, Fate.SILENT),
    ],
)
def test_the_only_result_of_a_job_of_one_is_that_one_s(entry: Body, fate: Fate) -> None:
    ((_, result),) = results_of(works([{}]), {"status": "completed", "results": [entry]}, None)

    assert result.fate is fate


async def test_no_room_in_the_account_ends_as_certainly_not_sent() -> None:
    class Full(Vendor):
        async def write(self, *_: Any, **__: Any) -> tuple[Body, str | None]:
            self.submitted.append(1)
            raise RetryLater("too many jobs", retry_after=0.05)

    vendor = Full()
    results = await write(jobs_of(vendor), works([{"number": 1}]))

    assert results[0].fate is Fate.UNSENT
    assert len(vendor.submitted) > 2


async def test_a_token_that_is_refused_while_jobs_are_watched_leaves_them_unclear() -> None:
    class Locked(Vendor):
        async def show_jobs(self, *_: Any) -> list[Body]:
            raise AbortRun("no")

    halt = Halt()
    results = await write(jobs_of(Locked()), works([{"number": 1}]), halt)

    assert results[0].fate is Fate.UNKNOWN
    assert halt.error is not None


async def test_looks_that_fail_do_not_end_the_watching() -> None:
    class Shaky(Vendor):
        async def show_jobs(self, ids: Sequence[str]) -> list[Body]:
            if self.looks < 2:
                self.looks += 1
                raise RetryLater("503")
            return await super().show_jobs(ids)

    results = await write(jobs_of(Shaky()), works([{"number": 1}]))

    assert results[0].fate is Fate.WRITTEN


async def test_a_job_that_does_not_end_is_given_up_as_unclear() -> None:
    class Stuck(Vendor):
        async def show_jobs(self, ids: Sequence[str]) -> list[Body]:
            return [{"id": one, "status": "working", "results": None} for one in ids]

    jobs = jobs_of(Stuck())
    jobs.deadline = 0.3
    results = await write(jobs, works([{"number": 1}]))

    assert results[0].fate is Fate.UNKNOWN
    assert not jobs.in_flight
