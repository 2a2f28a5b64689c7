"""`reconcile`: what our ledger and Oracle say of a month, as long as they agree and when they do not."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.oracle_fusion.journal_batches import PostedJournal
from connectors.oracle_fusion.journals import Journals
from ml_connector.cli.month_end import Completion, OrderAmount, by_completion, by_order
from ml_connector.core.records import State
from tests.boards import Boards
from tests.cli.conftest import Command
from tests.installation import Installation
from tests.posting import Posting

COSTS = ("10.00", "20.50", "30.25", "40.75")
Rows = list[dict[str, str]]


@pytest.fixture
def posting(installed: Installation, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> Posting:
    """Four completions of two orders are posted."""
    monkeypatch.setattr(Journals, "settle_seconds", 0.05)
    made = Posting(Boards(installed, amount="field"))
    asyncio.run(made.prepare(2))
    asyncio.run(made.boards.post())  # completions count from here
    made.complete([made.task(made.orders[n // 2], Decimal(cost)) for n, cost in enumerate(COSTS)])
    scan(made, owner)
    return made


def scan(posting: Posting, owner: psycopg.Connection[Any]) -> None:
    owner.execute("update watermark set updated_at = now() - interval '1 h'")
    assert asyncio.run(posting.boards.post()).is_completed()


@pytest.fixture
def reconciled(posting: Posting, command: Command, tmp_path: Path) -> Callable[[], tuple[int, Rows]]:
    """The exit code, and what the CSV says of the month in which all this happens."""
    month = datetime.strptime(posting.boards.batches()[0]["DefaultPeriodName"], "%b-%y")  # noqa: DTZ007

    def reconcile() -> tuple[int, Rows]:
        file = tmp_path / "month.csv"
        ended = command("reconcile", "acme", "--period", f"{month:%Y-%m}", "--csv", str(file))
        with file.open(newline="") as written:
            return ended.exit_code, list(csv.DictReader(written))

    return reconcile


def test_a_month_that_agrees(posting: Posting, reconciled: Callable[[], tuple[int, Rows]]) -> None:
    code, rows = reconciled()

    assert code == 0
    assert not any(row["difference"] for row in rows)
    completions = [row for row in rows if row["kind"] == "completion"]
    assert sorted(row["posted"] for row in completions) == list(COSTS)
    assert all(Decimal(row["handed_in"]) == Decimal(row["posted"]) for row in completions)
    assert {row["state"] for row in completions} == {"applied"}
    orders = {row["order"]: row for row in rows if row["kind"] == "order"}
    assert {number: row["posted"] for number, row in orders.items()} == dict(
        zip(posting.orders, ("30.50", "71.00"), strict=True)
    )
    for row in orders.values():
        assert Decimal(row["ordered"]) - Decimal(row["posted"]) == Decimal(row["remaining"]) > 0


def test_whatever_differs_is_named(
    posting: Posting, owner: psycopg.Connection[Any], reconciled: Callable[[], tuple[int, Rows]]
) -> None:
    forgotten, gone, stuck, failed = posting.boards.batches()
    lost = posting.task("US1", Decimal(1))
    posting.complete([lost])
    scan(posting, owner)
    owner.execute("delete from effect where dest_id = %s", (_ours(forgotten),))
    owner.execute("update effect set state = 'needs_human' where dest_id = %s", (_ours(stuck),))
    oracle = posting.sandbox
    oracle.mutate("oracle_fusion", "journalBatches", keys=[gone["JeBatchId"]], set={"BatchName": "reversed"})
    oracle.mutate("oracle_fusion", "journalBatches", keys=[failed["JeBatchId"]], do="fail")

    code, rows = reconciled()

    assert code == 1
    told = {(row["kind"], row["difference"]): row for row in rows if row["difference"]}
    assert told["batch", "no completion in our ledger has made this batch"]["batch"] == _ours(forgotten)
    assert ("completion", "our ledger says that it was posted, and Oracle has no batch") in told
    assert told["completion", "Oracle has its batch, and our ledger says needs_human"]["batch"] == _ours(stuck)
    assert told["completion", "Oracle could not post the batch: its status is E"]["batch"] == _ours(failed)
    rejected = told["completion", "it was not posted: rejected"]
    assert (rejected["task"], rejected["order"]) == (lost, "US1")
    assert rejected["reason"].startswith("Oracle has no purchase order of this number")
    assert len(told) == 5


def test_a_batch_that_somebody_has_changed_is_named() -> None:
    at = datetime(2026, 10, 5, tzinfo=UTC)
    done = Completion("7", at, "US1", Decimal("10.00"), State.APPLIED, "MLC-US1-7-x", None)
    batch = PostedJournal("1", "MLC-US1-7-x Asana A 1 2 N", "US1", "7", at, Decimal("10.0"), "USD", "P", "Oct-26")
    told = {
        Decimal("10.0"): "",
        Decimal("10.01"): "the batch holds another amount than was handed in",
        None: "somebody has changed the batch: it is not one balanced journal",
    }
    for amount, difference in told.items():
        [line] = by_completion([done], [], [replace(batch, amount=amount)])
        assert line.difference == difference
    [line] = by_completion([done], [], [batch, replace(batch, batch_id="2")])
    assert line.difference == "Oracle has 2 batches of it"
    assert not list(by_completion([], [done], [batch]))
    [order] = by_order([OrderAmount("US1", "USD", Decimal("9.99"), None)], [batch])
    assert (order.remaining, order.difference) == (Decimal("-0.01"), "more was posted than ordered")


def _ours(batch: dict[str, Any]) -> str:
    return str(batch["BatchName"]).partition(" ")[0]
