"""What Oracle has, at one moment, of all that a chunk of completions is about."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.general_ledger import GeneralLedger, Ledger, Period
from connectors.oracle_fusion.journal_batches import RESOURCE, ROOT, PostedJournal, of_order, of_task, posted
from connectors.oracle_fusion.journal_costs import Accounts
from connectors.oracle_fusion.journal_names import BatchName
from connectors.oracle_fusion.journal_orders import Order, order
from connectors.oracle_fusion.journal_payload import Journal
from connectors.oracle_fusion.journal_settings import JournalSettings
from connectors.oracle_fusion.sending import AT_ONCE
from connectors.oracle_fusion.settings import SYSTEM
from connectors.oracle_fusion.value_sets import SegmentValues
from ml_connector.core.errors import Misconfigured, RejectRecord


@dataclass(slots=True, frozen=True)
class Look:
    """``now`` is Oracle's time. ``batches``: all of these orders and tasks. ``orders`` by their numbers; or why
    there is none that could bear a cost."""

    now: datetime
    batches: Sequence[PostedJournal]
    ledger: Ledger
    periods: Sequence[Period]
    accounts: Accounts
    orders: Mapping[str, Order | RejectRecord]


async def look_at(client: OracleFusion, settings: JournalSettings, journals: Sequence[Journal]) -> Look:
    """`Misconfigured` where the ledger, its periods or its batches are not seen."""
    names = [BatchName.of(one.po_number, one.completion, one.completed_at) for one in journals]
    now = await client.clock(ROOT, RESOURCE)
    batches = await posted(client, _patterns(names))
    if not batches:
        await must_see_batches(client)
    general_ledger = GeneralLedger(client)
    ledger = await general_ledger.ledger(settings.ledger)
    return Look(
        now=now,
        batches=batches,
        ledger=ledger,
        periods=await general_ledger.periods(ledger),
        accounts=Accounts(general_ledger, SegmentValues(client), ledger, settings),
        orders=await orders_of(client, {one.po_number for one in journals}),
    )


async def must_see_batches(client: OracleFusion) -> None:
    """Without data access Fusion answers as if there were none; then nobody could tell what was posted already."""
    page = await client.rows(ROOT, RESOURCE, limit=1, fields="JeBatchId")
    if not page.rows:
        raise Misconfigured(
            "not one journal batch is seen, so nobody could tell whether a journal was posted already: give the user "
            "of the connection a data access set with the ledger (if it has no batch yet, enter one by hand)",
            vendor=SYSTEM,
            phase=client.operation(ROOT, RESOURCE),
        )


def seen(batches: Iterable[PostedJournal], order_part: str, task: str) -> list[str]:
    """The ids of those of one order or one task."""
    return sorted(batch.batch_id for batch in batches if batch.order == order_part or batch.task == task)


async def orders_of(client: OracleFusion, numbers: Iterable[str]) -> dict[str, Order | RejectRecord]:
    """By their numbers; or why there is none that could bear a cost."""
    room = asyncio.Semaphore(AT_ONCE)

    async def read(number: str) -> tuple[str, Order | RejectRecord]:
        async with room:
            try:
                return number, await order(client, number)
            except RejectRecord as error:
                return number, error

    return dict(await asyncio.gather(*(read(number) for number in sorted(numbers))))


def _patterns(names: Iterable[BatchName]) -> list[str]:
    return sorted({pattern for name in names for pattern in (of_order(name.order), of_task(name.task))})
