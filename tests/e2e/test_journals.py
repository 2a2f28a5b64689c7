"""Completed tasks of an emulated Asana become journals, counted as batches of an emulated Oracle."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.core.balance import noted_before
from ml_connector.core.db import Database
from ml_connector.core.runs import last_attempt
from tasks import events
from tests.boards import NOT_IN_FORCE, ORDERS, PAYABLES, Boards
from tests.e2e.conftest import Owner
from tests.installation import Installation
from tests.listening import listening
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits


@pytest.fixture
async def boards(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Boards]:
    """The tasks of 75 orders, on boards whose webhooks reach a receiver."""
    monkeypatch.setattr(events, "LINGER", 1.5)  # a probe comes a second after what it looks for
    made = Boards(installed)
    await made.prepare()
    made.sandbox.seed("oracle_fusion", "journal_batches", 1)  # where none is seen, access may be missing
    made.sandbox.seed("oracle_fusion", "purchase_orders", 75)
    made.sandbox.seed("oracle_fusion", "invoices", 5)
    assert (await made.sync()).is_completed()
    async with listening(installed):
        assert (await made.post()).is_completed()  # completions count from here
        yield made


async def received(owner: Owner, wanted: int) -> None:
    """Wait until so many events have arrived since the beginning."""
    deadline = time.monotonic() + 60
    while True:
        row = owner.execute("select count(*) from inbox").fetchone()
        if row and row[0] >= wanted:
            return
        assert time.monotonic() < deadline, f"{row} events of {wanted} have arrived"
        await asyncio.sleep(0.02)


def states(owner: Owner) -> Counter[tuple[str, str | None]]:
    rows = owner.execute("select state, reason from effect where stream = 'oracle_asana/journals'").fetchall()
    return Counter((state, reason) for state, reason in rows)


def assert_balanced(boards: Boards, numbers: list[str]) -> None:
    """Each of these orders, and no other, has one batch, which books all that was ordered, debit and credit."""
    ordered = {row["OrderNumber"]: row for row in boards.sandbox.state("oracle_fusion", "purchaseOrders")}
    batches = boards.batches()
    assert Counter(batch["order"] for batch in batches) == Counter(numbers)
    for batch in batches:
        [journal] = batch["journalHeaders"]
        lines = journal["journalLines"]
        debits, credits_ = (
            sum((Decimal(str(line[side] or 0)) for line in lines), Decimal(0)) for side in ("EnteredDr", "EnteredCr")
        )
        order = ordered[batch["order"]]
        assert debits == credits_ > 0
        assert Decimal(str(order["Ordered"])) - 1 < debits <= Decimal(str(order["Ordered"]))
        assert journal["CurrencyCode"] == order["CurrencyCode"]


async def test_completed_tasks_are_one_balanced_batch_each_however_often_they_are_told(
    boards: Boards, owner: Owner, database: Database
) -> None:
    numbers = boards.complete(12)
    await received(owner, 12)
    state = await boards.post("run")
    assert state.is_completed(), state.message
    assert_balanced(boards, numbers)

    gids = [task["gid"] for task in boards.tasks().values() if task["completed"]]
    boards.sandbox.mutate("asana", "tasks", keys=gids[:3], set={"name": "Told once more"})
    owner.execute("update inbox set state = 'pending', settled_at = null, due_at = now()")
    owner.execute("update watermark set updated_at = now() - interval '1 h'")
    assert (await boards.post()).is_completed()
    for count in (2, 3):
        again = await boards.post("run", count=count, completed=count - 1)
        assert again.is_completed(), again.message
    assert_balanced(boards, numbers)
    attempt = await last_attempt(database, "acme", "run")
    assert attempt is not None
    shown = await noted_before(database, "acme", attempt, "oracle_asana/journals", 100)
    assert {one.dest_id for one in shown} == {batch["BatchName"].partition(" ")[0] for batch in boards.batches()}


async def test_what_costs_nothing_or_cannot_be_booked_is_left_out_or_rejected_with_the_reason(
    boards: Boards, owner: Owner
) -> None:
    sandbox, tasks = boards.sandbox, boards.tasks()
    [invoice, *_] = [task for key, task in tasks.items() if key.startswith("invoice:")]
    order = next(t for key, t in tasks.items() if key.startswith("po:") and t["PO status"] not in NOT_IN_FORCE)
    sandbox.mutate("asana", "custom_fields", keys=["Invoice number"], rename="Our number")
    sandbox.mutate("asana", "tasks", keys=[invoice["gid"]], complete=True)
    for name, fields in (("Kick-off", {}), ("Unheard-of", {"PO number": "US1"})):
        [gid] = sandbox.mutate("asana", "tasks", create={"name": name, "projects": [ORDERS], "custom_fields": fields})
        sandbox.mutate("asana", "tasks", keys=[gid], complete=True)
    fields = {"PO number": order["PO number"]}
    approval = {"name": "Approve", "resource_subtype": "approval", "projects": [ORDERS], "custom_fields": fields}
    [gid] = sandbox.mutate("asana", "tasks", create=approval)
    sandbox.mutate("asana", "tasks", keys=[gid], approve="rejected")
    await received(owner, 4)
    assert (await boards.post()).is_completed()

    assert boards.batches() == []
    found = states(owner)
    assert found["unchanged", "the mapping's `when` leaves it out"] == 2
    reasons = sorted(str(reason) for state, reason in found.elements() if state == "rejected")
    assert len(reasons) == 2
    assert reasons[0].startswith("Oracle has no purchase order of this number")
    assert reasons[1].startswith("po_number, from `po_number`: it is empty")

    heard = _heard(owner)
    other = next(
        t for key, t in reversed(tasks.items()) if key.startswith("po:") and t["PO status"] not in NOT_IN_FORCE
    )
    fields["PO number"] = other["PO number"]
    [old] = sandbox.mutate("asana", "tasks", create=approval)
    sandbox.mutate("asana", "tasks", keys=[old], approve="approved")
    await received(owner, heard + 1)
    owner.execute("update inbox set state = 'done' where state = 'pending'")  # as if decided before the stream began
    owner.execute(
        "update watermark set updated_at = now() - interval '1 h', modified_at = now() - interval '5 ms', "
        "begins_at = now() - interval '5 ms'"
    )
    sandbox.mutate("asana", "webhooks", drop=1)
    sandbox.mutate("asana", "tasks", keys=[gid], approve="approved")  # after all, and nobody tells
    sandbox.mutate("asana", "tasks", keys=[old], set={"notes": "a word"})
    assert (await boards.post()).is_completed()
    assert_balanced(boards, [order["PO number"]])


async def test_a_webhook_that_was_gone_for_a_day_is_made_anew_and_what_it_did_not_tell_is_posted_once(
    boards: Boards, owner: Owner
) -> None:
    sandbox = boards.sandbox
    told = boards.complete(1)
    await received(owner, 1)
    assert (await boards.post()).is_completed()
    before = sandbox.state("asana", "webhooks")
    sandbox.mutate("asana", "webhooks", delete=True)
    owner.execute("update watermark set updated_at = now() - interval '1 d', modified_at = now() - interval '1 d'")
    told += boards.complete(40)

    state = await boards.post()
    assert state.is_completed(), state.message
    after = sandbox.state("asana", "webhooks")
    assert [row["target"] for row in after] == [row["target"] for row in before]
    assert {row["gid"] for row in after}.isdisjoint(row["gid"] for row in before)
    assert_balanced(boards, told)

    heard = _heard(owner)
    told += boards.complete(2)  # told by the new webhook, signed with its new secret
    await received(owner, heard + 2)
    assert (await boards.post()).is_completed()
    assert_balanced(boards, told)


async def test_a_board_that_is_closed_and_a_webhook_that_is_refused_fail_the_run_and_hold_up_nothing_else(
    boards: Boards, owner: Owner
) -> None:
    sandbox = boards.sandbox
    sandbox.fault("asana", "status", "POST", "/api/1.0/webhooks", status=400, body="{}")
    sandbox.mutate("asana", "webhooks", delete=True)
    owner.execute("update watermark set updated_at = now() - interval '1 d', modified_at = now() - interval '1 d'")
    numbers = boards.complete(3)
    sandbox.mutate("asana", "projects", keys=[PAYABLES], hide=True)

    state = await boards.post()
    assert state.is_failed()
    assert "does not create the webhook" in str(state.message)
    assert "hides it from the token's user" in str(state.message)
    assert_balanced(boards, numbers)


def _heard(owner: Owner) -> int:
    [row] = owner.execute("select count(*) from inbox").fetchall()
    count: Any = row[0]
    return int(count)
