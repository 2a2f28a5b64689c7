"""Completions, journal batches and purchase orders of a month, held against each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from connectors.oracle_fusion.journal_batches import PostedJournal
from connectors.oracle_fusion.journal_names import order_part
from ml_connector.core.records import State
from ml_connector.core.states import DONE

_DECIDED = (State.SUPERSEDED, State.ABANDONED)
"""A later word on the task, or a person's, has taken the place of the completion."""
_IN_ORDER = ("U", "S", "I", "P")
"""Unposted, selected for posting, being posted, posted; a batch of any other status is in error."""
_NOTHING = Decimal(0)


@dataclass(slots=True, frozen=True)
class Completion:
    """A completion of a task, as our ledger has it."""

    task: str
    completed_at: datetime
    order: str | None
    """The number of its purchase order; None if it names none, or what was read is no longer stored."""
    amount: Decimal | None
    """What was handed in; None if nothing was."""
    state: State
    batch: str | None
    """The one that it has in our ledger's opinion."""
    reason: str | None

    @property
    def key(self) -> tuple[str, datetime]:
        """What it has in common with its batch."""
        return self.task, self.completed_at


@dataclass(slots=True, frozen=True)
class OrderAmount:
    """What was ordered with a purchase order; None, with the reason, where costs cannot be booked on it."""

    number: str
    currency: str | None
    ordered: Decimal | None
    reason: str | None


@dataclass(slots=True)
class Line:
    """One line; what its kind has not is None. ``difference`` is empty where all is well."""

    kind: Literal["completion", "batch", "order"]
    order: str | None
    task: str | None = None
    completed_at: datetime | None = None
    state: str | None = None
    batch: str | None = None
    """Its name, as far as it is ours: in Oracle words of its own follow."""
    status: str | None = None
    """P posted, U unposted, ..."""
    period: str | None = None
    currency: str | None = None
    ordered: Decimal | None = None
    handed_in: Decimal | None = None
    posted: Decimal | None = None
    """What the batch holds; of an order what all its batches hold, of whatever period."""
    remaining: Decimal | None = None
    difference: str = ""
    reason: str | None = None


def by_completion(
    completions: Sequence[Completion], elsewhere: Sequence[Completion], batches: Sequence[PostedJournal]
) -> Iterator[Line]:
    """A line for each completion, then one for each batch that neither these have made nor any ``elsewhere``."""
    there: dict[tuple[str, datetime], list[PostedJournal]] = defaultdict(list)
    for batch in batches:
        there[batch.task, batch.completed_at].append(batch)
    for one in completions:
        yield _completion(one, there.pop(one.key, []))
    for one in elsewhere:
        there.pop(one.key, None)
    for unknown in there.values():
        for batch in unknown:
            line = Line("batch", batch.order, batch.task, batch.completed_at)
            _fill(line, batch)
            line.difference = "no completion in our ledger has made this batch"
            yield line


def by_order(orders: Sequence[OrderAmount], batches: Sequence[PostedJournal]) -> Iterator[Line]:
    """A line for each order."""
    posted: dict[str, Decimal] = defaultdict(Decimal)
    for batch in batches:
        posted[batch.order] += batch.amount or _NOTHING
    for order in orders:
        line = Line("order", order.number, currency=order.currency, ordered=order.ordered, reason=order.reason)
        line.posted = posted[order_part(order.number)]
        if order.ordered is not None:
            line.remaining = order.ordered - line.posted
        if line.posted > (order.ordered or _NOTHING):
            line.difference = "more was posted than ordered"
        yield line


def _completion(one: Completion, batches: Sequence[PostedJournal]) -> Line:
    line = Line("completion", one.order, one.task, one.completed_at, one.state, one.batch)
    if batches:
        _fill(line, batches[0])
    line.handed_in = one.amount
    line.difference = "; ".join(_differences(one, batches))
    line.reason = one.reason if line.difference else None
    return line


def _fill(line: Line, batch: PostedJournal) -> None:
    line.batch, line.status, line.period = str(batch.completion), batch.status, batch.period
    line.currency, line.posted = batch.currency, batch.amount


def _differences(one: Completion, batches: Sequence[PostedJournal]) -> Iterator[str]:
    if len(batches) > 1:
        yield f"Oracle has {len(batches)} batches of it"
    if batches and one.state not in DONE:
        yield f"Oracle has its batch, and our ledger says {one.state}"
    if not batches and one.batch:
        yield "our ledger says that it was posted, and Oracle has no batch"
    if not batches and one.state not in (*DONE, *_DECIDED):
        yield f"it was not posted: {one.state}"
    for batch in batches:
        if batch.amount is None:
            yield "somebody has changed the batch: it is not one balanced journal"
        elif one.amount not in (None, batch.amount):
            yield "the batch holds another amount than was handed in"
        if batch.status not in _IN_ORDER:
            yield f"Oracle could not post the batch: its status is {batch.status}"
