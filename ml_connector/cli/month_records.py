"""What a month is reconciled from: completions of our ledger, batches and orders of Oracle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from connectors.oracle_fusion.amounts import amount
from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.general_ledger import GeneralLedger, Period, period_of
from connectors.oracle_fusion.journal_batches import PostedJournal, of_order, of_task, posted
from connectors.oracle_fusion.journal_look import must_see_batches, orders_of
from connectors.oracle_fusion.journal_names import BatchName, order_part
from connectors.oracle_fusion.journal_orders import Order
from connectors.oracle_fusion.journal_settings import JournalSettings
from ml_connector.cli.month_end import Completion, OrderAmount
from ml_connector.core.entered import Entered, entered_as, entered_in
from ml_connector.core.errors import Misconfigured, RejectRecord
from ml_connector.core.mapping import Mapping
from ml_connector.core.records import State
from tasks.workspace import Workspace

INTEGRATION, STREAM = "oracle_asana", "journals"


@dataclass(slots=True, frozen=True)
class Month:
    """``batches``: all of the period, and all others of the orders that these or the completions are about.
    ``elsewhere``: the completions of other periods that have made some of them."""

    period: Period
    completions: Sequence[Completion]
    elsewhere: Sequence[Completion]
    batches: Sequence[PostedJournal]
    orders: Sequence[OrderAmount]


async def records_of(workspace: Workspace, middle: date) -> Month:
    """Of the accounting period that holds the day ``middle``, by days of the ledger's time zone.

    `Misconfigured` where the tenant writes no journals, or its ledger has no such period.
    """
    if INTEGRATION not in workspace.config.integrations:
        raise Misconfigured(f"tenant {workspace.tenant} has no {INTEGRATION} in its file: it writes no journals")
    client: OracleFusion = await workspace.client(workspace.config.integrations[INTEGRATION].source)
    if client.settings.journals is None:
        raise Misconfigured("the Oracle connection has no `journals` in the tenant's file: it writes none")
    period = await _period(client, client.settings.journals, middle)
    mapping = workspace.mapping(INTEGRATION, STREAM)
    where = (
        workspace.db,
        await workspace.vault.sealer(workspace.tenant, "body"),
        workspace.tenant,
        f"{INTEGRATION}/{STREAM}",
    )
    rows = await entered_in(*where, *_span(period, ZoneInfo(client.settings.journals.time_zone)))
    completions = _completions(mapping, rows)
    batches = await _batches(client, period, completions)
    if not batches:
        await must_see_batches(client)
    known = {one.key for one in completions}
    others = {(batch.task, batch.completed_at) for batch in batches} - known
    elsewhere = _completions(mapping, await entered_as(*where, others))
    orders = await orders_of(client, {one.order for one in (*completions, *elsewhere) if one.order})
    return Month(period, completions, elsewhere, batches, [_ordered(*one) for one in sorted(orders.items())])


async def _period(client: OracleFusion, wanted: JournalSettings, middle: date) -> Period:
    general_ledger = GeneralLedger(client)
    found = period_of(await general_ledger.periods(await general_ledger.ledger(wanted.ledger)), middle)
    if found is None:
        raise Misconfigured(f"the ledger {wanted.ledger} has no accounting period that holds {middle:%Y-%m-%d}")
    return found


def _span(period: Period, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From its first moment to the first one behind it."""
    behind = period.last + timedelta(days=1)
    return datetime.combine(period.first, time.min, zone), datetime.combine(behind, time.min, zone)


async def _batches(client: OracleFusion, period: Period, completions: Iterable[Completion]) -> list[PostedJournal]:
    of_period = await posted(client, period=period.name)
    patterns = {of_order(order_part(one.order)) if one.order else of_task(one.task) for one in completions}
    patterns |= {of_order(batch.order) for batch in of_period}
    others = await posted(client, sorted(patterns)) if patterns else []
    return list({batch.batch_id: batch for batch in (*of_period, *others)}.values())


def _ordered(number: str, found: Order | RejectRecord) -> OrderAmount:
    if isinstance(found, RejectRecord):
        return OrderAmount(number, None, None, found.message)
    return OrderAmount(number, found.currency, sum((one.ordered for one in found.bearers), Decimal(0)), None)


def _completions(mapping: Mapping, rows: Iterable[Entered]) -> list[Completion]:
    """A task that was opened again is none, and what the mapping leaves out is not to be posted."""
    return [
        Completion(
            task=row.source_id,
            completed_at=row.version_at,
            order=_number(mapping, row),
            amount=amount((row.request or {}).get("amount"), "amount"),
            state=State(row.state),
            batch=row.dest_id if _is_own(row) else None,
            reason=row.reason,
        )
        for row in rows
        if (row.body or {}).get("completed") is not False and (row.state != State.UNCHANGED or row.dest_id)
    ]


def _is_own(row: Entered) -> bool:
    """Whether the destination id names the batch of this completion: it may be that of an earlier one."""
    name = BatchName.parse(row.dest_id or "")
    return name is not None and (name.task, name.completed_at) == (row.source_id, row.version_at)


def _number(mapping: Mapping, row: Entered) -> str | None:
    if row.request:
        number: str = row.request["columns"]["REFERENCE6"]
        return number
    try:
        return str(mapping.apply(row.body)["po_number"]) if row.body else None
    except RejectRecord:
        return None
