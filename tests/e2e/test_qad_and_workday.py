"""Customers of QAD and suppliers of Workday arrive once and right, whatever the vendors do, and so do their tickets.

Source and destination are compared record by record. ``E2E_RECORDS=600 pytest -m slow`` meets each fault alone and at
full size; by default a few records meet several at once.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tasks import events
from tests.e2e.conftest import Owner
from tests.e2e.erp_qad import Qad
from tests.e2e.erp_workday import Workday
from tests.e2e.erps import Erp, shown
from tests.installation import Installation

RECORDS = int(os.environ.get("E2E_RECORDS", "600"))
FEW = 30
Fault = dict[str, Any]
API = "/api/v2/*"


@pytest.fixture(params=[Qad, Workday], ids=lambda erp: erp.integration)
def erp(request: pytest.FixtureRequest, installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Erp:
    """One that waits for nothing: pauses are not what is tested."""
    monkeypatch.setattr(events, "LINGER", 0.0)
    made: Erp = request.param(installed)
    return made


def zendesk(fault: str, method: str = "*", **rest: Any) -> Fault:
    return {"system": "zendesk", "fault": fault, "path": "/api/v2/*", "method": method, **rest}


def both(fault: str, **rest: Any) -> list[Fault]:
    """Of the ERP and of Zendesk alike."""
    return [{"fault": fault, **rest}, zendesk(fault, **rest)]


FAULTS: dict[str, list[Fault]] = {
    "pages of fewer than were asked for": [{"fault": "cap_page", "rows": 6}],
    "each page says that it is the last": [{"fault": "lie_has_more"}],
    "sessions that expire mid-page": [{"fault": "expire_token", "every": 4}, zendesk("expire_token", every=9, times=1)],
    "every 7th call 503": both("status", every=7, status=503),
    "429 without Retry-After": both("status", every=5, status=429),
    "truncated answers": both("truncate", every=4),
    "HTML where data was expected": both("html", every=4),
    "connections cut before and after the call": [
        *both("reset", every=5),
        zendesk("lose_response", method="P*", every=4),
    ],
    "every third write committed and answered 504": [zendesk("apply_then_status", method="P*", every=3)],
    "jobs that end as failed, half done": [zendesk("job_failed", method="P*", every=3, after=10)],
    "more jobs than the account may have": [zendesk("too_many_jobs", method="P*", every=4)],
}
SEVERAL = {
    "reading": ("each page says that it is the last", "sessions that expire mid-page", "every 7th call 503"),
    "answers": ("pages of fewer than were asked for", "429 without Retry-After", "truncated answers"),
    "writing": ("every third write committed and answered 504", "jobs that end as failed, half done"),
}
"""What is met at once by default, each fault twice: fewer in all than the tries of a call, whoever meets them."""
TICKET_FAULTS: list[Fault] = [
    zendesk("status", method="GET", every=7, status=503, times=2),
    zendesk("status", method="GET", every=5, status=429, times=2),
    zendesk("expire_token", every=9, times=1),
    *(zendesk(fault, method="PUT", every=5, times=3) for fault in ("apply_then_status", "lose_response", "reset")),
]


async def test_all_arrive_once_and_only_what_changed_is_written_again(erp: Erp) -> None:
    sandbox = erp.sandbox
    await erp.prepare(FEW)
    state = await erp.sync()
    assert state.is_completed(), state.message
    assert erp.wrong() == []

    writes = sandbox.writes()
    assert (await erp.sync()).is_completed()
    assert (await erp.sync(mode="full")).is_completed()
    assert sandbox.writes() == writes

    since = len(sandbox.effects())
    expected = erp.change(3)
    assert (await erp.sync()).is_completed()
    assert sandbox.kinds(since=since) == expected
    assert erp.wrong() == []


@pytest.mark.parametrize("named", SEVERAL.values(), ids=SEVERAL.keys())
async def test_no_fault_loses_or_doubles_a_record(erp: Erp, named: tuple[str, ...]) -> None:
    await erp.prepare(FEW)
    faults = [fault for name in named for fault in FAULTS[name]]
    await _meets(erp, [{"times": 2, **fault} if "every" in fault else fault for fault in faults])


@pytest.mark.slow
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
async def test_no_fault_loses_or_doubles_one_of_many_records(erp: Erp, faults: list[Fault]) -> None:
    await erp.prepare(RECORDS)
    await _meets(erp, faults)


async def _meets(erp: Erp, faults: list[Fault]) -> None:
    for fault in faults:
        erp.sandbox.fault(**{"system": erp.tenant.source, "path": erp.reading, **fault})
    state = await erp.sync()
    assert state.is_completed(), state.message
    assert [fault["fault"] for fault in erp.sandbox.faults() if not fault["hits"]] == []
    assert erp.wrong() == []


async def test_an_answer_that_is_too_large_stops_the_run_and_its_retry_reads_on(erp: Erp) -> None:
    await erp.prepare(FEW)
    erp.sandbox.fault(erp.tenant.source, "huge", path=erp.reading, every=3, times=1, mebibytes=200)
    state = await erp.sync("run-1")
    assert state.is_failed()
    assert "the answer is larger than 32768 KiB: ask for smaller pages" in str(state.message)

    state = await erp.sync("run-1", count=2, completed=0)
    assert state.is_completed(), state.message
    assert erp.wrong() == []


@pytest.mark.parametrize("records", [FEW, pytest.param(RECORDS, marks=pytest.mark.slow)])
async def test_rows_that_change_while_they_are_read_are_missed_by_one_run_at_most(erp: Erp, records: int) -> None:
    await erp.prepare(records)
    erp.sandbox.fault(erp.tenant.source, "mutate_while_paging", path=erp.reading, rows=5)
    assert (await erp.sync()).is_completed()
    erp.sandbox.clear_faults()
    assert (await erp.sync()).is_completed()
    assert erp.wrong() == []


@pytest.mark.parametrize(("records", "n"), [(FEW, 5), pytest.param(RECORDS, 100, marks=pytest.mark.slow)])
async def test_of_a_completed_job_only_the_refused_records_are_rejected_and_a_retry_sends_them(
    erp: Erp, owner: Owner, records: int, n: int
) -> None:
    await erp.prepare(records)
    erp.sandbox.fault("zendesk", "partial_job", "POST", "/api/v2/organizations/create_many", n=n)
    state = await erp.sync("run-1")
    assert state.is_completed(), state.message
    missing = [one for one in erp.wrong() if one.startswith("organization") and "it is not there" in one]
    rejected = "select count(*) from effect where state = 'rejected' and stream like '%/organizations'"
    assert owner.execute(rejected).fetchone() == (len(missing),)
    assert missing

    erp.sandbox.clear_faults()
    state = await erp.sync("run-1", count=2)
    assert state.is_completed(), state.message
    assert erp.wrong() == []


@pytest.mark.parametrize("records", [FEW, pytest.param(RECORDS, marks=pytest.mark.slow)])
async def test_tickets_are_written_once_whatever_happens(erp: Erp, owner: Owner, records: int) -> None:
    sandbox = erp.sandbox
    await erp.prepare(records)
    assert (await erp.sync()).is_completed()
    await _polled(erp, owner)  # the export begins here
    wanted = erp.make_tickets(records)
    since = len(sandbox.effects())
    for fault in TICKET_FAULTS:
        sandbox.fault(**fault)
    await _polled(erp, owner)
    sandbox.clear_faults()
    await _polled(erp, owner)

    assert {ticket: fields for ticket, fields in shown(sandbox).items() if fields} == wanted
    assert sandbox.kinds(since=since) == {"ticket.updated": records}


async def _polled(erp: Erp, owner: Owner) -> None:
    owner.execute("update watermark set updated_at = now() - interval '1 h' where stream like '%tickets'")
    state = await erp.look_at_tickets()
    assert state.is_completed(), state.message
